// The report: one page, filled when the browser is about to print.

import { facts, outcome, setWords } from "./answer.js";
import { labels, reason, title } from "./labels.js";
import { percent, text } from "../strings.js";

/** Fill the report with what is known of an item; with nothing chosen the page prints as it is. */
export function fillReport(report, item, stage, slice) {
  document.body.classList.toggle("reporting", Boolean(item?.answer));
  report.replaceChildren();
  if (!item?.answer) {
    return;
  }
  const { answer } = item;
  report.append(
    made("h1", text("report.title")),
    made("p", report.dataset.disclaimer, "disclaimer"),
    table([
      ["report.subject", item.name || text("study.name", { count: item.files.length })],
      ["report.printed", new Date().toLocaleString()],
      ["report.result", [outcome(answer), reason(answer)].filter(Boolean).join(". ")],
      ...labels().map((label) => ["report.probability", percent(answer.probabilities[label]), title(label)]),
      ["report.set", setWords(answer)],
      ["report.gate", answer.gate ? gateWords(answer.gate) : ""],
      ["report.series", item.kind === "study" ? facts(answer) : ""],
      ["report.reader", text(`report.${item.mark || "unmarked"}`)],
      ["report.model", text("report.modelOf", item.model)],
      ["report.request", item.request_id],
    ]),
    pictures(stage, slice),
    made("h2", text("report.conclusion")),
    made("p", item.note, "conclusion"),
    made("p", text("report.signature"), "signature"),
  );
}

function gateWords({ accepted, score, reason: why }) {
  return text(accepted ? "report.gateOk" : "report.gateNo", { score: score.toFixed(2), reason: why ?? "" });
}

function pictures(stage, slice) {
  const figure = document.createElement("figure");
  const snapshots = stage.snapshots();
  for (const [name, source] of Object.entries(snapshots)) {
    const picture = document.createElement("img");
    picture.src = source;
    picture.alt = text(`report.${name}`);
    figure.append(picture);
  }
  const where = slice?.position_mm == null ? "" : text("answer.position", { mm: slice.position_mm });
  figure.append(made("figcaption", [...Object.keys(snapshots).map((name) => text(`report.${name}`)), where].filter(Boolean).join(" · ")));
  return figure;
}

function table(rows) {
  const body = document.createElement("table");
  for (const [name, value, what] of rows.filter((row) => row[1])) {
    const row = body.insertRow();
    const head = made("th", what ? `${text(name)}: ${what}` : text(name));
    head.scope = "row";
    row.append(head, made("td", value));
  }
  return body;
}

function made(name, words, kind = "") {
  const element = document.createElement(name);
  element.className = kind;
  element.textContent = words;
  return element;
}
