// The upload page: each chosen or dropped slice is sent by itself, a few at a time, and shown as its answer comes.
// Without this file the form still works; the server then renders the same cards.

const AT_ONCE = 2;
const UNREACHABLE = "The server cannot be reached. Check the connection and send the slice again.";

const form = document.getElementById("upload");
const drop = document.getElementById("drop");
const input = document.getElementById("files");
const results = document.getElementById("results");
const empty = document.getElementById("result").content.firstElementChild;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send([...input.files]);
  form.reset();
});

for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) {
  drop.addEventListener(name, () => drop.classList.remove("over"));
}
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  send([...event.dataTransfer.files]);
});

async function send(files) {
  document.getElementById("results-title").hidden = false;
  const waiting = files.map((file) => [file, addCard(file)]);
  const worker = async () => {
    while (waiting.length) {
      const [file, card] = waiting.shift();
      show(card, await predict(file));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** The server's answer for one file: {label, probabilities}, or {title, detail}. */
async function predict(file) {
  const body = new FormData();
  body.append("file", file);
  try {
    const response = await fetch("/predict", { method: "POST", body });
    const answer = await response.json();
    return response.ok ? answer.predictions[0] : answer;
  } catch {
    return { title: "No answer", detail: UNREACHABLE };
  }
}

function addCard(file) {
  const card = empty.cloneNode(true);
  card.querySelector(".filename").textContent = file.name;
  card.querySelector(".state").textContent = "Waiting …";
  showThumbnail(card.querySelector(".thumbnail"), file);
  results.append(card);
  return card;
}

/** Some formats (TIFF) are read by the server but not by the browser: those stay without a thumbnail. */
function showThumbnail(image, file) {
  image.addEventListener("load", () => {
    URL.revokeObjectURL(image.src);
    image.hidden = false;
  });
  image.addEventListener("error", () => URL.revokeObjectURL(image.src));
  image.src = URL.createObjectURL(file);
}

function show(card, answer) {
  const state = card.querySelector(".state");
  if (!answer.label) {
    card.classList.add("refused");
    state.textContent = `${answer.title}. ${answer.detail}`;
    return;
  }
  for (const row of card.querySelectorAll("[data-label]")) {
    const probability = answer.probabilities[row.dataset.label];
    row.querySelector("meter").value = probability;
    row.querySelector("output").textContent = `${(probability * 100).toFixed(1)} %`;
    if (row.dataset.label === answer.label) {
      state.textContent = row.dataset.title;
    }
  }
  card.querySelector(".probabilities").hidden = false;
}
