// How one looks at a volume: which plane and slice of it, through which window, how large, and where.

import { GRAY, WINDOWS } from "./paint.js";

const ZOOMS = [0.25, 30];
/** All that a CT may hold. */
const WHOLE = { level: 1000, width: 4000 };

export class View {
  volume = null;
  plane = "axial";
  window = WINDOWS.lung;
  tool = "window";
  inverted = false;
  zoom = 1;
  pan = [0, 0];
  #index = { axial: 0, coronal: 0, sagittal: 0 };

  /** Look at another volume, or at none. The window stays where it means the same. */
  open(volume) {
    const alike = volume && volume.unit === this.volume?.unit;
    this.volume = volume;
    this.plane = "axial";
    this.fit();
    if (!volume) {
      return;
    }
    const middle = (plane) => Math.floor(volume.count(plane) / 2);
    this.#index = { axial: 0, coronal: middle("coronal"), sagittal: middle("sagittal") };
    this.inverted = volume.inverted;
    if (!alike) {
      this.window = this.inHounsfield ? WINDOWS.lung : GRAY;
    }
  }

  get inHounsfield() {
    return this.volume.unit === "HU";
  }

  /** The number of the picture in its plane, from 0. */
  get index() {
    return this.#index[this.plane];
  }

  /** How many pictures its plane has. */
  get count() {
    return this.volume.count(this.plane);
  }

  get section() {
    return this.volume.section(this.plane, this.index);
  }

  /** Go to a picture, or to the first or last if there is none so far; gives whether it is another one. */
  goTo(wanted) {
    const index = Math.min(this.count - 1, Math.max(0, wanted));
    const changed = index !== this.index;
    this.#index[this.plane] = index;
    return changed;
  }

  turn(plane) {
    this.plane = plane;
    this.fit();
  }

  /** The windows that can be chosen by name: {name: window}. */
  get presets() {
    return this.inHounsfield ? { ...WINDOWS, whole: WHOLE } : { whole: GRAY };
  }

  /** The name of the window, if it has one. */
  get preset() {
    const same = ([, { level, width }]) => level === this.window.level && width === this.window.width;
    return Object.entries(this.presets).find(same)?.[0];
  }

  setWindow(part) {
    const { level, width } = { ...this.window, ...part };
    this.window = { level: Math.min(32767, Math.max(-32767, level)), width: Math.min(65535, Math.max(1, width)) };
  }

  /** To the right: wider. Downwards: brighter, because the level sinks. */
  dragWindow(dx, dy) {
    const step = this.inHounsfield ? Math.max(0.5, this.window.width / 400) : 0.5;
    this.setWindow({ level: this.window.level - dy * step, width: this.window.width + dx * step });
  }

  /** Larger or smaller, so that a point, counted from the middle of the canvas, stays where it is. */
  zoomAt(factor, point) {
    const zoom = Math.min(ZOOMS[1], Math.max(ZOOMS[0], this.zoom * factor));
    this.pan = this.pan.map((part, axis) => point[axis] - (point[axis] - part) * (zoom / this.zoom));
    this.zoom = zoom;
  }

  move(dx, dy) {
    this.pan = [this.pan[0] + dx, this.pan[1] + dy];
  }

  /** The whole picture, in the middle. */
  fit() {
    this.zoom = 1;
    this.pan = [0, 0];
  }

  /** The voxel under a point of a box in which the picture is drawn. */
  voxelAt([x, y], { left, top, width, height, section }) {
    const across = Math.floor(((x - left) / width) * section.width);
    const down = Math.floor(((y - top) / height) * section.height);
    return this.volume.voxel(this.plane, this.index, across, down);
  }
}
