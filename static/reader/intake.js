// The ways in which files come: chosen, a folder, dropped (folders, too), pasted, samples. Each gives [{file, path}].

import { text } from "../strings.js";

/** Call `take([{file, path}])` with whatever comes in. */
export function listen({ inputs, samples, take: taken }) {
  const take = (found) => taken(found.filter(({ path }) => !leftBehind(path)));
  for (const input of inputs) {
    input.addEventListener("change", () => {
      take([...input.files].map(named));
      input.value = "";
    });
  }
  for (const link of samples) {
    link.addEventListener("click", async (event) => {
      event.preventDefault();
      const response = await fetch(link.href).catch(() => null);
      if (response?.ok) {
        take([named(new File([await response.blob()], link.download))]);
      }
    });
  }
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length) {
      event.preventDefault();
      take(files.map(pasted));
    }
  });
  listenForDrops(take);
}

function listenForDrops(take) {
  const show = (over) => document.body.classList.toggle("over", over);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    show(true);
  });
  document.addEventListener("dragleave", (event) => show(event.relatedTarget !== null));
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    show(false);
    take(await dropped(event.dataTransfer));
  });
}

async function dropped(transfer) {
  // Entries must be taken before the first await: afterwards the transfer is empty.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = [...transfer.files].map(named);
  return entries.some((entry) => entry.isDirectory) ? (await Promise.all(entries.map(walked))).flat() : files;
}

async function walked(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, path: entry.fullPath.slice(1) }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) {
      return found.flat();
    }
    found.push(...(await Promise.all(some.map(walked))));
  }
}

function named(file) {
  return { file, path: file.webkitRelativePath || file.name };
}

let number = 0;

/** Browsers call every pasted picture "image.png". */
function pasted(file) {
  number += 1;
  const name = text("upload.pasted", { number });
  return { file: new File([file], name, { type: file.type }), path: name };
}

/** What systems leave in folders, such as .DS_Store. */
function leftBehind(path) {
  return path.includes("/.");
}
