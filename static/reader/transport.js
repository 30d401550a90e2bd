// Files to the server and its answer back, with the progress of both.

/** No answer came, or only a part of one. */
export class Unreachable extends Error {}

/** The server has no time now and says when it will. */
export class Busy extends Error {
  constructor(seconds) {
    super("busy");
    this.seconds = seconds;
  }
}

/** The server refused the request as a whole; `problem` is what it says (RFC 9457), with `predictions` if it has them. */
export class Refused extends Error {
  constructor(problem) {
    super(problem.title);
    this.problem = problem;
  }
}

/**
 * POST files as a form.
 *
 * `onSent(share)` tells how much is sent, `onText(text)` what has come back so far. Gives the answer's text. Not `fetch`,
 * which tells nothing of what is sent.
 */
export function post(address, files, { signal, accept = "application/json", onSent, onText } = {}) {
  const body = new FormData();
  for (const file of files) {
    body.append("file", file, file.name);
  }
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("Accept", accept);
    request.upload.addEventListener("progress", (event) => onSent?.(event.loaded / event.total));
    request.upload.addEventListener("load", () => onSent?.(1));
    request.addEventListener("progress", () => request.status === 200 && onText?.(request.responseText));
    request.addEventListener("error", () => reject(new Unreachable()));
    request.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    request.addEventListener("load", () => settle(request, resolve, reject));
    signal?.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}

function settle(request, resolve, reject) {
  if (request.status === 200) {
    resolve(request.responseText);
    return;
  }
  const seconds = Number(request.getResponseHeader("Retry-After"));
  if ([429, 503].includes(request.status) && seconds > 0) {
    reject(new Busy(seconds));
    return;
  }
  // A gateway in front of a server that is gone answers in HTML.
  const problem = parsed(request.responseText);
  reject(problem ? new Refused(problem) : new Unreachable());
}

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
