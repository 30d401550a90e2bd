// A view -> pixels: the picture, the heatmap over it, and what is written on it.

import { annotate } from "./annotations.js";
import { corners } from "./captions.js";
import { paintGray } from "./paint.js";
import { text } from "../strings.js";

export class Painter {
  #gray = { key: "", canvas: new OffscreenCanvas(1, 1) };

  /**
   * Paint a canvas.
   *
   * @param {HTMLCanvasElement} canvas
   * @param {{ width: number, height: number, ratio: number }} size pixels of the page, and of the screen for each of them
   * @param {View} view
   * @param {{ zoom: number, pan: number[], pointer: number[] | null }} look
   * @param {{ canvas: OffscreenCanvas, label: string, opacity: number } | null} heat
   * @param {string} empty what stands there without a volume
   */
  paint(canvas, { width, height, ratio }, view, { zoom, pan, pointer }, heat, empty) {
    const context = blackened(canvas, width, height, ratio);
    const notice = view.volume ? missing(view) : empty;
    if (notice) {
      say(context, notice, width, height);
      return;
    }
    const box = boxOf(view.section, width, height, zoom, pan);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.#grayOf(view), box.left, box.top, box.width, box.height);
    if (heat) {
      context.globalAlpha = heat.opacity;
      context.drawImage(heat.canvas, box.left, box.top, box.width, box.height);
      context.globalAlpha = 1;
    }
    annotate(context, {
      width,
      height,
      heat,
      corners: corners(view, pointer && view.voxelAt(pointer, box)),
      letters: view.volume.letters(view.plane),
      scale: view.volume.spacing ? box.scale : null,
    });
  }

  /** Forget what was painted: it is of another volume. */
  forget() {
    this.#gray.key = "";
  }

  #grayOf({ plane, index, window, inverted, volume, section }) {
    const key = [plane, index, window.level, window.width, inverted, volume.arrived].join();
    if (key !== this.#gray.key) {
      paintGray(section, window, inverted, this.#gray.canvas);
      this.#gray.key = key;
    }
    return this.#gray.canvas;
  }
}

function blackened(canvas, width, height, ratio) {
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  return context;
}

/** What stands in place of a slice that is not there, or not yet. */
function missing({ volume, plane, index }) {
  const state = plane === "axial" ? volume.state(index) : "there";
  return state === "there" ? "" : text(`viewer.${state}`);
}

function say(context, words, width, height) {
  context.fillStyle = "#c3cfdb";
  context.font = "15px system-ui, sans-serif";
  context.textAlign = "center";
  context.fillText(words, width / 2, height / 2);
}

/** Where the picture lies on a canvas, in pixels of the page. */
function boxOf(section, width, height, zoom, pan) {
  const [wide, high] = [section.width * section.pixel[0], section.height * section.pixel[1]];
  const scale = Math.min(width / wide, height / high) * zoom;
  const [w, h] = [wide * scale, high * scale];
  return { left: (width - w) / 2 + pan[0], top: (height - h) / 2 + pan[1], width: w, height: h, scale, section };
}
