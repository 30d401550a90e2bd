"""Everything that people and attackers send instead of a study. What it costs is measured in `tests.end_to_end`."""

from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from model import volumes
from model.isolation import ReadingProcess
from tests.app.problems import assert_problem
from tests.forms import form
from tests.pictures import REFUSED as REFUSED_PICTURES
from tests.scans import REFUSED, REFUSED_ARCHIVES, dicom_series, dicom_slice, enhanced, scan, zipped

TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"
PYDICOM_FILES = sorted(path for path in TEST_FILES.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def server_goes_on(client: FlaskClient) -> Iterator[None]:
    yield
    assert client.post("/predict", data=dicom_slice(), content_type="application/dicom").status_code == 200


def send(client: FlaskClient, path: str, *contents: bytes) -> TestResponse:
    return client.post(path, **form([(f"{number}.png", content) for number, content in enumerate(contents)]))


@pytest.mark.parametrize("path", ["/predict", "/studies"])
@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_is_no_axial_ct(client: FlaskClient, path: str, what: str) -> None:
    make, status, code = REFUSED[what]
    assert_problem(send(client, path, make()), status, code)


@pytest.mark.parametrize("what", REFUSED_PICTURES)
def test_a_picture_that_is_no_slice(client: FlaskClient, what: str) -> None:
    data, status, code = REFUSED_PICTURES[what]
    assert_problem(send(client, "/studies", data), status, code)


@pytest.mark.parametrize("what", REFUSED_ARCHIVES)
def test_an_archive_that_is_no_study(client: FlaskClient, what: str) -> None:
    make, status, code = REFUSED_ARCHIVES[what]
    assert_problem(send(client, "/studies", make()), status, code)


def test_a_tag_that_refuses_a_file_is_named(client: FlaskClient) -> None:
    body = assert_problem(send(client, "/predict", dicom_slice(Modality="MR")), 415, "unsupported_type")
    assert "Modality (0008,0060) is MR" in body["detail"]


def test_two_patients_in_one_upload_are_refused_and_nobody_is_named(client: FlaskClient) -> None:
    other = dicom_slice(PatientID="0815", PatientName="Doe^John", series="2")
    response = send(client, "/studies", dicom_slice(), other)
    assert "2 patients" in assert_problem(response, 422, "several_patients")["detail"]
    for secret in ("4711", "0815", "Mustermann", "Doe"):
        assert secret not in response.text


def test_several_archives_in_one_request(client: FlaskClient) -> None:
    packed = zipped({"a.dcm": dicom_slice()})
    assert_problem(send(client, "/studies", packed, packed), 422, "bad_archive")


def test_a_series_of_more_slices_than_files_are_allowed() -> None:
    few = create_app({"MAX_STUDY_FILES": 3}).test_client()
    files = [enhanced(scan(2), first) for first in (-300.0, -200.0)]
    assert_problem(send(few, "/studies", *files), 413, "too_many_files")


def test_a_file_that_kills_its_decoder_ends_the_study(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one file after another, each of which would take its time."""
    process = ReadingProcess("tests.model.crashing_reader")
    monkeypatch.setattr(volumes, "reading_process", lambda: process)
    response = send(client, "/studies", dicom_slice(), dicom_slice(seed=2))
    assert "too much time or memory" in assert_problem(response, 422, "unreadable_image")["detail"]
    process.stop()
    monkeypatch.undo()


def test_files_that_fail_for_several_reasons_make_no_series(client: FlaskClient) -> None:
    response = send(client, "/studies", dicom_slice(Modality="MR"), dicom_slice(PixelData=None, series="2"))
    assert_problem(response, 422, "no_series")


def test_a_study_without_lung_has_no_series(client: FlaskClient) -> None:
    assert_problem(send(client, "/studies", dicom_slice(PixelData=bytes(2 * 128 * 128))), 422, "no_series")


def test_a_series_that_is_not_there(client: FlaskClient) -> None:
    response = client.post("/studies?series=1.2.3.4", **form([("a.dcm", dicom_slice())]))
    assert "UID" in assert_problem(response, 422, "no_series")["detail"]


def test_an_empty_request(client: FlaskClient) -> None:
    assert_problem(client.post("/studies"), 400, "no_image")


def test_a_file_name_with_path_parts(client: FlaskClient) -> None:
    assert_problem(client.post("/studies", **form([("../a.dcm", dicom_slice())])), 400, "invalid_filename")


def test_the_limits_of_a_study_are_settings() -> None:
    series = dicom_series(scan(4))
    few = create_app({"MAX_STUDY_FILES": 3}).test_client()
    assert_problem(send(few, "/studies", *series), 413, "too_many_files")
    packed = zipped({f"{number}.dcm": data for number, data in enumerate(series)})
    assert_problem(send(few, "/studies", packed), 413, "too_many_files")
    small = create_app({"MAX_STUDY_BYTES": len(packed) + 1000}).test_client()
    assert_problem(send(small, "/studies", packed), 413, "too_large")
    assert_problem(send(small, "/studies", *series), 413, "too_large")


@pytest.mark.parametrize("path", PYDICOM_FILES, ids=lambda path: str(path.relative_to(TEST_FILES)))
def test_pydicoms_own_files_give_an_answer_or_a_clear_refusal(client: FlaskClient, path: Path) -> None:
    for address in ("/predict", "/studies"):
        response = send(client, address, path.read_bytes())
        if response.status_code != 200:
            problem = response.get_json()
            assert_problem(response, response.status_code, problem["code"])
            assert 400 <= response.status_code < 500
