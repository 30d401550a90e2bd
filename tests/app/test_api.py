import base64
import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from model import bundle
from tests.app.problems import assert_problem
from tests.pictures import NOT_A_PICTURE, slice_file

Files = list[tuple[io.BytesIO, str]]


def file(data: bytes, name: str) -> tuple[io.BytesIO, str]:
    return io.BytesIO(data), name


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_one_file_of_a_form_gives_the_contracts_json(client: FlaskClient) -> None:
    response = client.post("/predict?abstain=false", data={"file": file(slice_file(), "a.png")})
    assert response.status_code == 200
    answer = response.get_json()
    assert list(answer) == ["model", "predictions", "request_id", "disclaimer"]
    shipped = bundle.load()
    assert answer["model"] == {"name": shipped.name, "version": shipped.version, "sha256": shipped.sha256}
    (prediction,) = answer["predictions"]
    assert list(prediction) == ["filename", "label", "abstained", "probabilities", "prediction_set", "level", "gate"]
    assert prediction["filename"] == "a.png"
    assert list(prediction["probabilities"]) == ["noncovid", "covid", "cap"]
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert max(prediction["probabilities"], key=prediction["probabilities"].get) == prediction["label"]
    assert "not a medical device" in answer["disclaimer"].lower()
    assert answer["request_id"] == response.headers["X-Request-ID"]


def test_every_way_to_send_a_slice_gives_the_same_probabilities(client: FlaskClient) -> None:
    data = slice_file()
    ways: list[dict[str, Any]] = [
        {"data": {"file": file(data, "a.png")}},
        {"data": {"anything": file(data, "a.png")}},
        {"data": data, "content_type": "image/png"},
        {"data": data, "content_type": "image/jpeg"},
        {"data": data, "content_type": "application/octet-stream"},
        {"json": {"image": base64_text(data)}},
        {"json": {"image": "data:image/png;base64," + base64_text(data), "filename": "a.png"}},
        {"json": {"images": [{"image": base64_text(data)}]}},
    ]
    answers = [client.post("/predict", **way).get_json()["predictions"] for way in ways]
    assert [len(answer) for answer in answers] == [1] * len(ways)
    assert all(answer[0]["probabilities"] == answers[0][0]["probabilities"] for answer in answers)


def test_a_raw_body_has_no_file_name(client: FlaskClient) -> None:
    answer = client.post("/predict", data=slice_file(), content_type="image/png").get_json()
    assert answer["predictions"][0]["filename"] is None


def test_answers_come_in_the_order_sent_whatever_the_fields(client: FlaskClient) -> None:
    boundary = "x"
    names = [("b", "1.png"), ("a", "2.png"), ("b", "3.png"), ("c", "4.png"), ("a", "5.png")]
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode()
        + slice_file(seed=number)
        + b"\r\n"
        for number, (field, name) in enumerate(names)
    ]
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    answer = client.post("/predict", data=body, content_type=f"multipart/form-data; boundary={boundary}").get_json()
    assert [entry["filename"] for entry in answer["predictions"]] == [name for _, name in names]
    single = client.post("/predict", data=slice_file(seed=3), content_type="image/png").get_json()
    assert answer["predictions"][3]["probabilities"] == single["predictions"][0]["probabilities"]


def test_a_file_that_fails_does_not_stop_the_others(client: FlaskClient) -> None:
    files = [file(NOT_A_PICTURE, "b.txt"), file(slice_file(), "a.png")]
    response = client.post("/predict?abstain=false", data={"file": files})
    assert response.status_code == 200
    failed, good = response.get_json()["predictions"]
    assert (failed["filename"], failed["error"]["status"], failed["error"]["code"]) == (
        "b.txt",
        415,
        "unsupported_type",
    )
    assert list(failed["error"]) == ["status", "code", "title", "detail"]
    assert (good["filename"], good["label"] in good["probabilities"]) == ("a.png", True)


def test_when_every_file_fails_the_answer_is_a_problem_with_each_error(client: FlaskClient) -> None:
    files = [file(NOT_A_PICTURE, "b.txt"), file(slice_file()[:500], "a.png")]
    body = assert_problem(client.post("/predict", data={"file": files}), 422, "all_failed")
    codes = [entry["error"]["code"] for entry in body["predictions"]]
    assert codes == ["unsupported_type", "unreadable_image"]


def test_the_answer_is_not_to_be_kept(client: FlaskClient) -> None:
    for response in (client.post("/predict", data=slice_file(), content_type="image/png"), client.post("/predict")):
        assert response.headers["Cache-Control"] == "no-store"


def test_health_and_readiness(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    ready = client.get("/readyz").get_json()
    assert (ready["status"], ready["engine"]) == ("ready", "onnx")
    assert ready["model"]["sha256"] == bundle.load().sha256


def test_the_card_is_served_as_it_is(client: FlaskClient) -> None:
    assert client.get("/model").get_json() == json.loads((bundle.DEFAULT_FOLDER / bundle.CARD).read_text())


def test_both_engines_give_the_same_answer(client: FlaskClient) -> None:
    keras = create_app({"ENGINE": "keras"}).test_client()
    for label in ("noncovid", "covid", "cap"):
        request = {"data": slice_file(label), "content_type": "image/png"}
        one, other = (c.post("/predict", **request).get_json()["predictions"][0] for c in (client, keras))
        assert one["label"] == other["label"]
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)
    assert keras.get("/readyz").get_json()["engine"] == "keras"
