// What is to be read, and what became of it.
//
// An item is {id, kind: "slice" | "study", name, files, bytes, state, share, answer, problem, slices, progress, mark, note}.
// Its state goes waiting -> sending -> reading -> done | refused | failed | cancelled; what failed or was cancelled may
// wait again. Only answers are held here: a File is a handle, and its bytes stay where they are.

import { text } from "../strings.js";
import { Busy, post, Refused, Unreachable } from "./transport.js";

/** Slices a request: enough that its own cost does not count, few enough that answers keep coming. */
const BATCH = 6;
/** Requests under way. */
const AT_ONCE = 2;
const NDJSON = "application/x-ndjson";

export const OPEN = ["waiting", "sending", "reading"];
export const RETRIABLE = ["failed", "cancelled"];

/** Says "change" with detail.items, and "state" when it starts, stops, waits or cannot reach the server. */
export class Queue extends EventTarget {
  items = [];
  model = null;
  unreachable = false;
  busy = 0;
  #limits;
  #level;
  #running = 0;
  #stop = new AbortController();
  #last = 0;

  constructor(limits, level) {
    super();
    this.#limits = limits;
    this.#level = level;
  }

  get running() {
    return this.#running > 0;
  }

  add(entries) {
    const added = entries.map((entry) => ({
      ...entry,
      id: ++this.#last,
      bytes: entry.files.reduce((sum, file) => sum + file.size, 0),
      state: "waiting",
      share: 0,
      slices: [],
      mark: "",
      note: "",
    }));
    this.items.push(...added);
    this.#changed(added);
    this.#start();
    return added;
  }

  /** Let go of what is not read yet. */
  cancel() {
    const open = this.items.filter((item) => OPEN.includes(item.state));
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#set(open, { state: "cancelled" });
  }

  retry(items = this.items) {
    this.unreachable = false;
    this.#set(
      items.filter((item) => RETRIABLE.includes(item.state)),
      { state: "waiting", problem: null, slices: [], progress: null },
    );
    this.#start();
  }

  mark(item, members) {
    this.#set([item], members);
  }

  remove(item) {
    this.items = this.items.filter((other) => other !== item);
    this.#changed([]);
  }

  clear() {
    this.cancel();
    this.items = [];
    this.unreachable = false;
    this.#changed([]);
  }

  #start() {
    const waiting = this.unreachable ? 0 : this.items.filter((item) => item.state === "waiting").length;
    for (let wanted = Math.min(AT_ONCE - this.#running, waiting); wanted > 0; wanted -= 1) {
      this.#running += 1;
      this.#work(this.#stop.signal).finally(() => {
        this.#running -= 1;
        this.#start(); // what was cancelled may be waiting again
      });
    }
    this.#tell();
  }

  async #work(signal) {
    for (let batch = this.#next(); batch.length && !signal.aborted; batch = this.#next()) {
      await this.#read(batch, signal);
    }
  }

  /** The items of the next request: a study, or several slices. */
  #next() {
    if (this.unreachable) {
      return [];
    }
    const waiting = this.items.filter((item) => item.state === "waiting");
    const first = waiting[0];
    if (!first || first.kind === "study" || first.alone) {
      return waiting.slice(0, 1);
    }
    const batch = [];
    let bytes = 0;
    for (const item of waiting) {
      bytes += item.bytes;
      if (item.kind === "study" || item.alone || batch.length === Math.min(BATCH, this.#limits.files)) {
        break;
      }
      // Half of what is allowed leaves room for the form around the files.
      if (batch.length && bytes > this.#limits.bytes / 2) {
        break;
      }
      batch.push(item);
    }
    return batch;
  }

  async #read(batch, signal) {
    this.#set(batch, { state: "sending", share: 0 });
    const onSent = (share) => this.#set(batch, { share, state: share < 1 ? "sending" : "reading" });
    try {
      await (batch[0].kind === "study"
        ? this.#readStudy(batch[0], { signal, onSent })
        : this.#readSlices(batch, { signal, onSent }));
    } catch (error) {
      await this.#failed(batch, error, signal);
    }
  }

  async #readSlices(batch, options) {
    const files = batch.map((item) => item.files[0]);
    try {
      this.#answered(batch, JSON.parse(await post(`/predict?level=${this.#level}`, files, options)));
    } catch (error) {
      if (!(error instanceof Refused) || !error.problem.predictions) {
        throw error;
      }
      this.#answered(batch, error.problem);
    }
  }

  #answered(batch, { predictions, model, request_id }) {
    this.model = model;
    batch.forEach((item, index) => {
      const answer = predictions[index];
      if (answer.error) {
        this.#refused(item, answer.error);
      } else {
        this.#set([item], { state: "done", answer, model, request_id });
      }
    });
  }

  async #readStudy(item, options) {
    let seen = 0;
    const lines = (body) => {
      const end = body.lastIndexOf("\n") + 1;
      body.slice(seen, end).split("\n").filter(Boolean).forEach((line) => this.#line(item, JSON.parse(line)));
      seen = end;
    };
    const address = `/studies?level=${this.#level}`;
    lines(await post(address, item.files, { ...options, accept: NDJSON, onText: lines }));
    if (item.state === "reading") {
      throw new Unreachable();
    }
  }

  #line(item, line) {
    if (line.problem) {
      this.#refused(item, line.problem);
    } else if (line.progress) {
      item.slices.push(...(line.slice ? [line.slice] : []));
      this.#set([item], { progress: line.progress, state: "reading" });
    } else {
      this.model = line.model;
      const { model, request_id } = line;
      this.#set([item], { state: "done", answer: line, slices: line.slices, progress: null, model, request_id });
    }
  }

  #refused(item, problem) {
    if (problem.code === "volume" && item.kind === "slice") {
      this.#set([item], { kind: "study", state: "waiting" });
      this.#start();
    } else {
      // A fault of the server may be gone the next time; what is wrong with a file stays so.
      this.#set([item], { state: problem.status >= 500 ? "failed" : "refused", problem });
    }
  }

  async #failed(batch, error, signal) {
    if (signal.aborted || error.name === "AbortError") {
      return; // `cancel` has told
    }
    if (error instanceof Busy) {
      this.#set(batch, { state: "waiting" });
      this.busy = error.seconds;
      this.#tell();
      await new Promise((resolve) => setTimeout(resolve, error.seconds * 1000));
      this.busy = 0;
    } else if (!(error instanceof Refused)) {
      this.unreachable = true;
      const waiting = this.items.filter((item) => item.state === "waiting");
      this.#set([...batch, ...waiting], { state: "failed", problem: { title: text("problems.noAnswer") } });
    } else if (batch.length > 1) {
      this.#set(batch, { state: "waiting", alone: true }); // one of them is at fault: find it
    } else {
      this.#refused(batch[0], error.problem);
    }
    this.#tell();
  }

  #set(items, members) {
    items.forEach((item) => Object.assign(item, members));
    this.#changed(items);
  }

  #changed(items) {
    this.dispatchEvent(new CustomEvent("change", { detail: { items } }));
  }

  #tell() {
    this.dispatchEvent(new Event("state"));
  }
}
