import logging

import pytest
from flask.testing import FlaskClient

from model.predictor import Predictor
from tests.app.problems import assert_problem
from tests.pictures import slice_file


def test_an_unknown_address(client: FlaskClient) -> None:
    assert_problem(client.get("/nowhere"), 404, "not_found")


def test_a_method_that_is_not_allowed_says_which_are(client: FlaskClient) -> None:
    response = client.delete("/predict")
    assert_problem(response, 405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]


def test_a_fault_of_the_server_tells_nothing_of_the_patient(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(data: bytes) -> None:
        raise RuntimeError(f"cannot read MUSTERMANN^ERIKA {data[:8]!r}")

    monkeypatch.setattr(Predictor, "predict", lambda _, data, options: fail(data))
    with caplog.at_level(logging.DEBUG):
        response = client.post("/predict", data=slice_file(), content_type="image/png")
    body = assert_problem(response, 500, "internal_error")
    assert "MUSTERMANN" not in response.text + caplog.text
    assert body["request_id"] in caplog.text
    assert "RuntimeError at " in caplog.text


def test_every_code_is_explained_on_the_page_that_the_type_names(client: FlaskClient) -> None:
    from app.errors import KINDS

    page = client.get("/problems").text
    for code in KINDS:
        assert f'id="{code}"' in page
