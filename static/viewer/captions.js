// What is said about the picture: in its corners, beside the slider, and to those who cannot see it.

import { text } from "../strings.js";

/** "3 / 41" */
export function place({ index, count }) {
  return text("viewer.place", { index: index + 1, number: count });
}

/** Lines for the corners at the top; `voxel` is the one under the pointer. */
export function corners(view, voxel) {
  const { volume, count, window } = view;
  const topLeft = count > 1 ? [place(view)] : [];
  if (position(view) !== null) {
    topLeft.push(text("viewer.millimetres", { value: position(view) }));
  }
  const topRight = [text("viewer.windowOf", rounded(window))];
  const value = voxel && volume.value(voxel);
  if (value !== null) {
    topRight.push(text(view.inHounsfield ? "viewer.hounsfield" : "viewer.gray", { value }));
    const at = volume.place(voxel);
    if (at) {
      topRight.push(text("viewer.millimetres", { value: at.map(tenths).join("  ") }));
    }
  }
  return { topLeft, topRight };
}

/** All of it in a sentence. */
export function description(view, heat) {
  const at = position(view);
  const words = text("viewer.described", {
    index: view.index + 1,
    number: view.count,
    position: at === null ? text("viewer.positionUnknown") : text("viewer.millimetres", { value: at }),
    ...rounded(view.window),
  });
  return heat ? `${words}, ${text("viewer.heatOf", { label: heat.label })}` : words;
}

/** Of the picture, along the axis that goes through its plane. */
function position({ volume, plane, index }) {
  if (plane === "axial") {
    return tenths(volume.positions[index]);
  }
  const voxel = volume.voxel(plane, index, 0, volume.number - 1);
  return tenths(volume.place(voxel)?.[plane === "coronal" ? 1 : 0]);
}

/** 84 -> "84.0"; null for nothing. What rounds to zero has no sign. */
function tenths(millimetres) {
  return millimetres == null ? null : (Math.round(millimetres * 10) / 10 + 0).toFixed(1);
}

function rounded({ level, width }) {
  return { level: Math.round(level), width: Math.round(width) };
}
