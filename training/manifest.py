"""A folder of slices -> the manifest: one row a slice, with what is known of it.

Two layouts are read: the Kaggle set *Large COVID-19 CT scan slice dataset* (Maftouni et al. 2021;
``curated_data/{1NonCOVID,2COVID,3CAP}`` beside ``meta_data_{normal,covid,cap}.csv``), and a plain folder a class.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from model.errors import ImageError
from model.images import Slice, decode
from model.labels import LABELS
from training.errors import TrainingError

CLASS_FOLDERS = {
    "1noncovid": "noncovid",
    "2covid": "covid",
    "3cap": "cap",
    **{label: label for label in LABELS},
}
"""Folder name in lower case -> label."""

NOISE = 3
"""Gray levels by which neighbouring cells may differ in an even area."""

METADATA_FILES = ("meta_data_normal.csv", "meta_data_covid.csv", "meta_data_cap.csv")
METADATA_ENCODING = "latin-1"
"""The encoding of the Kaggle set's meta-data."""


@dataclass(frozen=True)
class Row:
    """One slice. `patient` groups slices for the split; `institution` is the source it came from.

    `fingerprint` is alike for pictures that look alike; empty where it is not known. `study` and `series` are the UIDs
    of a DICOM, which group slices within a patient.
    """

    path: str
    label: str
    patient: str
    institution: str
    sha256: str
    fingerprint: str = ""
    study: str = ""
    series: str = ""


@dataclass(frozen=True)
class Unreadable:
    """A file that was left out of the manifest, and why."""

    path: Path
    reason: str


def scan(root: Path) -> tuple[list[Row], list[Unreadable]]:
    """Read every slice below `root` once and describe it.

    Returns:
        The rows in a stable order, and the files that cannot be decoded.

    Raises:
        TrainingError: no class folder, or no readable slice in any of them.
    """
    facts = _metadata(root)
    rows: list[Row] = []
    unreadable: list[Unreadable] = []
    files = sorted(_class_files(root))
    for path, label in tqdm(files, desc="reading slices", unit="slice", disable=None):
        data = path.read_bytes()
        try:
            pixels = decode(data)
        except ImageError as error:
            unreadable.append(Unreadable(path, str(error)))
            continue
        patient, institution = facts.get(path.name, (path.stem, "unknown"))
        sha256 = hashlib.sha256(data).hexdigest()
        rows.append(Row(str(path), label, patient, institution, sha256, fingerprint(pixels)))
    if not rows:
        raise TrainingError(f"No readable slice in a class folder ({', '.join(CLASS_FOLDERS)}) below {root}.")
    return rows, unreadable


def fingerprint(pixels: Slice) -> str:
    """Perceptual hash of a slice (difference hash): 256 bits in hex, alike for pictures that look alike.

    Each bit tells whether a cell of a 16 × 17 grid of mean grays is clearly darker than its right neighbour.
    """
    grid = np.asarray(Image.fromarray(pixels).resize((17, 16), Image.Resampling.BOX))
    grid = grid.astype(np.int16)
    return np.packbits(grid[:, 1:] - grid[:, :-1] > NOISE).tobytes().hex()


def _class_files(root: Path) -> Iterator[tuple[Path, str]]:
    base = root / "curated_data" if (root / "curated_data").is_dir() else root
    if not base.is_dir():
        raise TrainingError(f"{root} is not a folder.")
    for folder in base.iterdir():
        label = CLASS_FOLDERS.get(folder.name.lower())
        if label and folder.is_dir():
            yield from ((path, label) for path in folder.iterdir() if path.is_file())


def _metadata(root: Path) -> dict[str, tuple[str, str]]:
    """File name -> (patient, institution), from the CSVs that are there."""
    facts = {}
    for name in METADATA_FILES:
        if (root / name).is_file():
            with (root / name).open(encoding=METADATA_ENCODING, newline="") as file:
                for row in csv.DictReader(file):
                    # Patient identifiers are only unique within a source.
                    institution = row["Institution"].strip()
                    facts[row["File name"]] = (f"{institution}/{row['Patient ID'].strip()}", institution)
    return facts


def write(rows: Iterable[Row], path: Path) -> None:
    """Write the manifest as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read(path: Path) -> list[Row]:
    """Read a manifest.

    Raises:
        TrainingError: no such file, other columns, or a label that is none of ours.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [Row(**row) for row in csv.DictReader(file)]
    except FileNotFoundError:
        raise TrainingError(f"{path} is not there. Make it with: python -m training prepare FOLDER") from None
    except TypeError:
        raise TrainingError(f"{path} needs the columns {', '.join(field.name for field in fields(Row))}.") from None
    unknown = {row.label for row in rows} - set(LABELS)
    if unknown:
        raise TrainingError(f"{path} has the labels {sorted(unknown)}; they must be of {', '.join(LABELS)}.")
    return rows


def label_indices(rows: Sequence[Row]) -> NDArray[np.intp]:
    """The labels of `rows` as indices into `model.labels.LABELS`."""
    return np.array([LABELS.index(row.label) for row in rows], dtype=np.intp)


def digest(rows: Iterable[Row]) -> str:
    """SHA-256 over the labelled contents, the same wherever the files lie and in whatever order."""
    lines = sorted(f"{row.sha256} {row.label} {row.patient} {row.institution}\n" for row in rows)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def counts(rows: Iterable[Row]) -> dict[str, dict[str, dict[str, int]]]:
    """Slices and patients: institution -> label -> {"slices", "patients"}."""
    rows = list(rows)
    slices = Counter((row.institution, row.label) for row in rows)
    patients = Counter(
        (institution, label) for institution, label, _ in {(r.institution, r.label, r.patient) for r in rows}
    )
    table: dict[str, dict[str, dict[str, int]]] = {}
    for (institution, label), number in sorted(slices.items()):
        table.setdefault(institution, {})[label] = {"slices": number, "patients": patients[institution, label]}
    return table
