"""The manifest: one row a slice, with what is known of it."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.images import Slice
from model.labels import LABELS
from training.errors import TrainingError

NOISE = 3
"""Gray levels by which neighbouring cells may differ in an even area."""


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


def fingerprint(pixels: Slice) -> str:
    """Perceptual hash of a slice (difference hash): 256 bits in hex, alike for pictures that look alike.

    Each bit tells whether a cell of a 16 × 17 grid of mean grays is clearly darker than its right neighbour.
    """
    grid = np.asarray(Image.fromarray(pixels).resize((17, 16), Image.Resampling.BOX))
    grid = grid.astype(np.int16)
    return np.packbits(grid[:, 1:] - grid[:, :-1] > NOISE).tobytes().hex()


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
