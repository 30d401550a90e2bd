// Mouse, fingers and keys on the picture -> what is to be done.

/** Pixels that a finger or a finely turning wheel goes for one slice. */
const STEP = 24;
/** Pixels of a click of a mouse wheel; touchpads send smaller ones. */
const NOTCH = 60;
const LINE = 20;
const ZOOM_STEP = 1.25;
const MOVE_STEP = 40;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {object} actions scroll(slices), zoom(factor, point), move(dx, dy), window(dx, dy), point(point | null), fit(),
 *     preset(name), last(end), and tool(), which says what a drag does: "window", "move" or "scroll"
 */
export function listen(canvas, actions) {
  canvas.addEventListener("wheel", wheel(actions), { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && press(event, actions)) {
      event.preventDefault();
    }
  });
  canvas.addEventListener("dblclick", () => actions.fit());
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  drags(canvas, actions);
}

function wheel(actions) {
  let gone = 0;
  return (event) => {
    event.preventDefault();
    const way = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1);
    if (event.ctrlKey) {
      actions.zoom(ZOOM_STEP ** (-way / 100), [event.offsetX, event.offsetY]);
      return;
    }
    gone = Math.abs(way) >= NOTCH ? 0 : gone + way;
    const steps = Math.abs(way) >= NOTCH ? Math.sign(way) : Math.trunc(gone / STEP);
    gone -= Math.abs(way) >= NOTCH ? 0 : steps * STEP;
    if (steps) {
      actions.scroll(steps);
    }
  };
}

/** Whether the key means something here. */
function press({ key, shiftKey }, actions) {
  const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const steps = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
  const others = {
    Home: () => actions.last(-1),
    End: () => actions.last(1),
    "+": () => actions.zoom(ZOOM_STEP),
    "=": () => actions.zoom(ZOOM_STEP),
    "-": () => actions.zoom(1 / ZOOM_STEP),
    0: () => actions.fit(),
    l: () => actions.preset("lung"),
    m: () => actions.preset("mediastinum"),
    b: () => actions.preset("bone"),
  };
  if (shiftKey && key in arrows) {
    actions.move(...arrows[key].map((way) => way * MOVE_STEP));
  } else if (key in steps) {
    actions.scroll(steps[key]);
  } else if (key in others) {
    others[key]();
  } else {
    return false;
  }
  return true;
}

/** One finger or button: the chosen tool; the middle button moves, the right one zooms; two fingers zoom and move. */
function drags(canvas, actions) {
  const down = new Map();
  let gone = 0;

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, event);
    gone = 0;
    if (event.button === 1) {
      event.preventDefault(); // no scrolling by the middle button
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => down.delete(event.pointerId));
  }
  canvas.addEventListener("pointerleave", () => actions.point(null));
  canvas.addEventListener("pointermove", (event) => {
    actions.point([event.offsetX, event.offsetY]);
    const before = down.get(event.pointerId);
    if (!before) {
      return;
    }
    const others = [...down.values()].filter((other) => other.pointerId !== event.pointerId);
    if (others.length) {
      pinch(before, event, others[0]);
    } else {
      drag(event.offsetX - before.offsetX, event.offsetY - before.offsetY, event);
    }
    down.set(event.pointerId, event);
  });

  function pinch(before, after, other) {
    const distance = (one) => Math.hypot(one.offsetX - other.offsetX, one.offsetY - other.offsetY) || 1;
    const middle = [(after.offsetX + other.offsetX) / 2, (after.offsetY + other.offsetY) / 2];
    actions.zoom(distance(after) / distance(before), middle);
    actions.move((after.offsetX - before.offsetX) / 2, (after.offsetY - before.offsetY) / 2);
  }

  function drag(dx, dy, { buttons, shiftKey, offsetX, offsetY }) {
    if (buttons & 4 || shiftKey) {
      actions.move(dx, dy);
    } else if (buttons & 2) {
      actions.zoom(ZOOM_STEP ** (-dy / 40), [offsetX, offsetY]);
    } else if (actions.tool() === "scroll") {
      gone += dy;
      const steps = Math.trunc(gone / STEP);
      gone -= steps * STEP;
      actions.scroll(steps);
    } else {
      actions[actions.tool()](dx, dy);
    }
  }
}
