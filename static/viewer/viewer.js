// The viewer: a picture or a stack of slices on a canvas, with windows, zoom, planes, a heatmap, and where one is.
//
//   import { createViewer } from "/static/viewer/viewer.js";
//   const viewer = createViewer(hostElement);
//   await viewer.showPicture(blobOrUrl);            // what the browser can read
//   await viewer.showVolume(fetch("/volumes", { method: "POST", body }));   // whatever the server can read
//   viewer.addEventListener("slice", (event) => viewer.showHeatmap(heatmaps[event.detail.index] ?? null));
//
// A heatmap belongs to the slice that is shown when it comes: another slice takes it away.

import { description, place } from "./captions.js";
import { makeControls } from "./controls.js";
import { listen } from "./gestures.js";
import { readVolume } from "./nifti.js";
import { GRAY, paintGray, paintHeat } from "./paint.js";
import { Painter } from "./painter.js";
import { text } from "../strings.js";
import { View } from "./view.js";
import { readPicture } from "./volume.js";

/** The longest side of a snapshot, in pixels, and how many of them a pixel of the page becomes. */
const [SNAPSHOT, RATIO] = [1024, 2];

/** Make a viewer in an element, whose size it takes; static/viewer/viewer.css must be linked in the page. */
export function createViewer(host) {
  return new Viewer(host);
}

class Viewer extends EventTarget {
  #view = new View();
  #painter = new Painter();
  #canvas = document.createElement("canvas");
  #controls;
  #heat = null;
  #opacity = 1;
  #empty = text("viewer.empty");
  #pointer = null;
  #frame = 0;
  #turn = 0;
  #arrivals = null;

