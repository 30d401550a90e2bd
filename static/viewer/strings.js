// Every text of the viewer. `createViewer(host, { strings })` replaces those that it names; {words} in braces are filled in.

export const STRINGS = {
  viewer: "Viewer",
  help: "Arrow keys: slice. Page up and down: ten slices. Plus, minus, 0: zoom. Shift and arrows: move. L, M, B: window.",
  empty: "No slice to show",
  missing: "This slice cannot be read",
  coming: "Loading …",
  broken: "The picture cannot be shown here",
  window: "Window",
  lung: "Lung",
  mediastinum: "Mediastinum",
  bone: "Bone",
  whole: "Whole range",
  level: "Level",
  width: "Width",
  drag: "Drag to",
  dragWindow: "Window",
  dragMove: "Move",
  dragScroll: "Scroll",
  plane: "Plane",
  axial: "Axial",
  coronal: "Coronal",
  sagittal: "Sagittal",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  fit: "Fit",
  invert: "Invert",
  heatmap: "Heatmap",
  opacity: "Opacity",
  heatOf: "Heatmap: {label}",
  heatScale: "little … much",
  slice: "Slice",
  place: "{index} / {number}",
  millimetres: "{value} mm",
  positionUnknown: "position unknown",
  windowOf: "L {level} W {width}",
  hounsfield: "{value} HU",
  gray: "gray {value}",
  described: "Slice {index} of {number}, {position}, window level {level} width {width}",
};

/** The text with {names} replaced by `values`. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
