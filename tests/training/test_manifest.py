from dataclasses import replace
from pathlib import Path

import pytest

from tests.pictures import NOT_A_PICTURE, slice_file
from tests.training.conftest import PATIENTS, SLICES
from training import manifest
from training.errors import TrainingError
from training.manifest import Row


def test_the_kaggle_layout_gives_patient_and_institution(rows: list[Row]) -> None:
    assert len(rows) == 3 * PATIENTS * SLICES
    row = next(row for row in rows if row.path.endswith("covid_3_1.png") and row.label == "covid")
    assert (row.patient, row.institution) == ("north/covid3", "north")
    assert manifest.counts(rows)["north"]["cap"] == {"slices": 20, "patients": 10}


def test_without_metadata_each_slice_is_its_own_patient(tmp_path: Path) -> None:
    for label in ("covid", "NonCOVID"):
        (tmp_path / label).mkdir()
        (tmp_path / label / f"{label}_1.png").write_bytes(slice_file(size=64))
    rows, _ = manifest.scan(tmp_path)
    assert {(row.label, row.patient, row.institution) for row in rows} == {
        ("covid", "covid_1", "unknown"),
        ("noncovid", "NonCOVID_1", "unknown"),
    }


def test_unreadable_files_are_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "covid").mkdir()
    (tmp_path / "covid" / "good.png").write_bytes(slice_file(size=64))
    (tmp_path / "covid" / "Thumbs.db").write_bytes(NOT_A_PICTURE)
    rows, unreadable = manifest.scan(tmp_path)
    assert [Path(row.path).name for row in rows] == ["good.png"]
    assert [(file.path.name, "known kind" in file.reason) for file in unreadable] == [("Thumbs.db", True)]


@pytest.mark.parametrize("folder", ["", "covid", "missing"])
def test_a_folder_without_slices_is_an_error(tmp_path: Path, folder: str) -> None:
    if folder == "covid":
        (tmp_path / folder).mkdir()
    with pytest.raises(TrainingError, match=r"No readable slice|is not a folder"):
        manifest.scan(tmp_path / "missing" if folder == "missing" else tmp_path)


def test_written_and_read_it_is_the_same(rows: list[Row], tmp_path: Path) -> None:
    manifest.write(rows, tmp_path / "a" / "manifest.csv")
    assert manifest.read(tmp_path / "a" / "manifest.csv") == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na.png,covid\n", "needs the columns path, label, patient, institution, sha256"),
        ("path,label,patient,institution,sha256\na.png,flu,1,x,0\n", r"labels \['flu'\]"),
    ],
)
def test_a_manifest_of_another_form_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(TrainingError, match=message):
        manifest.read(tmp_path / "manifest.csv")


def test_a_missing_manifest_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="python -m training prepare"):
        manifest.read(tmp_path / "manifest.csv")


def test_the_digest_depends_on_contents_and_labels_only(rows: list[Row]) -> None:
    moved = [replace(row, path=f"/elsewhere/{number}") for number, row in enumerate(reversed(rows))]
    assert manifest.digest(moved) == manifest.digest(rows)
    relabelled = [replace(rows[0], label="cap"), *rows[1:]]
    assert manifest.digest(relabelled) != manifest.digest(rows)
