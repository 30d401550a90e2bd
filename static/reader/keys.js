// Single keys for what one does all day; a switch in the dialog that lists them turns them off (WCAG 2.1.4).

import { branch } from "../strings.js";

/** `actions`: key -> what it does. */
export function listenForKeys({ dialog, opener, actions }) {
  const enabled = dialog.querySelector("input");
  const list = dialog.querySelector("dl");
  for (const [key, what] of Object.entries(branch("keys").list)) {
    const [term, description] = [document.createElement("dt"), document.createElement("dd")];
    const name = document.createElement("kbd");
    name.textContent = key;
    term.append(name);
    description.textContent = what;
    list.append(term, description);
  }
  opener.addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.matches("textarea")) {
      event.target.blur(); // so that the keys mean something again
    }
    const typing = event.target.matches("textarea, select, input:not([type=checkbox], [type=range])");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) {
      return;
    }
    if (event.key === "?") {
      dialog.showModal();
    } else if (enabled.checked && Object.hasOwn(actions, event.key) && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      actions[event.key]();
    }
  });
}
