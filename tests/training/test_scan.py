from pathlib import Path

import pytest

from tests.pictures import NOT_A_PICTURE, slice_file
from tests.training.conftest import PATIENTS, SLICES, write_kaggle_folder
from training import doctor, manifest
from training.errors import TrainingError
from training.manifest import Row
from training.scan import scan, unlabelled


def test_the_kaggle_layout_gives_patient_and_institution(rows: list[Row]) -> None:
    assert len(rows) == 3 * PATIENTS * SLICES
    row = next(row for row in rows if row.path.endswith("covid_3_1.png") and row.label == "covid")
    assert (row.patient, row.institution) == ("north/covid3", "north")
    assert manifest.counts(rows)["north"]["cap"] == {"slices": 20, "patients": 10}


def test_without_metadata_each_slice_is_its_own_patient(tmp_path: Path) -> None:
    for label in ("covid", "NonCOVID"):
        (tmp_path / label).mkdir()
        (tmp_path / label / f"{label}_1.png").write_bytes(slice_file(size=64))
    rows = scan(tmp_path).rows
    assert {(row.label, row.patient, row.institution) for row in rows} == {
        ("covid", "covid_1", "unknown"),
        ("noncovid", "NonCOVID_1", "unknown"),
    }


def test_unreadable_files_are_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "covid").mkdir()
    (tmp_path / "covid" / "good.png").write_bytes(slice_file(size=64))
    (tmp_path / "covid" / "Thumbs.db").write_bytes(NOT_A_PICTURE)
    found = scan(tmp_path)
    assert [Path(row.path).name for row in found.rows] == ["good.png"]
    assert [(file.path.name, "known kind" in file.reason) for file in found.left_out] == [("Thumbs.db", True)]


@pytest.mark.parametrize("folder", ["", "covid", "missing"])
def test_a_folder_without_slices_is_an_error(tmp_path: Path, folder: str) -> None:
    if folder == "covid":
        (tmp_path / folder).mkdir()
    with pytest.raises(TrainingError, match=r"No readable slice|is not a folder"):
        scan(tmp_path / "missing" if folder == "missing" else tmp_path)


def test_metadata_without_files_and_files_without_metadata_are_told(tmp_path: Path) -> None:
    write_kaggle_folder(tmp_path)
    folder = tmp_path / "curated_data" / "2COVID"
    (folder / "covid_3_1.png").rename(folder / "stranger.png")
    found = scan(tmp_path)
    assert [(file.path.name, "not there" in file.reason) for file in found.left_out] == [("covid_3_1.png", True)]
    assert [path.name for path in found.unknown] == ["stranger.png"]
    row = next(row for row in found.rows if row.path.endswith("stranger.png"))
    assert (row.patient, row.institution) == ("stranger", "unknown")


def test_a_csv_of_ones_own_gives_labels_patients_and_institutions(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.png").write_bytes(slice_file(size=64))
    lines = ["path,label,patient,institution", "a.png,covid,p1,here", "b.png,cap,,", "gone.png,covid,p2,here"]
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    found = scan(tmp_path / "mine.csv")
    assert [(row.label, row.patient, row.institution) for row in found.rows] == [
        ("covid", "here/p1", "here"),
        ("cap", "b", "unknown"),
    ]
    assert [(file.path.name, file.reason) for file in found.left_out] == [("gone.png", "not there")]


@pytest.mark.parametrize("line", ["a.png,flu", ",covid"])
def test_a_line_of_a_csv_without_a_path_or_with_another_label_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "mine.csv").write_text(f"path,label\n{line}\n")
    with pytest.raises(TrainingError, match="line 2"):
        scan(tmp_path / "mine.csv")


def test_the_doctor_tells_how_far_apart_the_grays_of_the_sources_are(kaggle_folder: Path) -> None:
    found = scan(kaggle_folder)
    report = doctor.report(found.rows, found.histograms)
    assert "grays of north: mean " in report
    assert "apart from the other sources'" in report


def test_slices_without_labels_are_found_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "1.png").write_bytes(slice_file(size=64))
    (tmp_path / "a" / "notes.txt").write_bytes(NOT_A_PICTURE)
    assert [(row.label, row.patient) for row in unlabelled(tmp_path)] == [("", "unlabelled/b")]
