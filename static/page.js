// The upload page: each chosen or dropped slice is sent by itself, a few at a time, and shown as its answer comes; the
// files of a study are sent together. Without this file the form still works; the server then renders the same cards.

const AT_ONCE = 2;
const UNREACHABLE = {
  title: "No answer",
  detail: "The server cannot be reached. Check the connection and send the slice again.",
};
/** [offset, bytes] that files of a study begin with: DICOM, NIfTI-1 and -2, zip, gzip, tar. */
const STUDY_SIGNATURES = [
  [128, "DICM"],
  [344, "n+1"],
  [4, "n+2"],
  [0, "PK"],
  [0, "\x1f\x8b"],
  [257, "ustar"],
];

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
  const ofStudy = await Promise.all(files.map(isOfStudy));
  const study = files.filter((_, number) => ofStudy[number]);
  const slices = files.filter((_, number) => !ofStudy[number]);
  await Promise.all([study.length ? sendStudy(study) : null, sendSlices(slices)]);
}

async function isOfStudy(file) {
  const head = String.fromCharCode(...new Uint8Array(await file.slice(0, 400).arrayBuffer()));
  return STUDY_SIGNATURES.some(([offset, bytes]) => head.startsWith(bytes, offset));
}

/** One answer for all of the files: the card that the server renders, with whatever else its page says of them. */
async function sendStudy(files) {
  const card = addCard(files[0], files.length === 1 ? files[0].name : `Study of ${files.length} files`);
  card.querySelector(".state").textContent = "Reading the study …";
  const body = new FormData();
  files.forEach((file) => body.append("file", file));
  try {
    const response = await fetch(form.action, { method: "POST", body });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const answers = page.querySelectorAll("#results > .result");
    if (answers.length) {
      card.replaceWith(...answers);
    } else {
      refuse(card, page.querySelector("[role=alert]").textContent);
    }
  } catch {
    show(card, UNREACHABLE);
  }
}

async function sendSlices(files) {
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
    return UNREACHABLE;
  }
}

function addCard(file, title = file.name) {
  const card = empty.cloneNode(true);
  card.querySelector(".filename").textContent = title;
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

function refuse(card, reason) {
  card.classList.add("refused");
  card.querySelector(".state").textContent = reason;
}

function show(card, answer) {
  const state = card.querySelector(".state");
  if (!answer.label) {
    refuse(card, `${answer.title}. ${answer.detail}`);
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