  constructor(host) {
    super();
    const actions = this.#actions();
    this.#controls = makeControls(actions);
    this.#canvas.className = "viewer-canvas";
    this.#canvas.tabIndex = 0;
    this.#canvas.setAttribute("role", "img");
    this.#canvas.title = text("viewer.help");
    const stage = document.createElement("div");
    stage.className = "viewer-stage";
    stage.append(this.#canvas);
    host.classList.add("viewer");
    host.replaceChildren(this.#controls.bar, stage, this.#controls.slider);
    listen(this.#canvas, actions);
    new ResizeObserver(() => this.#redraw()).observe(stage);
    this.#redraw();
  }

  /** Show a picture that the browser can read: a Blob, a File or an address. Resolves to whether it could. */
  async showPicture(source) {
    return this.#showLoaded(() => readPicture(source));
  }

  /**
   * Show the response of POST /volumes, which may be on its way. Resolves to whether it could, as soon as its first slices
   * can be seen; the event `cut` tells that the others did not come.
   */
  async showVolume(response) {
    this.say(text("viewer.coming"));
    return this.#showLoaded(async () => {
      const volume = await readVolume(await response);
      volume.complete.then((whole) => whole || volume !== this.#view.volume || this.dispatchEvent(new Event("cut")));
      return volume;
    });
  }

  /** Show no picture, but words. */
  say(words = text("viewer.empty")) {
    this.#turn++;
    this.#show(null, words);
  }

  focus() {
    this.#canvas.focus();
  }

  /** Lay a table of values from 0 to 1, `{ values, label }`, over the slice that is shown; null takes it away. */
  showHeatmap(heatmap) {
    this.#heat = heatmap && { label: heatmap.label, canvas: paintHeat(heatmap.values) };
    this.#redraw();
  }

  /** How much of the heatmap is seen, from 0 to 1. */
  setOpacity(share) {
    this.#opacity = share;
    this.#redraw();
  }

  /** Show this slice of the axial stack. */
  goTo(index) {
    this.#view.plane = "axial";
    this.#goTo(index);
  }

  /** What is shown, without the controls, as the data URL of a PNG; with the heatmap as transparent as it is now. */
  snapshot() {
    const canvas = document.createElement("canvas");
    const section = this.#view.volume && this.#view.section;
    const [wide, high] = section ? [section.width * section.pixel[0], section.height * section.pixel[1]] : [1, 1];
    const scale = SNAPSHOT / RATIO / Math.max(wide, high);
    this.#paint(canvas, { width: wide * scale, height: high * scale, ratio: RATIO }, { zoom: 1, pan: [0, 0], pointer: null });
    return canvas.toDataURL("image/png");
  }

  /**
   * An axial slice as the server would see it, as a PNG: Hounsfield units through a window, pictures as they are.
   * Waits until it has come; throws where it could not be read.
   */
  async slice(index, window) {
    const { volume, inHounsfield } = this.#view;
    if (!(await volume.settled(index))) {
      throw new Error(text("viewer.missing"));
    }
    const gray = paintGray(volume.section("axial", index), inHounsfield ? window : GRAY, inHounsfield && volume.inverted);
    return gray.convertToBlob({ type: "image/png" });
  }

  /** The slice in the middle, likewise. */
  async middle(window) {
    return this.slice(Math.floor(this.#view.volume.number / 2), window);
  }

  /** Show what `load` gives, unless something else was asked for in the meantime. */
  async #showLoaded(load) {
    const turn = ++this.#turn;
    let volume = null;
    try {
      volume = await load();
    } catch {
      if (turn === this.#turn) {
        this.#show(null, text("viewer.broken"));
      }
      return false;
    }
    if (turn === this.#turn) {
      this.#show(volume);
    }
    return true;
  }

  #show(volume, empty = "") {
    this.#arrivals?.abort();
    this.#arrivals = new AbortController();
    volume?.addEventListener("arrived", () => this.#redraw(), { signal: this.#arrivals.signal });
    this.#view.open(volume);
    this.#painter.forget();
    this.#empty = empty;
    this.#heat = null;
    this.#redraw();
  }

  #actions() {
    const view = this.#view;
    const redrawn = (change) => (...values) => {
      if (view.volume) {
        change(...values);
        this.#redraw();
      }
    };
    return {
      tool: () => view.tool,
      setTool: redrawn((tool) => (view.tool = tool)),
      setPlane: redrawn((plane) => view.turn(plane)),
      preset: redrawn((name) => view.setWindow(view.presets[name])),
      setWindow: redrawn((part) => view.setWindow(part)),
      window: redrawn((dx, dy) => view.dragWindow(dx, dy)),
      invert: redrawn(() => (view.inverted = !view.inverted)),
      zoom: redrawn((factor, point) => view.zoomAt(factor, this.#fromMiddle(point))),
      move: redrawn((dx, dy) => view.move(dx, dy)),
      fit: redrawn(() => view.fit()),
      point: redrawn((point) => (this.#pointer = point)),
      scroll: (steps) => this.#goTo(view.index + steps),
      last: (end) => this.#goTo(end * Infinity),
      show: (index) => this.#goTo(index),
    };
  }

  #goTo(wanted) {
    if (!this.#view.volume) {
      return;
    }
    const changed = this.#view.goTo(wanted);
    this.#redraw();
    if (changed && this.#view.plane === "axial") {
      this.#heat = null;
      this.dispatchEvent(new CustomEvent("slice", { detail: { index: this.#view.index } }));
    }
  }

  #fromMiddle(point) {
    const { clientWidth, clientHeight } = this.#canvas;
    return point ? [point[0] - clientWidth / 2, point[1] - clientHeight / 2] : [0, 0];
  }

  /** Draw once, before the browser shows the next frame. */
  #redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const { clientWidth: width, clientHeight: height } = this.#canvas;
      if (width && height) {
        const { zoom, pan } = this.#view;
        this.#paint(this.#canvas, { width, height, ratio: devicePixelRatio }, { zoom, pan, pointer: this.#pointer });
      }
      this.#describe();
    });
  }

  #paint(canvas, size, look) {
    const heat = this.#heatShown && { ...this.#heatShown, opacity: this.#opacity };
    this.#painter.paint(canvas, size, this.#view, look, heat, this.#empty);
  }

  get #heatShown() {
    return this.#view.plane === "axial" ? this.#heat : null;
  }

  /** Bring the controls, and what is said to those who cannot see, in line with what is shown. */
  #describe() {
    const shown = this.#view.volume !== null;
    const words = shown ? description(this.#view, this.#heatShown) : this.#empty;
    this.#canvas.setAttribute("aria-label", `${text("viewer.viewer")}: ${words}`);
    this.#controls.update(shown ? this.#view : null, shown ? place(this.#view) : "", words);
  }
}
