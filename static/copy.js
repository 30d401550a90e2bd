// A button that copies each example.

import { text } from "./strings.js";

for (const block of document.querySelectorAll("pre")) {
  const button = document.createElement("button");
  button.className = "plain copy";
  button.textContent = text("copy.do");
  button.addEventListener("click", async () => {
    const copied = await navigator.clipboard.writeText(block.textContent).then(() => true, () => false);
    button.textContent = text(copied ? "copy.done" : "copy.failed");
  });
  block.before(button);
}
