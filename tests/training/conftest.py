"""Small data sets of phantom slices."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.labels import LABELS
from tests.pictures import slice_file
from training import gate
from training.manifest import Row
from training.scan import scan

FOLDERS = {"noncovid": "1NonCOVID", "covid": "2COVID", "cap": "3CAP"}
PATIENTS, SLICES = 20, 2


def write_kaggle_folder(root: Path) -> None:
    """The Kaggle layout: class folders beside a Latin-1 meta-data file a class."""
    for label in LABELS:
        folder = root / "curated_data" / FOLDERS[label]
        folder.mkdir(parents=True)
        name = root / f"meta_data_{'normal' if label == 'noncovid' else label}.csv"
        with name.open("w", encoding="latin-1", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["File name", "Patient ID", "Slice", "Institution", "City"])
            for patient in range(PATIENTS):
                for number in range(SLICES):
                    path = folder / f"{label}_{patient}_{number}.png"
                    path.write_bytes(slice_file(label, 100 * patient + number, size=64))
                    hospital = "north" if patient % 2 else "south"
                    writer.writerow([path.name, f"{label}{patient}", number, hospital, "Köln"])


@pytest.fixture(scope="session")
def kaggle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("kaggle")
    write_kaggle_folder(root)
    return root


@pytest.fixture(scope="session")
def rows(kaggle_folder: Path) -> list[Row]:
    return scan(kaggle_folder).rows


@pytest.fixture(scope="session", autouse=True)
def few_counterexamples() -> Iterator[None]:
    """What is published here needs a gate, and no good one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "A_KIND", 10)
        yield
