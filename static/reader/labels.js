// What an answer says, in words: shared by list, panel, plot, report and export.

import { percent, text } from "../strings.js";

let titles = {};

/** {label: title}, in the order of the network's outputs; the server says it. */
export function setLabels(given) {
  titles = given;
}

export function labels() {
  return Object.keys(titles);
}

export function title(label) {
  return titles[label] ?? label;
}

/** The probability of the most probable class. */
export function confidence(answer) {
  return Math.max(...Object.values(answer.probabilities));
}

/** The most probable class, whether or not it is the answer. */
export function likeliest(answer) {
  return labels().reduce((best, label) => (answer.probabilities[label] > answer.probabilities[best] ? label : best));
}

/** "COVID-19 97.3 %", or "No answer". */
export function headline(answer) {
  return answer.label ? `${title(answer.label)} ${percent(answer.probabilities[answer.label])}` : text("answer.none");
}

/** Why there is no answer, for a person; empty where there is one. */
export function reason(answer) {
  if (answer.label) {
    return "";
  }
  const why = text(`answer.abstained.${answer.abstained}`);
  return answer.gate?.reason ? `${why} ${answer.gate.reason}` : why;
}

/** "The picture cannot be read. It is truncated." */
export function complaint(problem) {
  return problem.detail ? `${problem.title}. ${problem.detail}` : problem.title;
}
