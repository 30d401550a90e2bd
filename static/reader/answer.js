// The panel that says what the network makes of the chosen slice or study, and takes what the reader makes of it.

import { complaint, reason, title } from "./labels.js";
import { OPEN, RETRIABLE } from "./queue.js";
import { percent, text } from "../strings.js";

/** Says "mark" with detail {mark} or {note}, and "telling", "retry", "remove". */
export class Answer extends EventTarget {
  #panel;
  #item = null;

  constructor(panel) {
    super();
    this.#panel = panel;
    for (const button of panel.querySelectorAll("[data-mark]")) {
      button.addEventListener("click", () => this.mark(button.dataset.mark));
    }
    this.#part("note").addEventListener("input", (event) => this.#say("mark", { note: event.target.value }));
    for (const name of ["telling", "retry", "remove"]) {
      this.#part(name).addEventListener("click", () => this.#say(name));
    }
  }

  /** Mark the answer, or take the same mark back. */
  mark(mark) {
    if (this.#item?.answer) {
      this.#say("mark", { mark: this.#item.mark === mark ? "" : mark });
    }
  }

  /** Show an item, or nothing; `slice` is the slice of its study that the picture shows. */
  show(item, slice) {
    const other = item !== this.#item;
    this.#item = item;
    const { answer, problem } = item ?? {};
    this.#part("nothing").hidden = Boolean(item);
    this.#part("whole").hidden = !item;
    if (!item) {
      for (const name of ["subject", "verdict", "why", "facts", "where"]) {
        this.#part(name).textContent = "";
      }
      this.#part("note").value = "";
      return;
    }
    this.#part("subject").textContent = item.name || text("study.name", { count: item.files.length });
    const verdict = this.#part("verdict");
    verdict.textContent = answer ? outcome(answer) : text(`states.${item.state}`, { share: Math.round(item.share * 100) });
    verdict.dataset.label = answer?.label ?? "";
    this.#write("why", answer ? reason(answer) : problem ? complaint(problem) : "");
    this.#part("given").hidden = !answer;
    this.#part("retry").hidden = !RETRIABLE.includes(item.state);
    this.#part("remove").hidden = OPEN.includes(item.state);
    if (answer) {
      this.#given(item, answer);
    }
    this.#slice(item.kind === "study" ? slice : null);
    if (other) {
      this.#part("note").value = item.note;
    }
  }

  #given(item, answer) {
    fillBars(this.#panel.querySelector("[data-part=bars] .probabilities"), answer.probabilities);
    this.#write("set", setWords(answer));
    for (const button of this.#panel.querySelectorAll("[data-mark]")) {
      button.setAttribute("aria-pressed", String(item.mark === button.dataset.mark));
    }
    const study = item.kind === "study";
    this.#part("study").hidden = !study;
    if (study) {
      this.#write("facts", facts(answer));
      this.#notes("aside", answer.set_aside);
      this.#notes("skipped", answer.skipped);
    }
  }

  #slice(slice) {
    this.#part("slice").hidden = !slice;
    if (slice) {
      fillBars(this.#panel.querySelector("[data-part=slice] .probabilities"), slice.probabilities);
      const where = slice.position_mm == null ? "" : text("answer.position", { mm: slice.position_mm });
      const rank = slice.rank ? text("answer.rank", { rank: slice.rank }) : "";
      this.#part("where").textContent = [where, rank].filter(Boolean).join(" · ");
    }
  }

  #notes(name, notes) {
    const details = this.#part(name);
    details.hidden = !notes.length;
    details.querySelector("summary").textContent = text(`study.${name}`, { count: notes.length });
    details.querySelector("ul").replaceChildren(
      ...notes.map(({ what, reason: why }) => {
        const entry = document.createElement("li");
        entry.textContent = `${what}: ${why}`;
        return entry;
      }),
    );
  }

  #part(name) {
    return this.#panel.querySelector(`[data-part=${name}]`);
  }

  #write(name, words) {
    this.#part(name).textContent = words;
    this.#part(name).hidden = !words;
  }

  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail: { ...detail, item: this.#item } }));
  }
}

export function outcome(answer) {
  return answer.label ? title(answer.label) : text("answer.none");
}

/** What the prediction set says, in words; empty where the network has none. */
export function setWords({ prediction_set: set, level }) {
  if (!set) {
    return "";
  }
  const name = set.length > 1 ? "set" : set.length ? "setOne" : "setNone";
  const words = text(`answer.${name}`, { level: Math.round(level * 100) });
  return set.length ? `${words}: ${set.map(title).join(", ")}` : words;
}

export function facts({ slices, series, rule }) {
  const spacing = series.spacing_mm ? text("study.spacing", { mm: series.spacing_mm }) : "";
  const share = percent(rule.positive_share);
  const words = text("study.facts", { slices: slices.length, total: series.slices, spacing, share });
  return [series.description, words, series.gaps ? text("study.gaps", { count: series.gaps }) : ""].filter(Boolean).join(". ").replace("..", ".");
}

function fillBars(list, probabilities) {
  list.hidden = false;
  for (const row of list.querySelectorAll("[data-label]")) {
    const probability = probabilities[row.dataset.label];
    row.querySelector("meter").value = probability;
    row.querySelector("output").textContent = percent(probability);
  }
}
