// What the page says: all of it stands in static/strings.json, which the server's templates read, too.

const strings = await (await fetch(new URL("./strings.json", import.meta.url))).json();

/** The text at a path such as "states.sending", with {names} filled in; for {one, many}, the form that `count` takes. */
export function text(path, values = {}) {
  let found = path.split(".").reduce((branch, name) => branch?.[name], strings);
  if (found?.many) {
    found = values.count === 1 ? found.one : found.many;
  }
  return (found ?? path).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** A branch of the strings, for a list of choices or another module. */
export function branch(name) {
  return strings[name];
}

/** 0.973 -> "97.3 %". */
export function percent(share) {
  return text("percent", { share: (share * 100).toFixed(1) });
}

/** 1234567 -> "1.2 MB". */
export function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
