// The slices of a study, or the pictures that were sent one by one, along the body: how probable each class is in each.

import { labels, likeliest, title } from "./labels.js";
import { percent, text } from "../strings.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 100;

/** A slider over slices. Says "choose" with detail.number, which counts the points. */
export class Plot extends EventTarget {
  #host;
  #readout;
  #points = [];
  #at = -1;

  /** `host` holds the picture, `readout` the words on the slice under the cursor, `ends` the two ends of the axis. */
  constructor({ host, readout, ends }) {
    super();
    [this.#host, this.#readout, this.ends] = [host, readout, ends];
    host.addEventListener("pointerdown", (event) => {
      host.setPointerCapture(event.pointerId);
      this.#choose(this.#under(event));
    });
    host.addEventListener("pointermove", (event) => event.buttons && this.#choose(this.#under(event)));
    host.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Points: {place, position, answer, name}, by place; `place` is where it lies on the axis. */
  show(points, { threshold, ordered }) {
    this.#points = points;
    this.#at = -1;
    const [from, to] = [points[0].place, points.at(-1).place + 1];
    const svg = element("svg", { viewBox: `${from} 0 ${to - from} ${HEIGHT}`, preserveAspectRatio: "none" });
    svg.setAttribute("aria-hidden", "true");
    let floor = points.map(() => 0);
    // The first class is the one without a finding: it lies on top, and is drawn last.
    for (const label of [...labels().slice(1), labels()[0]]) {
      const top = points.map((point, index) => floor[index] + point.answer.probabilities[label]);
      svg.append(element("path", { class: "class", "data-label": label, d: band(points, floor, top) }));
      floor = top;
    }
    if (threshold) {
      const y = HEIGHT * (1 - threshold);
      svg.append(element("line", { class: "threshold", x1: from, x2: to, y1: y, y2: y }));
    }
    svg.append(element("rect", { class: "cursor", width: 1, height: HEIGHT, visibility: "hidden" }));
    this.#host.replaceChildren(svg);
    this.#host.setAttribute("aria-valuemax", points.length);
    this.#host.setAttribute("aria-valuemin", 1);
    const names = ordered ? ["foot", "head"] : ["first", "last"];
    this.ends.forEach((end, index) => (end.textContent = text(`plot.${names[index]}`)));
    this.#readout.textContent = "";
  }

  /** Show nothing, and keep nothing. */
  clear() {
    this.#points = [];
    this.#host.replaceChildren();
    this.#host.removeAttribute("aria-valuetext");
    this.#readout.textContent = "";
  }

  /** Put the cursor on a point; -1 leaves it where it is. */
  at(number) {
    const point = this.#points[number];
    if (!point || number === this.#at) {
      return;
    }
    this.#at = number;
    const cursor = this.#host.querySelector(".cursor");
    cursor.setAttribute("x", point.place);
    cursor.setAttribute("visibility", "visible");
    const words = this.#words(point);
    this.#readout.textContent = words;
    this.#host.setAttribute("aria-valuenow", number + 1);
    this.#host.setAttribute("aria-valuetext", words);
  }

  #words(point) {
    const position = point.position == null ? "" : `, ${text("answer.position", { mm: point.position })}`;
    const best = likeliest(point.answer);
    const share = percent(point.answer.probabilities[best]);
    const name = point.name ?? text("plot.slice", { number: point.place + 1 });
    return text("plot.at", { name, position, label: title(best), share });
  }

  #under(event) {
    const box = this.#host.getBoundingClientRect();
    const [from, to] = [this.#points[0].place, this.#points.at(-1).place + 1];
    const place = from + ((event.clientX - box.left) / box.width) * (to - from) - 0.5;
    const distances = this.#points.map((point) => Math.abs(point.place - place));
    return distances.indexOf(Math.min(...distances));
  }

  #key(event) {
    const far = this.#points.length;
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
    const by = { ...steps, Home: -far, End: far }[event.key];
    if (by) {
      event.preventDefault();
      this.#choose(Math.max(0, Math.min(far - 1, this.#at + by)));
    }
  }

  #choose(number) {
    if (number !== this.#at) {
      this.at(number);
      this.dispatchEvent(new CustomEvent("choose", { detail: { number } }));
    }
  }
}

/** One step a slice between two curves; slices that were left out are gaps. */
function band(points, floor, top) {
  return points
    .map(({ place }, index) => {
      const [low, high] = [HEIGHT * (1 - floor[index]), HEIGHT * (1 - top[index])];
      return `M${place} ${low.toFixed(1)}V${high.toFixed(1)}h0.98V${low.toFixed(1)}z`;
    })
    .join("");
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  return made;
}
