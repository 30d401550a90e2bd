"""Everything that people and attackers send instead of a slice."""

import io
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug import formparser

from app import create_app, uploads
from tests.app.problems import assert_problem
from tests.pictures import REFUSED, encode, slice_file


@pytest.fixture(autouse=True)
def nothing_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No upload goes to a temporary file, which is where Werkzeug puts the larger ones."""
    for name in ("SpooledTemporaryFile", "TemporaryFile"):
        monkeypatch.setattr(formparser, name, lambda *_, **__: pytest.fail("a temporary file"), raising=False)


@pytest.fixture(autouse=True)
def server_goes_on(client: FlaskClient) -> Any:
    yield
    assert client.post("/predict", data=slice_file(), content_type="image/png").status_code == 200


def form(data: bytes, name: str) -> dict[str, Any]:
    return {"data": {"file": (io.BytesIO(data), name)}}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_is_no_slice(client: FlaskClient, what: str) -> None:
    data, status, code = REFUSED[what]
    assert_problem(client.post("/predict", **form(data, "slice.png")), status, code)


@pytest.mark.parametrize("content_type", [None, "image/png", "application/json", "multipart/form-data; boundary=x"])
def test_an_empty_body(client: FlaskClient, content_type: str | None) -> None:
    assert_problem(client.post("/predict", data=b"", content_type=content_type), 400, "no_image")


def test_a_form_without_a_file(client: FlaskClient) -> None:
    response = client.post("/predict", data={"note": "hello"}, content_type="multipart/form-data")
    assert_problem(response, 400, "no_image")


def test_a_form_whose_file_field_was_left_empty(client: FlaskClient) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--x--\r\n'
    assert_problem(client.post("/predict", data=body, content_type="multipart/form-data; boundary=x"), 400, "no_image")


HEAD = 'Content-Disposition: form-data; name="file"; filename="a.png"\r\n'


@pytest.mark.parametrize(
    ("body", "files"),
    [
        (f"--x\r\n{HEAD}\r\nDATA\r\n--x--\r\n", [("a.png", b"DATA")]),
        (f"--x\r\n{HEAD}Content-Type: image/png\r\n\r\n\r\nDA--TA\r\n\r\n--x--\r\n", [("a.png", b"\r\nDA--TA\r\n")]),
        (f"--x\r\n{HEAD}\r\nDATA\r\n--x--\r\nand what comes behind", [("a.png", b"DATA")]),
        (f"before\r\n--x\r\n{HEAD}\r\nDATA\r\n--x--\r\n", [("a.png", b"DATA")]),
        (f"--x\r\n{HEAD}\r\nDATA\r\n--x\r\n{HEAD}\r\nMORE\r\n--x--\r\n", [("a.png", b"DATA"), ("a.png", b"MORE")]),
        (f"--x\r\n{HEAD.replace('a.png', 'ä.png')}\r\nDATA\r\n--x--\r\n", [("ä.png", b"DATA")]),
        (f"--x\r\n{HEAD.replace('a.png', 'a.b')}X-More: 1\r\n\r\nDATA\r\n--x--\r\n", [("a.b", b"DATA")]),
        (f"--x\r\n{HEAD.replace('Content', 'CONTENT')}\r\nDATA\r\n--x--\r\n", [("a.png", b"DATA")]),
        (f"--x\r\n{HEAD}\r\n--x--\r\n", [("a.png", b"")]),
    ],
)
def test_forms_that_are_written_in_many_ways(client: FlaskClient, body: str, files: list[tuple[str, bytes]]) -> None:
    """Plain forms of one file have a short cut; whatever it does not know must be read as well."""
    sent = {"data": body.encode(), "content_type": "multipart/form-data; boundary=x"}
    with client.application.test_request_context("/predict", method="POST", **sent):
        assert isinstance(request, uploads.InMemoryRequest)
        assert request.files_in_order() == files


def test_a_form_that_breaks_off(client: FlaskClient) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + slice_file()[:500]
    assert_problem(client.post("/predict", data=body, content_type="multipart/form-data; boundary=x"), 400, "no_image")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "nonsense"])
def test_a_content_type_that_says_nothing_of_pictures(client: FlaskClient, content_type: str) -> None:
    response = client.post("/predict", data=slice_file(), content_type=content_type)
    assert_problem(response, 415, "unsupported_type")


@pytest.mark.parametrize("text", ["{", "[]", "3", '"abc"', "null", '{"images": 3}', "\xff"])
def test_json_of_another_form(client: FlaskClient, text: str) -> None:
    response = client.post("/predict", data=text.encode("latin-1"), content_type="application/json")
    assert_problem(response, 400, "invalid_json")


@pytest.mark.parametrize("item", [3, None, {}, {"image": 3}, {"image": "", "filename": 3}])
def test_json_with_a_picture_of_another_form(client: FlaskClient, item: object) -> None:
    assert_problem(client.post("/predict", json={"images": [item]}), 400, "invalid_json")


@pytest.mark.parametrize("body", [{}, {"images": []}])
def test_json_without_a_picture(client: FlaskClient, body: object) -> None:
    assert_problem(client.post("/predict", json=body), 400, "no_image")


@pytest.mark.parametrize("text", ["not base64!", "abc", "é", "data:image/png;base64,%%%"])
def test_base64_that_is_not(client: FlaskClient, text: str) -> None:
    assert_problem(client.post("/predict", json={"image": text}), 400, "invalid_base64")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("../../etc/passwd.png", "path parts"),
        ("C:\\slices\\a.png", "path parts"),
        ("a\x00b.png", "control characters"),
        ("a\x1b[31m.png", "control characters"),
        ("a" * 5000, "5000 characters"),
    ],
)
def test_a_file_name_that_cannot_be_used(client: FlaskClient, name: str, fault: str) -> None:
    ways = [{"json": {"image": "AAAA", "filename": name}}]
    if "\\" not in name:  # Werkzeug already drops the path of a Windows name in a form.
        ways.append(form(slice_file(), name))
    for way in ways:
        body = assert_problem(client.post("/predict", **way), 400, "invalid_filename")
        assert fault in body["detail"]


def test_a_name_that_cannot_be_used_is_shown_without_its_control_characters(client: FlaskClient) -> None:
    files = [(io.BytesIO(slice_file()), "a\x1b[31m" + "b" * 400), (io.BytesIO(slice_file()), "good.png")]
    refused, good = client.post("/predict", data={"file": files}).get_json()["predictions"]
    assert refused["filename"].startswith("a\N{REPLACEMENT CHARACTER}[31mb")
    assert len(refused["filename"]) == 255
    assert "label" in good


@pytest.mark.parametrize("name", ["Schnitt 12 – Lunge.png", "扫描.jpg", "a b.c.d", "x" * 255])
def test_an_unusual_file_name_is_fine(client: FlaskClient, name: str) -> None:
    assert client.post("/predict", **form(slice_file(), name)).get_json()["predictions"][0]["filename"] == name


def files(number: int) -> dict[str, Any]:
    return {"data": {"file": [(io.BytesIO(slice_file(size=32)), f"{n}.png") for n in range(number)]}}


def test_64_files_are_read_and_65_are_not(client: FlaskClient) -> None:
    assert len(client.post("/predict", **files(64)).get_json()["predictions"]) == 64
    assert "at most 64" in assert_problem(client.post("/predict", **files(65)), 413, "too_many_files")["detail"]


def test_very_many_files_are_refused_before_they_are_all_parsed(client: FlaskClient) -> None:
    assert_problem(client.post("/predict", **files(200)), 413, "too_many_files")


@pytest.fixture(scope="module")
def narrow() -> Flask:
    return create_app({"MAX_BODY_BYTES": 10_000})


@pytest.mark.parametrize(
    "way",
    [
        form(bytes(20_000), "a.png"),
        {"data": bytes(20_000), "content_type": "image/png"},
        {"json": {"image": "A" * 20_000}},
    ],
    ids=["form", "raw", "json"],
)
def test_a_body_over_the_limit(narrow: Flask, way: dict[str, Any]) -> None:
    body = assert_problem(narrow.test_client().post("/predict", **way), 413, "too_large")
    assert "10,000 bytes" in body["detail"]


@pytest.mark.parametrize("content_type", ["image/png", "application/json", "multipart/form-data; boundary=x"])
def test_a_body_over_the_limit_that_does_not_tell_its_length(narrow: Flask, content_type: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + bytes(20_000)
    response = narrow.test_client().post(
        "/predict",
        input_stream=io.BytesIO(body),
        content_type=content_type,
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert_problem(response, 413, "too_large")


@pytest.mark.parametrize("mode", ["CMYK", "P", "RGBA", "I;16"])
def test_pictures_in_unusual_modes_are_read(client: FlaskClient, mode: str) -> None:
    from PIL import Image

    from model.phantom import lung_phantom

    gray = lung_phantom("covid", 1)
    picture = Image.fromarray(gray.astype("uint16") * 257) if mode == "I;16" else Image.fromarray(gray).convert(mode)
    data = encode(picture, "JPEG" if mode == "CMYK" else "PNG")
    answer = client.post("/predict", **form(data, "a")).get_json()["predictions"][0]
    plain = client.post("/predict", **form(slice_file(), "a")).get_json()["predictions"][0]
    assert answer["probabilities"] == pytest.approx(plain["probabilities"], abs=0.15 if mode == "CMYK" else 0.02)
