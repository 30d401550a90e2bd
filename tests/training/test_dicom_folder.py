from pathlib import Path

import pytest

from model.preprocessing import Preprocessing
from tests.pictures import NOT_A_PICTURE
from tests.scans import dicom_series, dicom_slice, scan
from training import dicom_folder, manifest, pixels
from training.__main__ import main
from training.errors import TrainingError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two patients, one of each class; one with a localizer, a second series and a letter."""
    for label, patient in (("covid", "4711"), ("noncovid", "815")):
        series = dicom_series(scan(4, label), PatientID=patient, StudyInstanceUID=f"1.{patient}")
        for number, data in enumerate(series):
            put(tmp_path / label / patient / "lung" / f"{number}.dcm", data)
    soft = dicom_series(scan(3), series="8", ConvolutionKernel="B30f", StudyInstanceUID="1.4711")
    for number, data in enumerate(soft):
        put(tmp_path / "covid" / "4711" / "soft" / f"{number}.dcm", data)
    put(tmp_path / "covid" / "4711" / "scout.dcm", dicom_slice(series="9", Modality="DX", StudyInstanceUID="1.4711"))
    put(tmp_path / "covid" / "letter.txt", NOT_A_PICTURE)
    return tmp_path


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_each_lung_slice_of_the_best_series_is_a_row(folder: Path) -> None:
    found = dicom_folder.scan(folder, b"salt")
    rows, left_out = found.rows, found.left_out
    assert {(row.label, row.study, row.series) for row in rows} == {
        ("covid", "1.4711", "1.2.3.1"),
        ("noncovid", "1.815", "1.2.3.1"),
    }
    assert len(rows) == 8
    assert {file.path.name: file.reason for file in left_out}["scout.dcm"].startswith("Modality (0008,0060) is DX")
    assert len(left_out) == 5


def test_patients_are_hashed_with_the_salt_and_never_named(folder: Path) -> None:
    rows, again, other = (dicom_folder.scan(folder, salt).rows for salt in (b"salt", b"salt", b"pepper"))
    assert len({row.patient for row in rows}) == 2
    assert rows == again
    assert {row.patient for row in rows}.isdisjoint(row.patient for row in other)
    assert not {"4711", "815"} & {row.patient for row in rows}


def test_prepare_writes_a_manifest_that_training_reads(folder: Path, tmp_path: Path) -> None:
    out, salt = tmp_path / "runs" / "manifest.csv", tmp_path / "runs" / "salt"
    words = ["prepare", str(folder), "--out", str(out), "--salt", str(salt)]
    assert main(words) == 0
    first = out.read_text()
    assert first.splitlines()[0].endswith(",study,series")
    assert salt.stat().st_mode & 0o077 == 0
    assert main(words) == 0
    assert out.read_text() == first
    assert pixels.load(manifest.read(out), Preprocessing(size=64), tmp_path / "cache").shape == (8, 64, 64)


def test_pictures_are_no_dicom_folder(kaggle_folder: Path) -> None:
    assert not dicom_folder.holds_dicom(kaggle_folder)


def test_a_folder_without_lung_is_an_error(tmp_path: Path) -> None:
    put(tmp_path / "covid" / "a.dcm", dicom_slice(Modality="MR"))
    with pytest.raises(TrainingError, match="No slice of a lung"):
        dicom_folder.scan(tmp_path, b"salt")
