// What the chosen files are, told by their content as the server does, and which of them belong together.

/** [offset, bytes, kind] that files begin with. */
const SIGNATURES = [
  [128, "DICM", "dicom"],
  [344, "n+1\0", "volume"],
  [4, "n+2\0", "volume"],
  [0, "PK\x03\x04", "volume"],
  [0, "PK\x05\x06", "volume"],
  [0, "\x1f\x8b", "volume"],
  [257, "ustar", "volume"],
];
/** Bytes at the beginning of a DICOM file in which the UID of its study is looked for. */
const DICOM_HEAD = 16384;
/** (0020,000D) with its type, little endian: PS3.5, 7.1.2. */
const STUDY_UID = "\x20\x00\x0d\x00UI";
const IN_ORDER = new Intl.Collator(undefined, { numeric: true });

/**
 * Files -> what is answered as one: {kind: "slice" | "study", name, files}.
 *
 * Archives and volumes are a study each; DICOM files of one study, and pictures if `together`, are one. A lone DICOM file
 * is a slice until the server says that there are several in it.
 */
export async function grouped(found, together) {
  found.sort((one, other) => IN_ORDER.compare(one.path, other.path));
  const entries = [];
  const studies = new Map();
  for (const { file, path } of found) {
    const { kind, uid } = await described(file);
    const key = kind === "dicom" ? uid || folder(path) : together && kind === "picture" ? `pictures in ${folder(path)}` : null;
    if (key === null) {
      entries.push({ kind: kind === "volume" ? "study" : "slice", name: file.name, files: [file] });
    } else if (studies.has(key)) {
      studies.get(key).files.push(file);
    } else {
      studies.set(key, { kind: "study", name: folder(path), files: [file] });
      entries.push(studies.get(key));
    }
  }
  return entries.map((entry) =>
    entry.files.length > 1 || entry.name === entry.files[0].name
      ? entry
      : { kind: "slice", name: entry.files[0].name, files: entry.files },
  );
}

async function described(file) {
  const head = await characters(file, 512);
  const kind = SIGNATURES.find(([offset, bytes]) => head.startsWith(bytes, offset))?.[2] ?? "picture";
  return { kind, uid: kind === "dicom" ? studyUid(await characters(file, DICOM_HEAD)) : "" };
}

/** The first bytes as a character each; what browsers call latin1 is windows-1252, which knows gzip's 0x8b as another. */
async function characters(file, length) {
  return String.fromCharCode(...new Uint8Array(await file.slice(0, length).arrayBuffer()));
}

function studyUid(head) {
  const at = head.indexOf(STUDY_UID);
  return at < 0 ? "" : head.substr(at + 8, head.charCodeAt(at + 6)).replace(/[^\d.]/g, "");
}

function folder(path) {
  return path.split("/").slice(0, -1).pop() ?? "";
}
