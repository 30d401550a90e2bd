// Which items the list shows, and in which order.

import { confidence, labels, title } from "./labels.js";
import { OPEN } from "./queue.js";
import { branch, text } from "../strings.js";

const STATES = ["reading", "sending", "waiting", "failed", "cancelled", "refused", "done"];

/** Name of a filter -> whether it shows an item. */
const FILTERS = {
  all: () => true,
  none: (item) => item.answer && !item.answer.label,
  open: (item) => OPEN.includes(item.state),
  refused: (item) => ["refused", "failed", "cancelled"].includes(item.state),
  agree: (item) => item.mark === "agree",
  disagree: (item) => item.mark === "disagree",
  unmarked: (item) => item.answer && !item.mark,
};
const GROUPS = { all: ["all"], answer: ["none"], state: ["open", "refused"], mark: ["agree", "disagree", "unmarked"] };

/** Confidence choices: text -> whether an answer passes. */
const CONFIDENCES = [
  ["any", () => true],
  ...[0.7, 0.9].map((share) => ["below", (item) => item.answer && confidence(item.answer) < share, share]),
  ...[0.7, 0.9].map((share) => ["least", (item) => item.answer && confidence(item.answer) >= share, share]),
];

const probability = (item) => item.answer?.probabilities.covid ?? -1;
const SORTS = {
  added: (one, other) => one.id - other.id,
  name: (one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }),
  covid: (one, other) => probability(other) - probability(one),
  confidence: (one, other) => (one.answer ? confidence(one.answer) : 2) - (other.answer ? confidence(other.answer) : 2),
  state: (one, other) => STATES.indexOf(one.state) - STATES.indexOf(other.state),
};

/** The three lists of choices above the list. */
export class Filters {
  #show;
  #confidence;
  #sort;

  constructor({ show, confidence: least, sort }, changed) {
    [this.#show, this.#confidence, this.#sort] = [show, least, sort];
    least.replaceChildren(
      ...CONFIDENCES.map(([name, , share], index) =>
        new Option(text(`list.${name}`, { share: share * 100 }), String(index)),
      ),
    );
    sort.replaceChildren(...Object.entries(branch("list").sorts).map(([name, label]) => new Option(label, name)));
    show.replaceChildren(...Object.keys(GROUPS).map(optionGroup));
    [show, least, sort].forEach((choice) => choice.addEventListener("change", changed));
  }

  reset() {
    [this.#show, this.#confidence, this.#sort].forEach((choice) => (choice.selectedIndex = 0));
  }

  /** The items to show, in order; also says beside each filter how many it would show. */
  apply(items) {
    for (const option of this.#show.options) {
      option.text = named(option.value, items.filter(filter(option.value)).length);
    }
    const passes = CONFIDENCES[Number(this.#confidence.value)][1];
    return items.filter(filter(this.#show.value)).filter(passes).sort(SORTS[this.#sort.value]);
  }
}

function optionGroup(group) {
  const made = document.createElement("optgroup");
  made.label = branch("list").groups[group];
  const names = group === "answer" ? [...labels().map((label) => `label:${label}`), ...GROUPS[group]] : GROUPS[group];
  made.append(...names.map((name) => new Option(name, name)));
  return made;
}

function filter(name) {
  const label = name.startsWith("label:") ? name.slice(6) : null;
  return label ? (item) => item.answer?.label === label : FILTERS[name];
}

function named(name, count) {
  return name.startsWith("label:")
    ? text("list.filters.label", { title: title(name.slice(6)), count })
    : text(`list.filters.${name}`, { count });
}
