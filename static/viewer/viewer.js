// The viewer: a picture or a stack of slices on a canvas, with windows, zoom, planes, a heatmap, and where one is.
//
//   import { createViewer } from "/static/viewer/viewer.js";
//   const viewer = createViewer(hostElement, { strings });
//   await viewer.showPicture(blobOrUrl);            // what the browser can read
//   await viewer.showVolume(await fetch("/volumes", { method: "POST", body }));   // whatever the server can read
//   viewer.addEventListener("slice", (event) => viewer.showHeatmap(heatmaps[event.detail.index] ?? null));
//
// A heatmap belongs to the slice that is shown when it comes: another slice takes it away.

import { annotate } from "./annotations.js";
import { makeControls } from "./controls.js";
import { listen } from "./gestures.js";
import { GRAY, WINDOWS, paintGray, paintHeat } from "./paint.js";
import { STRINGS, fill } from "./strings.js";
import { readVolume } from "./nifti.js";
import { readPicture } from "./volume.js";

const ZOOMS = [0.25, 30];
/** The longest side of a snapshot, in pixels. */
const SNAPSHOT = 1024;

/**
 * Make a viewer in an element; static/viewer/viewer.css must be linked in the page.
 *
 * @param {HTMLElement} host is filled; its size is the viewer's
 * @param {{ strings?: object }} options texts that replace those in strings.js
 */
export function createViewer(host, { strings = {} } = {}) {
  return new Viewer(host, { ...STRINGS, ...strings });
}

class Viewer extends EventTarget {
  #strings;
  #canvas = document.createElement("canvas");
  #controls;
  #volume = null;
  #plane = "axial";
  #index = { axial: 0, coronal: 0, sagittal: 0 };
  #window = WINDOWS.lung;
  #tool = "window";
  #inverted = false;
  #zoom = 1;
  #pan = [0, 0];
  #heat = null;
  #opacity = 0.6;
  #message = "";
  #pointer = null;
  #gray = { key: "", canvas: new OffscreenCanvas(1, 1) };
  #frame = 0;
  #turn = 0;
  #arrivals = null;

  constructor(host, strings) {
    super();
    this.#strings = strings;
    this.#message = strings.empty;
    const actions = this.#actions();
    this.#controls = makeControls(strings, actions);
    this.#canvas.className = "viewer-canvas";
    this.#canvas.tabIndex = 0;
    this.#canvas.setAttribute("role", "img");
    this.#canvas.title = strings.help;
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
   * Show a stack of slices: the response of POST /volumes, or what `readVolume` made of one. Resolves to whether it could,
   * as soon as the first slices can be seen.
   */
  async showVolume(source) {
    return this.#showLoaded(() => (source instanceof Response ? readVolume(source) : source));
  }

  /** Show nothing. */
  clear() {
    this.#turn++;
    this.#show(null);
  }

  /** Lay a table of values from 0 to 1, `{ values, label }`, over the slice that is shown; null takes it away. */
  showHeatmap(heatmap) {
    this.#heat = heatmap && { label: heatmap.label, canvas: paintHeat(heatmap.values) };
    this.#redraw();
  }

  /** How much of the heatmap is seen, from 0 to 1. */
  setOpacity(share) {
    this.#opacity = Math.min(1, Math.max(0, share));
    this.#redraw();
  }

  /** Show this slice of the axial stack. */
  goTo(index) {
    this.#plane = "axial";
    this.#goTo(index);
  }

  /** What is shown, without the controls, as the data URL of a PNG; with the heatmap as transparent as it is now. */
  snapshot() {
    const canvas = document.createElement("canvas");
    const section = this.#volume?.section(this.#plane, this.#index[this.#plane]);
    const [wide, high] = section ? [section.width * section.pixel[0], section.height * section.pixel[1]] : [1, 1];
    const scale = SNAPSHOT / Math.max(wide, high);
    this.#paint(canvas, Math.round(wide * scale), Math.round(high * scale), 1, { zoom: 1, pan: [0, 0], pointer: null });
    return canvas.toDataURL("image/png");
  }

  /** Show what `load` gives, unless something else was asked for in the meantime. */
  async #showLoaded(load) {
    const turn = ++this.#turn;
    let volume = null;
    try {
      volume = await load();
    } catch {
      if (turn === this.#turn) {
        this.#show(null, this.#strings.broken);
      }
      return false;
    }
    if (turn === this.#turn) {
      this.#show(volume);
    }
    return true;
  }

