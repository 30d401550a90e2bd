// The picture, and the heatmap over it. The viewer draws; this module fetches what it draws.

import { labels, likeliest, title } from "./labels.js";
import { branch, text } from "./strings.js";
import { post } from "./transport.js";

/** Heatmaps that are kept, so that going back and forth asks for none twice. */
const KEPT = 24;

/** Says "slice" with detail.index, of the volume that is shown. */
export class Stage extends EventTarget {
  #parts;
  #viewer;
  #item = null;
  #busy = new AbortController();
  #maps = new Map();
  #opacity = 0.6;
  #shows = false;
  #heatShown = null;

  constructor(parts, createViewer) {
    super();
    this.#parts = parts;
    this.#viewer = createViewer(parts.host, { strings: branch("viewer") ?? {} });
    this.#viewer.addEventListener("slice", (event) => {
      this.dispatchEvent(new CustomEvent("slice", { detail: { index: event.detail.index } }));
    });
    parts.label.append(new Option(text("stage.heatAuto"), ""), ...labels().map((label) => new Option(title(label), label)));
    parts.heat.addEventListener("click", () => this.toggleHeat());
    parts.label.addEventListener("change", () => this.#explain());
    this.#viewer.setOpacity(this.#opacity);
  }

  get heated() {
    return this.#parts.heat.getAttribute("aria-pressed") === "true";
  }

  /** Show the picture of an item, or none. */
  async show(item) {
    if (item === this.#item) {
      return;
    }
    this.#item = item;
    this.#busy.abort();
    this.#busy = new AbortController();
    this.#parts.note.textContent = "";
    this.#shows = false;
    if (!item) {
      this.#viewer.clear();
      return;
    }
    const { signal } = this.#busy;
    const shown = await this.#draw(item, signal);
    if (!signal.aborted) {
      this.#shows = shown;
      this.#parts.note.textContent = shown ? "" : text("stage.noPicture");
      await this.#explain();
    }
  }

  /** The answer of the item that is shown has come. */
  refresh() {
    if (this.#shows && this.heated && !this.#heatShown) {
      this.#explain();
    }
  }

  toggleHeat() {
    this.#parts.heat.setAttribute("aria-pressed", String(!this.heated));
    this.#explain();
  }

  /** More (1) or less (-1) of the heatmap. */
  heatBy(step) {
    this.#opacity = Math.min(1, Math.max(0, this.#opacity + 0.1 * step));
    this.#viewer.setOpacity(this.#opacity);
  }

  goTo(index) {
    this.#viewer.goTo(index);
  }

  /** What the report shows: {picture, heat}, as data URLs; without what there is none of. */
  snapshots() {
    if (!this.#shows) {
      return {};
    }
    if (!this.#heatShown) {
      return { picture: this.#viewer.snapshot() };
    }
    const heat = this.#viewer.snapshot();
    this.#viewer.showHeatmap(null);
    const picture = this.#viewer.snapshot();
    this.#viewer.showHeatmap(this.#heatShown);
    return { picture, heat };
  }

  clear() {
    this.#maps.clear();
    this.show(null);
  }

  /** Whether there is a picture: the browser's own, or what the server makes of the files. */
  async #draw(item, signal) {
    if (item.kind === "slice" && (await this.#viewer.showPicture(item.files[0]))) {
      return true;
    }
    if (!this.#viewer.showVolume || signal.aborted) {
      return false;
    }
    const body = new FormData();
    item.files.forEach((file) => body.append("file", file, file.name));
    try {
      const response = await fetch("/volumes", { method: "POST", body, signal });
      return response.ok && (await this.#viewer.showVolume(response));
    } catch {
      return false;
    }
  }

  async #explain() {
    const [item, { signal }] = [this.#item, this.#busy];
    if (!this.heated || !item?.answer || item.kind !== "slice") {
      this.#viewer.showHeatmap(null);
      this.#heatShown = null;
      const study = this.heated && this.#shows && item?.answer;
      this.#parts.note.textContent = study ? text("stage.heatOfStudy") : this.#parts.note.textContent;
      return;
    }
    const map = await this.#map(item, this.#parts.label.value || likeliest(item.answer), signal);
    if (!signal.aborted && this.heated) {
      this.#heatShown = map ? { ...map, label: title(map.label) } : null;
      this.#viewer.showHeatmap(this.#heatShown);
      this.#parts.note.textContent = map ? "" : text("stage.noHeat");
    }
  }

  async #map(item, label, signal) {
    const key = `${item.id} ${label}`;
    if (!this.#maps.has(key)) {
      const answer = await post(`/predict?explain=true&class=${label}`, item.files, { signal }).catch(() => null);
      this.#maps.set(key, answer && JSON.parse(answer).predictions[0].heatmap);
      if (this.#maps.size > KEPT) {
        this.#maps.delete(this.#maps.keys().next().value);
      }
    }
    return this.#maps.get(key);
  }
}
