// What the network says of slices: node slices.mjs http://localhost:8000 slice.png ...
// In a browser, the files come from an <input type="file">.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

const [address, ...files] = process.argv.slice(2);
const form = new FormData();
for (const file of files) {
  form.append("file", new Blob([await readFile(file)]), basename(file));
}
const response = await fetch(`${address}/predict`, { method: "POST", body: form });
const answer = await response.json();
if (!response.ok) {
  throw new Error(`${answer.title}. ${answer.detail}`);
}
for (const { filename, label, probabilities, error } of answer.predictions) {
  console.log(filename, error ? error.detail : (label ?? "no answer"), JSON.stringify(probabilities ?? {}));
}