  #show(volume, message = this.#strings.empty) {
    const alike = volume && this.#volume && volume.unit === this.#volume.unit;
    this.#arrivals?.abort();
    this.#arrivals = new AbortController();
    volume?.addEventListener("arrived", () => this.#redraw(), { signal: this.#arrivals.signal });
    this.#volume = volume;
    this.#message = message;
    this.#heat = null;
    this.#plane = "axial";
    this.#gray.key = "";
    if (volume) {
      const middle = (plane) => Math.floor(volume.count(plane) / 2);
      this.#index = { axial: 0, coronal: middle("coronal"), sagittal: middle("sagittal") };
      this.#inverted = volume.inverted;
      if (!alike) {
        this.#window = volume.unit === "HU" ? WINDOWS.lung : GRAY;
      }
    }
    this.#reset();
  }

  #actions() {
    const redrawn = (change) => (...values) => {
      if (this.#volume) {
        change(...values);
        this.#redraw();
      }
    };
    return {
      tool: () => this.#tool,
      setTool: redrawn((tool) => (this.#tool = tool)),
      setPlane: redrawn((plane) => {
        this.#plane = plane;
        this.#reset();
      }),
      setOpacity: (share) => this.setOpacity(share),
      preset: redrawn((name) => (this.#window = this.#preset(name) ?? this.#window)),
      setWindow: redrawn((part) => this.#setWindow({ ...this.#window, ...part })),
      window: redrawn((dx, dy) => this.#dragWindow(dx, dy)),
      invert: redrawn(() => (this.#inverted = !this.#inverted)),
      zoom: redrawn((factor, point) => this.#zoomAt(factor, point)),
      move: redrawn((dx, dy) => (this.#pan = [this.#pan[0] + dx, this.#pan[1] + dy])),
      reset: redrawn(() => this.#reset()),
      point: redrawn((point) => (this.#pointer = point)),
      scroll: (steps) => this.#goTo(this.#index[this.#plane] + steps),
      last: (end) => this.#goTo(end * Infinity),
      show: (index) => this.#goTo(index),
    };
  }

  #goTo(wanted) {
    if (!this.#volume) {
      return;
    }
    const index = Math.min(this.#volume.count(this.#plane) - 1, Math.max(0, wanted));
    const changed = index !== this.#index[this.#plane];
    this.#index[this.#plane] = index;
    this.#redraw();
    if (changed && this.#plane === "axial") {
      this.#heat = null;
      this.dispatchEvent(new CustomEvent("slice", { detail: { index } }));
    }
  }

  #preset(name) {
    if (this.#volume.unit === "gray") {
      return name === "whole" ? GRAY : null;
    }
    return name === "whole" ? { level: 1000, width: 4000 } : WINDOWS[name];
  }

  #setWindow({ level, width }) {
    this.#window = { level: Math.min(32767, Math.max(-32767, level)), width: Math.min(65535, Math.max(1, width)) };
  }

  /** To the right: wider. Downwards: brighter, because the level sinks. */
  #dragWindow(dx, dy) {
    const step = this.#volume.unit === "HU" ? Math.max(0.5, this.#window.width / 400) : 0.5;
    this.#setWindow({ level: this.#window.level - dy * step, width: this.#window.width + dx * step });
  }

  #zoomAt(factor, point) {
    const zoom = Math.min(ZOOMS[1], Math.max(ZOOMS[0], this.#zoom * factor));
    const { clientWidth, clientHeight } = this.#canvas;
    const [x, y] = point ?? [clientWidth / 2, clientHeight / 2];
    const away = [x - clientWidth / 2, y - clientHeight / 2];
    this.#pan = this.#pan.map((part, axis) => away[axis] - (away[axis] - part) * (zoom / this.#zoom));
    this.#zoom = zoom;
  }

  #reset() {
    this.#zoom = 1;
    this.#pan = [0, 0];
    this.#redraw();
  }

  /** Draw once, before the browser shows the next frame. */
  #redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const { clientWidth, clientHeight } = this.#canvas;
      if (clientWidth && clientHeight) {
        const { devicePixelRatio } = window;
        this.#paint(this.#canvas, clientWidth, clientHeight, devicePixelRatio, {
          zoom: this.#zoom,
          pan: this.#pan,
          pointer: this.#pointer,
        });
      }
      this.#updateControls();
    });
  }

  #paint(canvas, width, height, ratio, view) {
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== wide || canvas.height !== high) {
      canvas.width = wide;
      canvas.height = high;
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    const message = this.#notice();
    if (message) {
      context.fillStyle = "#c3cfdb";
      context.font = "15px system-ui, sans-serif";
      context.textAlign = "center";
      context.fillText(message, width / 2, height / 2);
      return;
    }
    const box = this.#box(width, height, view);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.#grayCanvas(), box.left, box.top, box.width, box.height);
    const heat = this.#plane === "axial" ? this.#heat : null;
    if (heat) {
      context.globalAlpha = this.#opacity;
      context.drawImage(heat.canvas, box.left, box.top, box.width, box.height);
      context.globalAlpha = 1;
    }
    annotate(context, {
      width,
      height,
      heat,
      corners: this.#corners(view.pointer && this.#voxelAt(view.pointer, box)),
      letters: this.#volume.letters(this.#plane),
      scale: this.#volume.spacing ? box.scale : null,
      strings: this.#strings,
    });
  }

  /** Where the picture lies on a canvas, in pixels of the page. */
  #box(width, height, { zoom, pan }) {
    const section = this.#section();
    const [wide, high] = [section.width * section.pixel[0], section.height * section.pixel[1]];
    const scale = Math.min(width / wide, height / high) * zoom;
    const [w, h] = [wide * scale, high * scale];
    return { left: (width - w) / 2 + pan[0], top: (height - h) / 2 + pan[1], width: w, height: h, scale, section };
  }

  #section() {
    return this.#volume.section(this.#plane, this.#index[this.#plane]);
  }

  #grayCanvas() {
    const { level, width } = this.#window;
    const key = [this.#plane, this.#index[this.#plane], level, width, this.#inverted, this.#volume.arrived].join();
    if (key !== this.#gray.key) {
      paintGray(this.#section(), this.#window, this.#inverted, this.#gray.canvas);
      this.#gray.key = key;
    }
    return this.#gray.canvas;
  }

  /** What stands in place of a picture, if there is none. */
  #notice() {
    const state = this.#volume && this.#plane === "axial" ? this.#volume.state(this.#index.axial) : "there";
    return this.#volume ? { there: "", ...this.#strings }[state] : this.#message;
  }

  #voxelAt([x, y], box) {
    const across = Math.floor(((x - box.left) / box.width) * box.section.width);
    const down = Math.floor(((y - box.top) / box.height) * box.section.height);
    return this.#volume.voxel(this.#plane, this.#index[this.#plane], across, down);
  }

  /** What stands in the corners at the top: where one is, and how one looks at it. */
  #corners(voxel) {
    const strings = this.#strings;
    const topLeft = this.#volume.count(this.#plane) > 1 ? [this.#place()] : [];
    if (this.#position() !== null) {
      topLeft.push(fill(strings.millimetres, { value: this.#position() }));
    }
    const topRight = [fill(strings.windowOf, rounded(this.#window))];
    const value = voxel && this.#volume.value(voxel);
    if (value !== null) {
      topRight.push(fill(this.#volume.unit === "HU" ? strings.hounsfield : strings.gray, { value }));
      const place = this.#volume.place(voxel);
      if (place) {
        topRight.push(fill(strings.millimetres, { value: place.map(tenths).join("  ") }));
      }
    }
    return { topLeft, topRight };
  }

  #place() {
    return fill(this.#strings.place, { index: this.#index[this.#plane] + 1, number: this.#volume.count(this.#plane) });
  }

  /** Of the picture, along the axis that goes through its plane. */
  #position() {
    if (this.#plane === "axial") {
      return tenths(this.#volume.positions[this.#index.axial]);
    }
    const axis = this.#plane === "coronal" ? 1 : 0;
    const voxel = this.#volume.voxel(this.#plane, this.#index[this.#plane], 0, this.#volume.number - 1);
    return tenths(this.#volume.place(voxel)?.[axis]);
  }

  #updateControls() {
    const shown = this.#volume !== null;
    const state = { shown, window: this.#window, tool: this.#tool, plane: this.#plane, opacity: this.#opacity };
    Object.assign(state, { number: 1, index: 0, place: "", inverted: this.#inverted, heat: false, hasPlanes: false });
    if (shown) {
      const same = (name) => {
        const preset = this.#preset(name);
        return preset && preset.level === this.#window.level && preset.width === this.#window.width;
      };
      Object.assign(state, {
        preset: [...Object.keys(WINDOWS), "whole"].find(same),
        hounsfield: this.#volume.unit === "HU",
        hasPlanes: this.#volume.hasPlanes,
        number: this.#volume.count(this.#plane),
        index: this.#index[this.#plane],
        place: this.#place(),
        heat: this.#heat !== null && this.#plane === "axial",
      });
    }
    state.description = shown ? this.#description() : this.#message;
    this.#canvas.setAttribute("aria-label", `${this.#strings.viewer}: ${state.description}`);
    this.#controls.update(state);
  }

  #description() {
    const position = this.#position();
    return fill(this.#strings.described, {
      index: this.#index[this.#plane] + 1,
      number: this.#volume.count(this.#plane),
      position: position === null ? this.#strings.positionUnknown : fill(this.#strings.millimetres, { value: position }),
      ...rounded(this.#window),
    });
  }
}

/** 84 -> "84.0"; null for nothing. What rounds to zero has no sign. */
function tenths(millimetres) {
  return millimetres == null ? null : (Math.round(millimetres * 10) / 10 + 0).toFixed(1);
}

function rounded({ level, width }) {
  return { level: Math.round(level), width: Math.round(width) };
}
