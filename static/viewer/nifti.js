// What POST /volumes answers -> a volume. It is NIfTI-1 (https://nifti.nimh.nih.gov/nifti-1) with the server's own facts as
// JSON in the header extension; a file of another maker has none, and is not read here.

import { Volume } from "./volume.js";

const HEADER = 352;
/** Offsets in the header. */
const [DIM, DATATYPE, VOXELS, EXTENSION] = [40, 70, 108, 352];
/** The type of voxels, by its code in the header. */
const TYPES = { 2: Uint8Array, 4: Int16Array };
/** Slices between two events: each of them has the viewer draw anew. */
const STEP = 8;

/**
 * Read an answer. The volume is there as soon as its header is; its event `arrived` tells that more slices are in, and
 * `complete` resolves to whether all of them came.
 *
 * @param {Response} response of POST /volumes
 * @returns {Promise<Volume>}
 * @throws {Error} it is no such answer
 */
export async function readVolume(response) {
  if (!response.ok) {
    throw new Error(`status ${response.status}`);
  }
  const reader = response.body.getReader();
  const head = await readHead(reader);
  const { facts, shape, Type, rest } = head;
  const [columns, rows, number] = shape;
  const values = new Type(columns * rows * number);
  const volume = new Volume({
    columns,
    rows,
    number,
    values,
    unit: facts.unit,
    spacing: facts.spacing_mm,
    frame: facts.across && { across: facts.across, down: facts.down, corners: facts.corners_mm },
    positions: facts.positions_mm ?? [],
    even: facts.even,
    inverted: facts.inverted,
  });
  volume.facts = facts;
  volume.arrived = 0;
  volume.complete = fill(volume, rest, reader);
  return volume;
}

/** The first bytes, until the voxels begin. */
async function readHead(reader) {
  let bytes = new Uint8Array(0);
  const atLeast = async (size) => {
    while (bytes.length < size) {
      const { done, value } = await reader.read();
      if (done) {
        throw new Error("cut off");
      }
      const longer = new Uint8Array(bytes.length + value.length);
      longer.set(bytes);
      longer.set(value, bytes.length);
      bytes = longer;
    }
  };
  await atLeast(HEADER);
  const view = new DataView(bytes.buffer);
  const shape = [1, 2, 3].map((axis) => view.getInt16(DIM + 2 * axis, true));
  const Type = TYPES[view.getInt16(DATATYPE, true)];
  const voxels = view.getFloat32(VOXELS, true);
  await atLeast(voxels);
  const text = new TextDecoder().decode(bytes.subarray(EXTENSION + 8, voxels));
  return { facts: JSON.parse(text), shape, Type, rest: bytes.subarray(voxels) };
}

/** Take in the voxels as they come. What did not come is zero, or missing where that can be told from a value. */
async function fill(volume, first, reader) {
  const bytes = new Uint8Array(volume.values.buffer);
  const size = bytes.length / volume.number;
  let at = 0;
  const take = (part) => {
    bytes.set(part.subarray(0, bytes.length - at), at);
    at = Math.min(bytes.length, at + part.length);
    const arrived = Math.floor(at / size);
    if (arrived >= volume.arrived + STEP || (arrived === volume.number && arrived > volume.arrived)) {
      volume.arrived = arrived;
      volume.dispatchEvent(new Event("arrived"));
    }
  };
  take(first);
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      take(part.value);
    }
  } catch {
    // The connection broke, or the page wants no more of it.
  }
  volume.ended = true;
  volume.arrived = Math.floor(at / size);
  volume.dispatchEvent(new Event("arrived"));
  return at === bytes.length;
}
