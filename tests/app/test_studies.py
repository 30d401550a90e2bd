import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from app import create_app, uploads
from model.errors import UnreadableImageError
from model.predictor import Predictor
from tests.app.problems import assert_problem
from tests.forms import form
from tests.pictures import NOT_A_PICTURE, slice_file
from tests.scans import dicom_series, dicom_slice, enhanced, nifti, scan, tarred, zipped

VOLUME = scan(8)
SERIES = [(f"IM{number}", data) for number, data in enumerate(dicom_series(VOLUME))]
STREAM = {"Accept": "application/x-ndjson"}


def post(client: FlaskClient, files: list[tuple[str, bytes]], **more: Any) -> dict[str, Any]:
    response = client.post("/studies", **form(files), **more)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def without_id(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "request_id"}


@pytest.fixture(scope="module")
def answer(app: Any) -> dict[str, Any]:
    return post(app.test_client(), SERIES)


def test_a_series_gives_the_contracts_json(answer: dict[str, Any]) -> None:
    members = (
        "model label abstained probabilities prediction_set level gate rule series set_aside slices skipped request_id"
    )
    assert list(answer) == [*members.split(), "disclaimer"]
    assert list(answer["probabilities"]) == ["noncovid", "covid", "cap"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert answer["series"] == {
        "uid": "1.2.3.1",
        "description": "Series 1",
        "slices": 8,
        "spacing_mm": 5.0,
        "thickness_mm": 2.0,
        "gaps": 0,
    }
    assert [one["position_mm"] for one in answer["slices"]] == [-300.0 + 5 * index for index in range(8)]
    assert sorted(one["rank"] for one in answer["slices"]) == list(range(1, 9))
    first = next(one for one in answer["slices"] if one["rank"] == 1)
    label = answer["label"] or max(answer["probabilities"], key=answer["probabilities"].get)
    assert first["probabilities"][label] == max(one["probabilities"][label] for one in answer["slices"])


def test_each_slice_gets_what_predict_says_of_it(client: FlaskClient, answer: dict[str, Any]) -> None:
    for one, (_, data) in zip(answer["slices"], SERIES, strict=True):
        alone = client.post("/predict", data=data, content_type="application/dicom").get_json()["predictions"][0]
        assert one["probabilities"] == pytest.approx(alone["probabilities"], abs=1e-5)


@pytest.mark.parametrize(
    "files",
    [
        SERIES[::-1],
        [("study.zip", zipped({f"CT/{name}": data for name, data in SERIES[::-1]}))],
        [("study.tar.gz", tarred(dict(SERIES)))],
        [("study.tar", tarred(dict(SERIES), "w"))],
        [*SERIES[:3], ("rest.zip", zipped(dict(SERIES[3:])))],
    ],
    ids=["the other way round", "a zip", "a tar.gz", "a tar", "a zip beside files"],
)
def test_however_it_is_packed_the_answer_has_the_same_digits(
    client: FlaskClient, answer: dict[str, Any], files: list[tuple[str, bytes]]
) -> None:
    assert without_id(post(client, files)) == without_id(answer)


@pytest.mark.parametrize("axes", ["LPS", "RAS", "SPL", "PIR"])
def test_a_nifti_of_any_axes_gives_the_probabilities_of_the_dicom(
    client: FlaskClient, answer: dict[str, Any], axes: str
) -> None:
    other = post(client, [("a.nii", nifti(VOLUME, axes=axes))])
    assert other["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-3)
    assert [one["position_mm"] for one in other["slices"]] == [one["position_mm"] for one in answer["slices"]]


def test_a_multi_frame_file_gives_the_probabilities_of_single_ones(client: FlaskClient, answer: dict[str, Any]) -> None:
    for data in (enhanced(VOLUME), zipped({"enhanced.dcm": enhanced(VOLUME)})):
        assert post(client, [("a", data)])["slices"] == answer["slices"]


def test_feet_first_and_mirrored_data_gives_the_same_answer(client: FlaskClient, answer: dict[str, Any]) -> None:
    turned = {
        (-1, 0, 0, 0, 1, 0): VOLUME[:, :, ::-1],
        (1, 0, 0, 0, -1, 0): VOLUME[:, ::-1],
        (0, 1, 0, 1, 0, 0): VOLUME.transpose(0, 2, 1),
    }
    for cosines, volume in turned.items():
        files = dicom_series(volume, ImageOrientationPatient=list(cosines))
        other = post(client, [(str(number), data) for number, data in enumerate(files[::-1])])
        assert other["slices"] == answer["slices"]


def test_pictures_are_a_study_without_positions(client: FlaskClient) -> None:
    files = [(f"{number}.png", slice_file(seed=number)) for number in (10, 9, 2)]
    answer = post(client, files)
    assert [one["position_mm"] for one in answer["slices"]] == [None] * 3
    assert answer["slices"] == post(client, files[::-1])["slices"]


def test_what_is_not_used_is_told_with_its_reason(client: FlaskClient) -> None:
    localizer = dicom_slice(series="7", SeriesDescription="Scout", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    soft = dicom_series(VOLUME, series="8", ConvolutionKernel="B30f", SeriesDescription="Mediastinum")
    belly = dicom_slice(series="1", ImagePositionPatient=[-96, -96, -400], PixelData=bytes(2 * 128 * 128))
    extra = [("scout", localizer), ("letter.txt", NOT_A_PICTURE), ("belly", belly)]
    answer = post(client, [*extra, *((f"soft{number}", data) for number, data in enumerate(soft)), *SERIES])
    assert answer["series"]["uid"] == "1.2.3.1"
    assert [(note["what"], note.get("series")) for note in answer["set_aside"]] == [
        ("Scout (1 file)", None),
        ("Mediastinum (8 slices, 2 mm, kernel B30f)", "1.2.3.8"),
    ]
    assert "LOCALIZER" in answer["set_aside"][0]["reason"]
    assert [note["what"] for note in answer["skipped"]] == ["letter.txt", "slice 0 at -400 mm"]


@pytest.mark.parametrize("where", ["address", "form"])
def test_another_series_can_be_asked_for(client: FlaskClient, where: str) -> None:
    other = dicom_series(scan(4, "noncovid"), series="8", ConvolutionKernel="B30f")
    files = [*SERIES, *((f"soft{number}", data) for number, data in enumerate(other))]
    fields = {"series": "1.2.3.8"} if where == "form" else {}
    response = client.post("/studies" + "?series=1.2.3.8" * (where == "address"), **form(files, **fields))
    answer = response.get_json()
    assert answer["series"]["uid"] == "1.2.3.8"
    assert [note["series"] for note in answer["set_aside"]] == ["1.2.3.1"]


def test_a_missing_a_doubled_and_a_foreign_slice_are_told(client: FlaskClient, answer: dict[str, Any]) -> None:
    foreign = dicom_slice(size=64, series="1", ImagePositionPatient=[0, 0, -298])
    other = post(client, [*SERIES[:3], *SERIES[4:], SERIES[0], ("foreign", foreign)])
    assert other["series"]["gaps"] == 1
    assert [one["position_mm"] for one in other["slices"]] == [-300, -295, -290, -280, -275, -270, -265]
    assert sorted(note["what"] for note in other["skipped"]) == ["IM0", "foreign"]
    assert other["slices"][0]["probabilities"] == answer["slices"][0]["probabilities"]


def test_the_stream_has_a_line_a_slice_with_progress_and_then_the_study(
    client: FlaskClient, answer: dict[str, Any]
) -> None:
    response = client.post("/studies", **form(SERIES), headers=STREAM)
    assert response.mimetype == "application/x-ndjson"
    *slices, study = map(json.loads, response.text.splitlines())
    assert without_id(study) == without_id(answer)
    assert [line["slice"]["index"] for line in slices] == list(range(8))
    assert slices[-1]["progress"] == {"stage": "slices", "done": 8, "total": 8}
    document = client.get("/openapi.json").get_json()
    schema = {**document["components"]["schemas"]["Line"], "components": document["components"]}
    for line in (*slices, study):
        Draft202012Validator(schema).validate(line)


def test_the_first_line_comes_before_the_work_is_done(client: FlaskClient) -> None:
    response = client.post("/studies", **form(dicom_series_of(40)), headers=STREAM)
    lines = response.iter_encoded()
    assert json.loads(next(lines)) == {"progress": {"stage": "files", "done": 32, "total": 40}}
    response.close()


def dicom_series_of(number: int) -> list[tuple[str, bytes]]:
    volume = VOLUME[[index % len(VOLUME) for index in range(number)]]
    return [(str(index), data) for index, data in enumerate(dicom_series(volume))]


def test_a_stream_that_cannot_begin_is_a_problem_like_any(client: FlaskClient) -> None:
    response = client.post("/studies", **form([("a", NOT_A_PICTURE)]), headers=STREAM)
    assert_problem(response, 415, "unsupported_type")


@pytest.mark.parametrize(
    ("error", "code"), [(UnreadableImageError("Broken."), "unreadable_image"), (RuntimeError("x"), "internal_error")]
)
def test_a_stream_that_breaks_off_ends_with_the_problem(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Predictor, "predict_slices", fail)
    response = client.post("/studies", **form(dicom_series_of(40)), headers=STREAM)
    problem = json.loads(response.text.splitlines()[-1])["problem"]
    assert (problem["code"], problem["request_id"]) == (code, response.headers["X-Request-ID"])


def test_answers_are_as_described(client: FlaskClient, answer: dict[str, Any]) -> None:
    document = client.get("/openapi.json").get_json()
    schema = document["paths"]["/studies"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer)


def test_predict_says_of_a_volume_that_it_wants_studies(client: FlaskClient) -> None:
    for data in (nifti(VOLUME), enhanced(VOLUME), zipped(dict(SERIES)), tarred(dict(SERIES))):
        response = client.post("/predict", data=data, content_type="application/octet-stream")
        assert "/studies" in assert_problem(response, 422, "volume")["detail"]


def test_predict_reads_one_slice_of_dicom_or_nifti_like_a_picture(client: FlaskClient) -> None:
    answers = [
        client.post("/predict", **form([("a", data)])).get_json()["predictions"][0]["probabilities"]
        for data in (dicom_slice(seed=0), nifti(VOLUME[:1]), slice_file(seed=0, size=128))
    ]
    assert answers[0] == answers[1]
    assert answers[0] == pytest.approx(answers[2], abs=1e-3)


@pytest.mark.parametrize("files", [SERIES, [("study.zip", zipped(dict(SERIES)))], [("a.nii", nifti(VOLUME))]])
def test_the_page_shows_the_numbers_of_the_study(
    client: FlaskClient, answer: dict[str, Any], files: list[tuple[str, bytes]]
) -> None:
    page = client.post("/", **form(files))
    assert page.status_code == 200
    shown = re.findall(r"<output>([\d.]+) %</output>", page.text.partition('id="reader"')[0])
    assert shown == [f"{100 * p:.1f}" for p in answer["probabilities"].values()]
    assert "8 lung slices of 8, 5.0 mm apart" in page.text


def test_the_page_answers_a_single_dicom_as_a_slice_and_a_multi_frame_one_as_a_study(client: FlaskClient) -> None:
    assert 'class="result study"' not in client.post("/", **form(SERIES[:1])).text
    assert 'class="result study"' in client.post("/", **form([("a", enhanced(VOLUME))])).text


def test_the_page_says_why_a_study_is_refused(client: FlaskClient) -> None:
    page = client.post("/", **form([("a.zip", zipped({"../a": b""}))]))
    assert page.status_code == 422
    assert "points outside it" in page.text


def test_what_the_page_says_of_a_file_is_escaped(client: FlaskClient) -> None:
    files = dicom_series(VOLUME, SeriesDescription="<script>alert(1)</script>")
    page = client.post("/", **form([(str(number), data) for number, data in enumerate(files)])).text
    assert "&lt;script&gt;alert(1)" in page


def test_no_part_of_a_study_is_copied_when_it_is_read(app: Any) -> None:
    with app.test_request_context("/studies", method="POST", **form([("a", bytes(10**6))])) as context:
        request = context.request
        assert isinstance(request, uploads.InMemoryRequest)
        ((_, first),) = request.files_in_order()
        ((_, second),) = request.files_in_order()
        assert first is second


@pytest.mark.parametrize("path", ["/studies", "/volumes", "/"])
def test_a_study_that_takes_too_long_is_ended(path: str) -> None:
    client = create_app({"STUDY_SECONDS": 0}).test_client()
    response = client.post(path, **form([("study.zip", zipped(dict(SERIES)))]))
    assert response.status_code == 422
    assert "Reading took too long" in response.text
