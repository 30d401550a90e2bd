// The buttons above the picture and the slider below it.

import { WINDOWS } from "./paint.js";

/**
 * Make the controls.
 *
 * @param {object} strings the viewer's texts
 * @param {object} actions preset(name), setWindow({level, width}), setTool(name), setPlane(name), zoom(factor), reset(),
 *     invert(), setOpacity(share), show(index)
 * @returns {{ bar: HTMLElement, slider: HTMLElement, update: (state: object) => void }}
 */
export function makeControls(strings, actions) {
  const presets = choice(strings.window, [...Object.keys(WINDOWS), "whole"], strings, actions.preset);
  const level = number(strings.level, 10, (value) => actions.setWindow({ level: value }));
  const width = number(strings.width, 10, (value) => actions.setWindow({ width: value }));
  width.input.min = "1";
  const names = { window: strings.dragWindow, move: strings.dragMove, scroll: strings.dragScroll };
  const tools = choice(strings.drag, Object.keys(names), names, actions.setTool);
  const planes = choice(strings.plane, ["axial", "coronal", "sagittal"], strings, actions.setPlane);
  const invert = button(strings.invert, actions.invert);
  const zoom = group("", [
    button("−", () => actions.zoom(1 / 1.25), strings.zoomOut),
    button("+", () => actions.zoom(1.25), strings.zoomIn),
    button(strings.fit, actions.reset),
    invert,
  ]);
  const opacity = range(strings.opacity, 100, (value) => actions.setOpacity(value / 100));
  const heat = group(strings.heatmap, [opacity.label]);
  const bar = element("div", "viewer-bar");
  bar.append(presets.group, group("", [level.label, width.label]), tools.group, planes.group, zoom, heat);

  const index = range(strings.slice, 0, actions.show);
  const place = element("output", "viewer-place");
  const slider = element("div", "viewer-slider");
  slider.append(index.label, place);

  /** Bring the controls in line with what is shown. */
  function update(state) {
    bar.hidden = slider.hidden = !state.shown;
    presets.set(state.preset, state.hounsfield ? null : ["whole"]);
    level.set(state.window.level);
    width.set(state.window.width);
    tools.set(state.tool, state.number > 1 ? null : ["window", "move"]);
    planes.set(state.plane);
    planes.group.hidden = !state.hasPlanes;
    invert.setAttribute("aria-pressed", state.inverted);
    heat.hidden = !state.heat;
    opacity.input.value = Math.round(state.opacity * 100);
    slider.hidden ||= state.number < 2;
    index.input.max = state.number - 1;
    index.input.value = state.index;
    index.input.setAttribute("aria-valuetext", state.description);
    place.textContent = state.place;
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

function range(name, max, action) {
  const { label, input } = field(name, "range");
  input.min = "0";
  input.max = max;
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
