// The session as CSV and JSON: made here, saved by the browser, sent nowhere.

import { labels } from "./labels.js";
import { text } from "../strings.js";

/** Save one row for each slice, study and slice of a study. */
export function saveCsv(items) {
  const rows = items.flatMap(rowsOf);
  const names = [...new Set(rows.flatMap(Object.keys))];
  const lines = [names, ...rows.map((row) => names.map((name) => row[name]))].map((cells) => cells.map(cell).join(","));
  save(`${lines.join("\r\n")}\r\n`, "text/csv", "csv");
}

/** Save the server's answers as they came, with the reader's marks and notes. */
export function saveJson({ items, model }) {
  const entries = items.map(({ kind, name, state, answer, problem, mark, note }) => {
    return { kind, name, state, answer: answer ?? null, problem: problem ?? null, mark, note };
  });
  save(JSON.stringify({ saved: new Date().toISOString(), model, items: entries }, null, 2), "application/json", "json");
}

function rowsOf(item) {
  const { name, kind, state, mark, note, problem, model, request_id } = item;
  const own = { kind, name, state, index: "", position_mm: "", ...figures(item.answer), mark, note };
  const closing = { error: problem?.code, detail: problem?.detail, model_version: model?.version, model_sha256: model?.sha256 };
  const slices = item.kind === "study" ? item.slices : [];
  return [
    { ...own, ...closing, request_id },
    ...slices.map((slice) => ({
      ...own,
      ...figures(slice),
      kind: "study slice",
      index: slice.index,
      position_mm: slice.position_mm,
      mark: "",
      note: "",
      ...closing,
      request_id,
    })),
  ];
}

function figures(answer) {
  return {
    label: answer?.label,
    abstained: answer?.abstained,
    ...Object.fromEntries(labels().map((label) => [`probability_${label}`, answer?.probabilities[label]])),
    prediction_set: answer?.prediction_set?.join(" "),
    gate_accepted: answer?.gate?.accepted,
    gate_score: answer?.gate?.score,
  };
}

/** Quoted as RFC 4180 asks; text that a spreadsheet would take for a formula is made plain text. */
function cell(value) {
  const plain = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? "");
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

function save(content, type, ending) {
  const link = document.createElement("a");
  const time = new Date().toISOString().slice(0, 16).replace(/[:T]/g, "-");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = `${text("session.file", { time })}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
