// What the viewer shows: a stack of slices in one array, and how it lies in the patient.
//
// Directions are those of DICOM: x to the patient's left, y to the back, z to the head, in millimetres. Every slice is
// turned as radiologists look at it, so that its first pixel is at the patient's right and front.

/** Of a voxel whose slice the server could not read. */
const MISSING = -32768;

export class Volume extends EventTarget {
  /**
   * @param {object} facts
   * @param {Int16Array | Uint8Array} facts.values slices from the feet upwards, row by row
   * @param {"HU" | "gray"} facts.unit of a value
   * @param {[number, number, number] | null} facts.spacing millimetres between columns, rows and slices
   * @param {{ corners: number[][], across: number[], down: number[] } | null} facts.frame where the first pixel of each
   *     slice lies and where columns and rows go on; null where nobody knows
   * @param {number[]} facts.positions of each slice along the body, in millimetres
   * @param {boolean} facts.even whether the slices are equally far apart, straight above each other
   * @param {boolean} facts.inverted whether low values are shown bright
   */
  constructor({ columns, rows, number, values, unit, spacing = null, frame = null, positions = [], ...more }) {
    super();
    Object.assign(this, { columns, rows, number, values, unit, spacing, frame, positions });
    this.even = more.even ?? false;
    this.inverted = more.inverted ?? false;
    /** Slices that have arrived; an event `arrived` tells of more, and `ended` that there will be none. */
    this.arrived = number;
    this.ended = false;
  }

  /** How many pictures there are in a plane. */
  count(plane) {
    return { axial: this.number, coronal: this.rows, sagittal: this.columns }[plane];
  }

  /** Whether it can be cut across: a whole stack with known, equal distances. */
  get hasPlanes() {
    return this.even && this.arrived === this.number;
  }

  /** The values of one picture of a plane, with its size in pixels and the millimetres between them. */
  section(plane, index) {
    const { columns, rows, number, values } = this;
    const [dx, dy, dz] = this.spacing ?? [1, 1, 1];
    const size = columns * rows;
    if (plane === "axial") {
      return { width: columns, height: rows, values: values.subarray(index * size, (index + 1) * size), pixel: [dx, dy] };
    }
    const width = plane === "coronal" ? columns : rows;
    const cut = new values.constructor(width * number);
    for (let slice = 0; slice < number; slice++) {
      const to = (number - 1 - slice) * width; // the head is above
      if (plane === "coronal") {
        const from = slice * size + index * columns;
        cut.set(values.subarray(from, from + columns), to);
      } else {
        for (let row = 0; row < rows; row++) {
          cut[to + row] = values[slice * size + row * columns + index];
        }
      }
    }
    return { width, height: number, values: cut, pixel: [plane === "coronal" ? dx : dy, dz] };
  }

  /** The voxel [column, row, slice] under a pixel of a picture. */
  voxel(plane, index, x, y) {
    const slice = this.number - 1 - y;
    return { axial: [x, y, index], coronal: [x, index, slice], sagittal: [index, x, slice] }[plane];
  }

  /** A voxel's value; null outside, or where the slice is missing. */
  value([column, row, slice]) {
    const inside = column >= 0 && row >= 0 && slice >= 0 && column < this.columns && row < this.rows && slice < this.number;
    const value = inside ? this.values[(slice * this.rows + row) * this.columns + column] : MISSING;
    return this.unit === "HU" && value === MISSING ? null : inside ? value : null;
  }

  /** Where a voxel lies in the patient: [x, y, z] in millimetres, or null. */
  place(voxel) {
    const { frame, spacing } = this;
    if (!frame || !spacing) {
      return null;
    }
    const [column, row, slice] = voxel;
    const [dx, dy] = spacing;
    return frame.corners[slice].map((start, axis) =>
      start + frame.across[axis] * dx * column + frame.down[axis] * dy * row);
  }

  /** Whether a slice is `there`, still `coming`, or `missing`, because it could not be read or sent. */
  state(slice) {
    if (slice >= this.arrived) {
      return this.ended ? "missing" : "coming";
    }
    const unread = this.unit === "HU" && this.values[slice * this.rows * this.columns] === MISSING;
    return unread ? "missing" : "there";
  }

  /** Resolves when a slice is no longer coming: whether it is there. */
  async settled(slice) {
    while (this.state(slice) === "coming") {
      await new Promise((resolve) => this.addEventListener("arrived", resolve, { once: true }));
    }
    return this.state(slice) === "there";
  }

  /** Letters at the left, right, top and bottom of a picture of a plane, or null where its place is unknown. */
  letters(plane) {
    if (!this.frame) {
      return null;
    }
    const { across, down } = this.frame;
    const right = plane === "sagittal" ? down : across;
    const bottom = plane === "axial" ? down : [0, 0, -1];
    return [letter(right, -1), letter(right, 1), letter(bottom, -1), letter(bottom, 1)];
  }
}

/** The side of the patient to which a direction, or its opposite, points most. */
function letter(direction, sign) {
  const axis = direction.reduce((best, part, at) => (Math.abs(part) > Math.abs(direction[best]) ? at : best), 0);
  return ["RL", "AP", "FH"][axis][sign * direction[axis] > 0 ? 1 : 0];
}

/** A picture file that the browser can read, as a stack of one gray slice; colours become gray as on the server. */
export async function readPicture(source) {
  const blob = source instanceof Blob ? source : await (await fetch(source)).blob();
  const bitmap = await createImageBitmap(blob);
  const { width: columns, height: rows } = bitmap;
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, columns, rows);
  const values = new Uint8Array(columns * rows);
  for (let at = 0; at < values.length; at++) {
    // ITU-R 601-2 luma
    values[at] = (data[4 * at] * 299 + data[4 * at + 1] * 587 + data[4 * at + 2] * 114 + 500) / 1000;
  }
  return new Volume({ columns, rows, number: 1, values, unit: "gray", positions: [null] });
}
