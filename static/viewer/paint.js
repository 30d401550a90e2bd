// Values -> pixels: the window, and the colours of the heatmap.

/** Level and width of the usual windows, in Hounsfield units; the first is that through which the network sees. */
export const WINDOWS = {
  lung: { level: -600, width: 1500 },
  mediastinum: { level: 40, width: 400 },
  bone: { level: 400, width: 1800 },
};

/** All of an 8-bit picture. */
export const GRAY = { level: 127.5, width: 255 };

/** [value, red, green, blue, alpha]: dark violet to yellow, clear where there is little. */
const HEAT = [
  [0, 60, 10, 110, 0],
  [0.2, 90, 20, 130, 70],
  [0.5, 215, 50, 90, 165],
  [0.75, 250, 140, 45, 210],
  [1, 255, 236, 120, 240],
];

/** A section in gray, as a canvas of its own size. `canvas` is used again where it fits. */
export function paintGray(section, { level, width }, inverted, canvas = new OffscreenCanvas(1, 1)) {
  if (canvas.width !== section.width || canvas.height !== section.height) {
    canvas.width = section.width;
    canvas.height = section.height;
  }
  const context = canvas.getContext("2d");
  const image = context.createImageData(section.width, section.height);
  const pixels = new Uint32Array(image.data.buffer);
  const [factor, start] = [255 / width, level - width / 2];
  const flip = inverted ? 255 : 0;
  for (let at = 0; at < pixels.length; at++) {
    const scaled = (section.values[at] - start) * factor;
    const gray = (scaled <= 0 ? 0 : scaled >= 255 ? 255 : Math.round(scaled)) ^ flip;
    pixels[at] = 0xff000000 | (gray << 16) | (gray << 8) | gray;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** A table of values from 0 to 1, as a canvas with a pixel each. */
export function paintHeat(values) {
  const canvas = new OffscreenCanvas(values[0].length, values.length);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  values.flat().forEach((value, at) => image.data.set(heatColour(value), 4 * at));
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Red, green, blue and alpha of a value from 0 to 1. */
export function heatColour(value) {
  const clipped = Math.min(1, Math.max(0, value));
  const above = Math.max(1, HEAT.findIndex(([at]) => at >= clipped));
  const [low, high] = [HEAT[above - 1], HEAT[above]];
  const share = (clipped - low[0]) / (high[0] - low[0]);
  return low.slice(1).map((part, channel) => part + share * (high[channel + 1] - part));
}
