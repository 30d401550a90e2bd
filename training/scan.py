"""Slices on disk -> the rows of a manifest, and what is wrong with them.

Three layouts are read: the Kaggle set *Large COVID-19 CT scan slice dataset* (Maftouni et al. 2021;
``curated_data/{1NonCOVID,2COVID,3CAP}`` beside ``meta_data_{normal,covid,cap}.csv``), a plain folder a class, and a CSV
of your own with the columns ``path`` (relative to the CSV) and ``label``, and ``patient`` and ``institution`` if known.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.errors import ImageError
from model.images import decode
from model.labels import LABELS
from training.errors import TrainingError
from training.manifest import Row, fingerprint

CLASS_FOLDERS = {
    "1noncovid": "noncovid",
    "2covid": "covid",
    "3cap": "cap",
    **{label: label for label in LABELS},
}
"""Folder name in lower case -> label."""

METADATA_FILES = ("meta_data_normal.csv", "meta_data_covid.csv", "meta_data_cap.csv")
METADATA_ENCODING = "latin-1"
"""The encoding of the Kaggle set's meta-data."""

UNKNOWN = "unknown"
"""The institution where none is told."""

GRAYS = 256


@dataclass(frozen=True)
class LeftOut:
    """A file that is no row of the manifest, and why."""

    path: Path
    reason: str


@dataclass
class Scan:
    """What was found: rows in a stable order, what was left out, and what the meta-data do not know."""

    rows: list[Row] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    unknown: list[Path] = field(default_factory=list)
    """Slices that the meta-data, where there are any, do not name: each counts as a patient of its own."""
    histograms: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    """Institution -> pixels of each gray, (256,)."""


@dataclass(frozen=True)
class _Named:
    """A slice that is to be read."""

    path: Path
    label: str
    patient: str
    institution: str


def scan(root: Path) -> Scan:
    """Read every slice below a folder, or of a CSV, once and describe it.

    Raises:
        TrainingError: neither folder nor CSV, no class folder, or no readable slice.
    """
    found = Scan()
    named = _of_table(root) if root.is_file() else _of_folder(root, found)
    for slice_ in tqdm(named, desc="reading slices", unit="slice", disable=None):
        _read(slice_, found)
    if not found.rows:
        raise TrainingError(f"No readable slice in a class folder ({', '.join(CLASS_FOLDERS)}) below {root}.")
    return found


def unlabelled(folder: Path) -> list[Row]:
    """Every slice at any depth below `folder`, without a label; what cannot be read is passed over.

    Raises:
        TrainingError: there is none.
    """
    found = Scan()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        _read(_Named(path, "", f"unlabelled/{path.parent.name}", "unlabelled"), found)
    if not found.rows:
        raise TrainingError(f"No readable slice below {folder}.")
    return found.rows


def _read(named: _Named, found: Scan) -> None:
    try:
        data = named.path.read_bytes()
        pixels = decode(data)
    except (ImageError, OSError) as error:
        found.left_out.append(LeftOut(named.path, "not there" if isinstance(error, OSError) else str(error)))
        return
    sha256 = hashlib.sha256(data).hexdigest()
    found.rows.append(Row(str(named.path), named.label, named.patient, named.institution, sha256, fingerprint(pixels)))
    grays = found.histograms.setdefault(named.institution, np.zeros(GRAYS, np.int64))
    grays += np.bincount(pixels.ravel(), minlength=GRAYS)


def _of_folder(root: Path, found: Scan) -> list[_Named]:
    """The slices in class folders; meta-data without a file, and files without meta-data, are noted in `found`."""
    facts = _metadata(root)
    files = sorted(_class_files(root))
    missing = facts.keys() - {path.name for path, _ in files}
    found.left_out += [LeftOut(root / name, "named in the meta-data, and not there") for name in sorted(missing)]
    found.unknown += [path for path, _ in files if facts and path.name not in facts]
    return [_Named(path, label, *facts.get(path.name, (path.stem, UNKNOWN))) for path, label in files]


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
                    institution = row["Institution"].strip()
                    facts[row["File name"]] = (_patient(institution, row["Patient ID"]), institution)
    return facts


def _patient(institution: str, identifier: str) -> str:
    """Patient identifiers are only unique within a source."""
    return f"{institution}/{identifier.strip()}"


def _of_table(path: Path) -> list[_Named]:
    """The slices that a CSV of one's own names.

    Raises:
        TrainingError: no such columns, or a label that is none of ours.
    """
    named = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            if row.get("label") not in LABELS or not row.get("path"):
                raise TrainingError(f"{path}, line {number}: needs a path, and a label of {', '.join(LABELS)}.")
            slice_path = path.parent / row["path"]
            institution = (row.get("institution") or UNKNOWN).strip()
            patient = _patient(institution, row["patient"]) if row.get("patient") else slice_path.stem
            named.append(_Named(slice_path, row["label"], patient, institution))
    return named
