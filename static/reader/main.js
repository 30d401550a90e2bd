// The reading page: joins the queue, the list, the picture, the answer and the plot. Without this file the form works.

import { Answer } from "./answer.js";
import { Filters } from "./filters.js";
import { listen } from "./intake.js";
import { grouped } from "./kinds.js";
import { listenForKeys } from "./keys.js";
import { setLabels } from "./labels.js";
import { List } from "./list.js";
import { Plot } from "./plot.js";
import { Queue } from "./queue.js";
import { showProgress } from "./progress.js";
import { fillReport } from "./report.js";
import { saveCsv, saveJson } from "./exports.js";
import { Stage } from "./stage.js";
import { text } from "../strings.js";

const byId = (id) => document.getElementById(id);
const reader = byId("reader");
const settings = JSON.parse(reader.dataset.settings);
setLabels(Object.fromEntries(settings.labels));

const queue = new Queue({ files: settings.maxFiles, bytes: settings.maxBytes }, settings.level);
const filters = new Filters({ show: byId("show"), confidence: byId("confidence"), sort: byId("sort") }, () => arrange());
const list = new List({ box: byId("list"), empty: byId("list-empty") }, filters);
const answer = new Answer(byId("answer"));
const plot = new Plot({
  host: byId("plot"),
  readout: byId("plot-readout"),
  ends: [byId("plot-from"), byId("plot-to")],
});
const stage = new Stage(
  {
    host: byId("viewer"),
    heat: byId("heat"),
    label: byId("heat-label"),
    opacity: byId("heat-opacity"),
    note: byId("heat-note"),
  },
  settings.window,
);

let points = [];
/** Of the slice in sight, in its volume. */
let index = 0;
const slice = () => list.selected?.slices.find((one) => one.index === index) ?? null;

listen({ inputs: [byId("files"), byId("folder")], samples: document.querySelectorAll(".samples a"), take });
document.querySelector(".choices").hidden = false;
document.body.classList.add("scripted");
byId("upload").addEventListener("submit", (event) => event.preventDefault());
for (const [button, input] of [["choose-files", "files"], ["choose-folder", "folder"]]) {
  byId(button).addEventListener("click", () => byId(input).click());
}
byId("cancel").addEventListener("click", () => queue.cancel());
byId("retry").addEventListener("click", () => queue.retry());

byId("csv").addEventListener("click", () => saveCsv(queue.items));
byId("json").addEventListener("click", () => saveJson(queue));
byId("print").addEventListener("click", () => print());
addEventListener("beforeprint", () => fillReport(byId("report"), list.selected, stage, slice()));
byId("wipe").addEventListener("click", () => byId("wipe-dialog").showModal());
byId("wipe-dialog").addEventListener("close", (event) => event.target.returnValue === "wipe" && wipe());
addEventListener("beforeunload", (event) => {
  if (queue.items.some((item) => item.mark || item.note)) {
    event.preventDefault();
  }
});
listenForKeys({
  dialog: byId("keys-dialog"),
  opener: byId("keys"),
  actions: {
    o: () => byId("files").click(),
    j: () => list.step(1),
    k: () => list.step(-1),
    v: () => stage.focus(),
    t: chooseTelling,
    h: () => stage.toggleHeat(),
    "[": () => stage.heatBy(-1),
    "]": () => stage.heatBy(1),
    a: () => answer.mark("agree"),
    d: () => answer.mark("disagree"),
    n: () => byId("note").focus(),
    r: () => queue.retry(),
    x: () => queue.cancel(),
    p: () => list.selected?.answer && print(),
  },
});

/** Items that changed since the last picture that the browser drew. */
let changed = new Set();
queue.addEventListener("change", ({ detail }) => {
  if (!changed.size) {
    requestAnimationFrame(redraw);
  }
  detail.items.forEach((item) => changed.add(item));
  changed.add(null);
});
queue.addEventListener("state", () => showProgress(queue, byId));

list.addEventListener("select", ({ detail: { item } }) => {
  index = 0;
  stage.show(item);
  showAnswer();
  drawPlot();
});
answer.addEventListener("mark", ({ detail: { item, ...members } }) => queue.mark(item, members));
answer.addEventListener("telling", chooseTelling);
answer.addEventListener("retry", ({ detail: { item } }) => queue.retry([item]));
answer.addEventListener("remove", ({ detail: { item } }) => {
  queue.remove(item);
  list.select(list.shown.find((other) => other !== item));
});
plot.addEventListener("choose", ({ detail: { number } }) => choose(points[number]));
stage.addEventListener("picture", ({ detail: { item, picture } }) => list.illustrate(item, picture));
stage.addEventListener("slice", ({ detail }) => look(detail.index));

async function take(found) {
  if (!found.length) {
    return;
  }
  document.body.classList.add("reading");
  reader.hidden = false;
  const added = queue.add(await grouped(found, byId("together").checked));
  redraw();
  if (!list.selected) {
    list.select(added[0]);
    (added[0].kind === "study" ? stage : list).focus();
  }
}

function redraw() {
  const items = [...changed].filter(Boolean);
  changed = new Set();
  list.refresh(items);
  arrange();
  showProgress(queue, byId);
  if (items.includes(list.selected)) {
    showAnswer();
    stage.refresh();
  }
  drawPlot();
}

function arrange() {
  list.arrange(queue.items);
}

function showAnswer() {
  answer.show(list.selected, slice());
}

/** What lies on the axis: the slices of the chosen study, or all pictures that were read. */
function pointsNow() {
  const chosen = list.selected;
  if (chosen?.kind === "study") {
    return [...chosen.slices]
      .sort((one, other) => one.index - other.index)
      .map((one) => ({ place: one.index, position: one.position_mm, answer: one }));
  }
  return queue.items
    .filter((item) => item.kind === "slice" && item.answer)
    .map((item, place) => ({ place, answer: item.answer, item, name: item.name }));
}

function drawPlot() {
  points = pointsNow();
  byId("along").hidden = points.length < 2;
  if (points.length < 2) {
    plot.clear();
    return;
  }
  const study = list.selected?.kind === "study" ? list.selected : null;
  plot.show(points, { ordered: Boolean(study), threshold: study?.answer?.rule.slice_threshold });
  byId("plot-label").textContent = text(study ? "plot.label" : "plot.slices");
  byId("plot").setAttribute("aria-label", byId("plot-label").textContent);
  plot.at(points.findIndex((point) => (study ? point.place === index : point.item === list.selected)));
}

function choose(point) {
  if (point.item) {
    list.select(point.item);
  } else {
    stage.goTo(point.place);
    look(point.place);
  }
}

/** A slice of the study is in sight. */
function look(at) {
  index = at;
  plot.at(points.findIndex((point) => point.place === index));
  showAnswer();
}

/** Go to the slice that speaks most for the study's answer. */
function chooseTelling() {
  const telling = points.find((point) => point.answer.rank === 1);
  if (telling) {
    choose(telling);
  }
}

/** Forget everything. */
function wipe() {
  queue.clear();
  filters.reset();
  stage.clear();
  list.select(null);
  byId("report").replaceChildren();
  redraw();
  document.body.classList.remove("reading");
  reader.hidden = true;
  byId("choose-files").focus();
}
