// Small pictures beside the files: drawn when their row comes into sight, a few at a time, and never kept large.

const EDGE = 40;
const AT_ONCE = 2;

const waiting = [];
let drawing = 0;

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) {
      sight.unobserve(target);
      waiting.push(target);
      drawNext();
    }
  }
});

const files = new WeakMap();

/** A canvas that will show the picture, where the browser can read its kind. */
export function thumbnail(file) {
  const canvas = document.createElement("canvas");
  canvas.className = "thumbnail";
  canvas.width = canvas.height = EDGE * Math.min(2, Math.ceil(devicePixelRatio));
  canvas.setAttribute("aria-hidden", "true");
  if (file) {
    illustrate(canvas, file);
  }
  return canvas;
}

/** Let a thumbnail show this picture. */
export function illustrate(canvas, file) {
  files.set(canvas, file);
  sight.observe(canvas);
}

async function drawNext() {
  if (drawing === AT_ONCE || !waiting.length) {
    return;
  }
  drawing += 1;
  const canvas = waiting.shift();
  try {
    // Decoded off the main thread.
    const bitmap = await createImageBitmap(files.get(canvas), { resizeWidth: canvas.width, resizeQuality: "medium" });
    draw(canvas, bitmap, bitmap.width, bitmap.height);
    bitmap.close();
  } catch {
    // TIFF and DICOM are read by the server only.
  }
  drawing -= 1;
  drawNext();
}

/** Draw a picture into a thumbnail, whole and in the middle. */
function draw(canvas, picture, width, height) {
  const scale = Math.min(canvas.width / width, canvas.height / height);
  const [w, h] = [width * scale, height * scale];
  canvas.getContext("2d").drawImage(picture, (canvas.width - w) / 2, (canvas.height - h) / 2, w, h);
}
