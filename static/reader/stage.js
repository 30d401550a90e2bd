// The picture, and the heatmap over it. The viewer draws; this module fetches what it draws.

import { Heatmaps } from "./heatmaps.js";
import { labels, likeliest, title } from "./labels.js";
import { createViewer } from "../viewer/viewer.js";
import { text } from "../strings.js";

/** Says "slice" with detail.index, of the volume that is shown, and "picture" with detail {item, picture} of a volume. */
export class Stage extends EventTarget {
  #parts;
  #window;
  #viewer;
  #heatmaps = new Heatmaps();
  #item = null;
  #slice = 0;
  /** Whether there is a picture; null while it is being fetched. */
  #shows = false;
  /** Whether the connection broke before all slices were there. */
  #cut = false;
  #drawing = new AbortController();
  #asking = new AbortController();
  #laid = null;

  /** `window`: that through which the network sees a CT. */
  constructor(parts, window) {
    super();
    this.#parts = parts;
    this.#window = window;
    this.#viewer = createViewer(parts.host);
    this.#viewer.addEventListener("slice", ({ detail: { index } }) => {
      this.#slice = index;
      this.#laid = null;
      this.dispatchEvent(new CustomEvent("slice", { detail: { index } }));
      this.#explain();
    });
    this.#viewer.addEventListener("cut", () => (this.#cut = true));
    parts.label.append(new Option(text("stage.heatAuto"), ""), ...labels().map((label) => new Option(title(label), label)));
    parts.label.addEventListener("change", () => this.#explain());
    parts.heat.addEventListener("click", () => this.toggleHeat());
    parts.opacity.addEventListener("input", () => this.#viewer.setOpacity(parts.opacity.valueAsNumber / 100));
    this.#viewer.setOpacity(parts.opacity.valueAsNumber / 100);
  }

  get heated() {
    return this.#parts.heat.getAttribute("aria-pressed") === "true";
  }

  /** Show the picture of an item, or none. */
  async show(item) {
    if (item !== this.#item) {
      [this.#item, this.#slice] = [item, 0];
      await this.#draw();
    }
  }

  /** What is known of the item has changed: its answer has come, or the server is there again. */
  async refresh() {
    if ((this.#shows === false || this.#cut) && this.#item?.answer) {
      await this.#draw();
      this.goTo(this.#slice);
    } else if (!this.#laid) {
      await this.#explain();
    }
  }

  toggleHeat() {
    this.#parts.heat.setAttribute("aria-pressed", String(!this.heated));
    this.#explain();
  }

  /** More (1) or less (-1) of the heatmap. */
  heatBy(step) {
    const { opacity } = this.#parts;
    step > 0 ? opacity.stepUp() : opacity.stepDown();
    opacity.dispatchEvent(new Event("input"));
  }

  goTo(index) {
    this.#viewer.goTo(index);
  }

  focus() {
    this.#viewer.focus();
  }

  /** What the report shows: {picture, heat}, as data URLs; without what there is none of. */
  snapshots() {
    if (!this.#shows) {
      return {};
    }
    if (!this.#laid) {
      return { picture: this.#viewer.snapshot() };
    }
    const heat = this.#viewer.snapshot();
    this.#viewer.showHeatmap(null);
    const picture = this.#viewer.snapshot();
    this.#viewer.showHeatmap(this.#laid);
    return { picture, heat };
  }

  clear() {
    this.#heatmaps.clear();
    this.show(null);
  }

  async #draw() {
    this.#drawing.abort();
    this.#drawing = new AbortController();
    const { signal } = this.#drawing;
    this.#lay(null);
    if (!this.#item) {
      this.#shows = false;
      this.#viewer.say();
      return;
    }
    [this.#shows, this.#cut] = [null, false];
    const shows = await this.#load(this.#item, signal);
    if (!signal.aborted) {
      this.#shows = shows;
      await this.#explain();
    }
  }

  /** Whether there is a picture: the browser's own, or what the server makes of the files. */
  async #load(item, signal) {
    if (item.kind === "slice" && (await this.#viewer.showPicture(item.files[0]))) {
      return true;
    }
    if (signal.aborted) {
      return false;
    }
    if (item.state === "refused") {
      this.#viewer.say(text("viewer.broken"));
      return false;
    }
    const body = new FormData();
    item.files.forEach((file) => body.append("file", file, file.name));
    const shows = await this.#viewer.showVolume(fetch("/volumes", { method: "POST", body, signal }));
    if (shows) {
      this.#illustrate(item);
    }
    return shows;
  }

  /** Hand out a picture from the middle of the volume, for the list. */
  async #illustrate(item) {
    const picture = await this.#viewer.middle(this.#window).catch(() => null);
    if (picture && item === this.#item) {
      this.dispatchEvent(new CustomEvent("picture", { detail: { item, picture } }));
    }
  }

  /** Lay the heatmap over the slice that is in sight, where one is wanted and can be had. */
  async #explain() {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    if (!this.heated || !this.#shows || !this.#item?.answer) {
      this.#lay(null);
      return;
    }
    try {
      const found = await this.#heatmap(signal);
      if (!signal.aborted) {
        this.#lay(found, found ? "" : text("stage.heatNone"));
      }
    } catch {
      if (!signal.aborted) {
        this.#lay(null, text("stage.heatFailed"));
      }
    }
  }

  async #heatmap(signal) {
    const [{ id, kind, files, answer }, slice] = [this.#item, this.#slice];
    const label = this.#parts.label.value || answer.label || likeliest(answer);
    const load = () => (kind === "study" ? this.#viewer.slice(slice, this.#window) : files[0]);
    const found = await this.#heatmaps.of(`${id} ${slice}`, label, load, signal);
    return found && { ...found, label: title(label) };
  }

  #lay(heatmap, note = "") {
    this.#laid = heatmap;
    this.#viewer.showHeatmap(heatmap);
    this.#parts.note.textContent = note;
  }
}
