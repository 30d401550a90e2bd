// What stands on the picture: where one is, how one looks at it, which side is which, and how long 5 cm are.

import { heatColour } from "./paint.js";
import { text } from "../strings.js";

const MARGIN = 10;
const LINE = 17;
/** Lengths that a scale bar may have, in millimetres. */
const LENGTHS = [200, 100, 50, 20, 10, 5, 2, 1];

/** Draw all of it on a canvas of `width` × `height` pixels of the page. */
export function annotate(context, { width, height, corners, letters, scale, heat }) {
  context.save();
  context.font = "13px system-ui, sans-serif";
  context.textBaseline = "middle";
  corners.topLeft.forEach((words, line) => write(context, words, MARGIN, MARGIN + LINE * (line + 0.5), "left"));
  corners.topRight.forEach((words, line) => write(context, words, width - MARGIN, MARGIN + LINE * (line + 0.5), "right"));
  if (letters) {
    drawLetters(context, letters, width, height);
  }
  if (scale) {
    drawScale(context, scale, height);
  }
  if (heat) {
    drawLegend(context, heat, width, height);
  }
  context.restore();
}

/** Light text with a dark edge: readable on lung and on bone. */
function write(context, words, x, y, align) {
  context.textAlign = align;
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeStyle = "rgb(0 0 0 / 85%)";
  context.strokeText(words, x, y);
  context.fillStyle = "#f2f6fa";
  context.fillText(words, x, y);
}

function drawLetters(context, [left, right, top, bottom], width, height) {
  context.font = "600 15px system-ui, sans-serif";
  write(context, left, MARGIN, height / 2, "left");
  write(context, right, width - MARGIN, height / 2, "right");
  write(context, top, width / 2, MARGIN + LINE / 2, "center");
  write(context, bottom, width / 2, height - MARGIN - LINE / 2, "center");
  context.font = "13px system-ui, sans-serif";
}

/** `scale`: pixels of the page a millimetre. */
function drawScale(context, scale, height) {
  const length = LENGTHS.find((candidate) => candidate * scale <= 140) ?? LENGTHS.at(-1);
  const [left, bottom] = [MARGIN, height - MARGIN];
  for (const [colour, thickness] of [["rgb(0 0 0 / 85%)", 5], ["#f2f6fa", 2]]) {
    context.beginPath();
    context.moveTo(left, bottom - 6);
    context.lineTo(left, bottom);
    context.lineTo(left + length * scale, bottom);
    context.lineTo(left + length * scale, bottom - 6);
    context.lineWidth = thickness;
    context.strokeStyle = colour;
    context.stroke();
  }
  write(context, text("viewer.millimetres", { value: length }), left + 6, bottom - LINE / 2 - 2, "left");
}

function drawLegend(context, heat, width, height) {
  const [length, thickness] = [100, 8];
  const [left, top] = [width - MARGIN - length, height - MARGIN - thickness];
  for (let step = 0; step < length; step++) {
    const [red, green, blue] = heatColour(step / (length - 1));
    context.fillStyle = `rgb(${red} ${green} ${blue})`;
    context.fillRect(left + step, top, 1, thickness);
  }
  write(context, text("viewer.heatScale"), width - MARGIN, top - LINE / 2, "right");
  write(context, text("viewer.heatOf", { label: heat.label }), width - MARGIN, top - LINE * 1.5, "right");
}
