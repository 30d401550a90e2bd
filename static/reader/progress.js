// The line above the list: how far the reading is, what went wrong, and what can be done about it.

import { OPEN, RETRIABLE } from "./queue.js";
import { text } from "../strings.js";

export function showProgress(queue, byId) {
  const count = (...states) => queue.items.filter((item) => states.includes(item.state)).length;
  const open = count(...OPEN);
  const bar = byId("progress");
  bar.max = Math.max(1, queue.items.length);
  bar.value = queue.items.reduce((sum, item) => sum + advance(item), 0);
  bar.hidden = !open;
  const refused = count("refused");
  const failed = count("failed");
  byId("progress-text").textContent = [
    open ? running(queue, open) : text("progress.idle", { count: count("done") }),
    refused ? text("progress.refused", { count: refused }) : "",
    failed ? text("progress.failed", { count: failed }) : "",
  ]
    .filter(Boolean)
    .join(" · ");
  const retriable = count(...RETRIABLE);
  byId("retry").hidden = !retriable;
  byId("retry").textContent = text("progress.retry", { count: retriable });
  byId("cancel").hidden = !open || queue.unreachable;
  byId("trouble").hidden = !queue.unreachable;
  byId("trouble").textContent = queue.unreachable ? text("problems.unreachable") : "";
}

function running(queue, open) {
  const [done, total] = [queue.items.length - open, queue.items.length];
  if (queue.busy) {
    return text("progress.busy", { done, total, seconds: queue.busy });
  }
  const sending = queue.items.filter((item) => item.state === "sending");
  if (!sending.length) {
    return text("progress.running", { done, total });
  }
  const share = Math.round((100 * sending.reduce((sum, item) => sum + item.share, 0)) / sending.length);
  return text("progress.sending", { done, total, share });
}

/** What part of an item's way is behind it. */
function advance(item) {
  if (!OPEN.includes(item.state)) {
    return 1;
  }
  return item.progress?.stage === "slices" ? item.progress.done / item.progress.total : 0;
}
