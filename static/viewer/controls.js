// The buttons above the picture and the slider below it.

import { WINDOWS } from "./paint.js";
import { branch } from "../strings.js";

/**
 * Make the controls.
 *
 * @param {object} actions preset(name), setWindow({level, width}), setTool(name), setPlane(name), zoom(factor), fit(),
 *     invert(), show(index)
 * @returns {{ bar: HTMLElement, slider: HTMLElement, update: (view: View | null, place: string, words: string) => void }}
 */
export function makeControls(actions) {
  const words = branch("viewer");
  const presets = choice(words.window, [...Object.keys(WINDOWS), "whole"], words, actions.preset);
  const level = number(words.level, 10, (value) => actions.setWindow({ level: value }));
  const width = number(words.width, 10, (value) => actions.setWindow({ width: value }));
  width.input.min = "1";
  const names = { window: words.dragWindow, move: words.dragMove, scroll: words.dragScroll };
  const tools = choice(words.drag, Object.keys(names), names, actions.setTool);
  const planes = choice(words.plane, ["axial", "coronal", "sagittal"], words, actions.setPlane);
  const invert = button(words.invert, actions.invert);
  const zoom = group("", [
    button("−", () => actions.zoom(1 / 1.25), words.zoomOut),
    button("+", () => actions.zoom(1.25), words.zoomIn),
    button(words.fit, actions.fit),
    invert,
  ]);
  const bar = element("div", "viewer-bar");
  bar.append(presets.group, group("", [level.label, width.label]), tools.group, planes.group, zoom);

  const index = range(words.slice, actions.show);
  const shown = element("output", "viewer-place");
  const slider = element("div", "viewer-slider");
  slider.append(index.label, shown);

  /** Bring the controls in line with what is shown. */
  function update(view, place, description) {
    bar.hidden = !view;
    slider.hidden = !view || view.count < 2;
    if (!view) {
      return;
    }
    presets.set(view.preset, Object.keys(view.presets));
    level.set(view.window.level);
    width.set(view.window.width);
    tools.set(view.tool, view.count > 1 ? Object.keys(names) : ["window", "move"]);
    planes.set(view.plane);
    planes.group.hidden = !view.volume.hasPlanes;
    invert.setAttribute("aria-pressed", view.inverted);
    index.input.max = view.count - 1;
    index.input.value = view.index;
    index.input.setAttribute("aria-valuetext", description);
    shown.textContent = place;
  }
  return { bar, slider, update };
}

function element(name, className) {
  const made = document.createElement(name);
  made.className = className;
  return made;
}

function button(text, action, name = text) {
  const made = element("button", "viewer-button");
  made.type = "button";
  made.textContent = text;
  made.setAttribute("aria-label", name);
  made.title = name;
  made.addEventListener("click", action);
  return made;
}

/** Controls that belong together, with their name. */
function group(name, members) {
  const made = element("div", "viewer-group");
  made.setAttribute("role", "group");
  if (name) {
    const title = element("span", "viewer-name");
    title.textContent = name;
    made.setAttribute("aria-label", name);
    made.append(title);
  }
  made.append(...members);
  return made;
}

/** Buttons of which one is pressed. */
function choice(name, values, names, action) {
  const buttons = new Map(values.map((value) => [value, button(names[value], () => action(value))]));
  const made = group(name, [...buttons.values()]);
  const set = (chosen, allowed = null) => {
    for (const [value, one] of buttons) {
      one.setAttribute("aria-pressed", value === chosen);
      one.hidden = allowed !== null && !allowed.includes(value);
    }
  };
  return { group: made, set };
}

function number(name, step, action) {
  const { label, input } = field(name, "number");
  input.step = step;
  input.addEventListener("change", () => {
    if (input.value !== "" && input.checkValidity() | input.validity.stepMismatch) {
      action(Number(input.value));
    }
  });
  const set = (value) => {
    if (document.activeElement !== input) {
      input.value = Math.round(value);
    }
  };
  return { label, input, set };
}

function range(name, action) {
  const { label, input } = field(name, "range");
  input.min = "0";
  input.addEventListener("input", () => action(Number(input.value)));
  return { label, input };
}

function field(name, type) {
  const label = element("label", "viewer-field");
  const input = document.createElement("input");
  input.type = type;
  label.append(name, input);
  return { label, input };
}
