// The list of what is read: a listbox, one row an item. Rows are made once and changed in place.

import { complaint, headline } from "./labels.js";
import { size, text } from "../strings.js";
import { illustrate, thumbnail } from "./thumbnails.js";

/** Says "select" with detail.item. */
export class List extends EventTarget {
  selected = null;
  #box;
  #empty;
  #filters;
  #rows = new Map();
  #shown = [];

  constructor({ box, empty }, filters) {
    super();
    [this.#box, this.#empty, this.#filters] = [box, empty, filters];
    box.addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      if (row) {
        this.select(this.#shown.find((item) => item.id === Number(row.dataset.id)));
      }
    });
    box.addEventListener("keydown", (event) => this.#key(event));
  }

  get shown() {
    return this.#shown;
  }

  /** Bring the rows of these items up to date. */
  refresh(items) {
    for (const item of items) {
      if (this.#rows.has(item.id)) {
        fill(this.#rows.get(item.id), item);
      }
    }
  }

  /** Let an item's thumbnail show a picture. */
  illustrate(item, picture) {
    const row = this.#rows.get(item.id);
    if (row) {
      illustrate(row.firstElementChild, picture);
    }
  }

  focus() {
    this.#box.focus();
  }

  /** Show what the filters let through, in their order. */
  arrange(items) {
    this.#shown = this.#filters.apply(items);
    const rows = this.#shown.map((item) => this.#row(item));
    if (rows.length !== this.#box.children.length || rows.some((row, index) => this.#box.children[index] !== row)) {
      const top = this.#box.scrollTop;
      this.#box.replaceChildren(...rows);
      this.#box.scrollTop = top;
    }
    this.#empty.hidden = rows.length > 0 || items.length === 0;
    const known = new Set(items.map((item) => item.id));
    [...this.#rows.keys()].filter((id) => !known.has(id)).forEach((id) => this.#rows.delete(id));
  }

  select(item) {
    this.#rows.get(this.selected?.id)?.setAttribute("aria-selected", "false");
    this.selected = item ?? null;
    const row = this.#rows.get(item?.id);
    row?.setAttribute("aria-selected", "true");
    row?.scrollIntoView({ block: "nearest" });
    this.#box.setAttribute("aria-activedescendant", row?.id ?? "");
    this.dispatchEvent(new CustomEvent("select", { detail: { item: this.selected } }));
  }

  /** Select the next (1) or previous (-1) item. */
  step(by) {
    const at = this.#shown.indexOf(this.selected);
    const to = Math.max(0, Math.min(this.#shown.length - 1, at < 0 ? 0 : at + by));
    if (this.#shown[to]) {
      this.select(this.#shown[to]);
    }
  }

  #row(item) {
    if (!this.#rows.has(item.id)) {
      this.#rows.set(item.id, made(item));
    }
    return this.#rows.get(item.id);
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.#box.clientHeight / 56));
    const far = this.#shown.length;
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -far, End: far }[event.key];
    if (by) {
      event.preventDefault();
      this.step(by);
    }
  }
}

function made(item) {
  const row = document.createElement("li");
  row.id = `item-${item.id}`;
  row.dataset.id = item.id;
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", "false");
  const words = document.createElement("div");
  words.append(part("name"), part("outcome"), part("state"));
  row.append(thumbnail(item.kind === "slice" ? item.files[0] : null), words);
  fill(row, item);
  return row;
}

function part(name) {
  const made = document.createElement("span");
  made.className = name;
  return made;
}

function fill(row, item) {
  const [name, outcome, state] = row.lastElementChild.children;
  row.className = `${item.kind} ${item.state}`;
  row.dataset.label = item.answer?.label ?? "";
  name.textContent = item.name || text("study.name", { count: item.files.length });
  name.title = name.textContent;
  outcome.textContent = item.answer ? headline(item.answer) : "";
  state.textContent = [bulk(item), situation(item), mark(item)].filter(Boolean).join(" · ");
}

function bulk(item) {
  return item.files.length > 1
    ? text("study.files", { count: item.files.length, size: size(item.bytes) })
    : size(item.bytes);
}

function situation(item) {
  if (item.problem) {
    return item.state === "refused" ? `${text("states.refused")}: ${complaint(item.problem)}` : item.problem.title;
  }
  if (item.progress && item.state === "reading") {
    return text(item.progress.stage === "files" ? "study.headers" : "study.progress", item.progress);
  }
  return item.state === "done" ? "" : text(`states.${item.state}`, { share: Math.round(item.share * 100) });
}

function mark(item) {
  return item.mark ? text(`answer.${item.mark}`) : "";
}
