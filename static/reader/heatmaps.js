// Heatmaps, asked of the server one at a time and kept, so that going back and forth asks for none twice.

import { Busy, post } from "./transport.js";

/** Each is a table of 256 numbers. */
const KEPT = 500;
/** Milliseconds that a slice must stay in sight: who scrolls past wants no heatmap. */
const PAUSE = 100;

export class Heatmaps {
  #known = new Map();

  /**
   * The heatmap of a class: {label, values}, or null where the network has none.
   *
   * `key` names the slice; `load` gives it as a File or Blob. Throws what `post` does, Busy excepted: then it waits.
   */
  async of(key, label, load, signal) {
    const name = `${key} ${label}`;
    if (!this.#known.has(name)) {
      await pause(PAUSE, signal);
      this.#known.set(name, await ask(label, await load(), signal));
      if (this.#known.size > KEPT) {
        this.#known.delete(this.#known.keys().next().value);
      }
    }
    return this.#known.get(name);
  }

  clear() {
    this.#known.clear();
  }
}

async function ask(label, picture, signal) {
  for (;;) {
    try {
      const answer = JSON.parse(await post(`/predict?explain=true&class=${label}`, [picture], { signal }));
      const { values } = answer.predictions[0].heatmap ?? {};
      return values ? { label, values } : null;
    } catch (error) {
      if (!(error instanceof Busy)) {
        throw error;
      }
      await pause(error.seconds * 1000, signal);
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
