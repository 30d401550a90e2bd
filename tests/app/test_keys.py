import hashlib

import pytest
from flask.testing import FlaskClient

from app import create_app
from tests.app.problems import assert_problem

KEYS = ["first-key", "second-key"]


@pytest.fixture(scope="module")
def guarded() -> FlaskClient:
    return create_app({"API_KEYS": [hashlib.sha256(key.encode()).hexdigest() for key in KEYS]}).test_client()


@pytest.mark.parametrize("path", ["/", "/predict", "/model", "/metrics", "/docs", "/nowhere"])
def test_without_a_key_nothing_is_told(guarded: FlaskClient, path: str) -> None:
    response = guarded.post(path) if path == "/predict" else guarded.get(path)
    assert_problem(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize("key", KEYS)
def test_each_key_opens_in_each_way(guarded: FlaskClient, key: str) -> None:
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        assert guarded.get("/model", headers=headers).status_code == 200
    assert guarded.get("/", auth=("anybody", key)).status_code == 200


@pytest.mark.parametrize(
    "key", ["", "first", "first-key-", "FIRST-KEY", "\xe4", hashlib.sha256(b"first-key").hexdigest()]
)
def test_another_key_does_not(guarded: FlaskClient, key: str) -> None:
    assert_problem(guarded.get("/model", headers={"Authorization": f"Bearer {key}"}), 401, "unauthorized")


def test_health_checks_need_none(guarded: FlaskClient) -> None:
    assert guarded.get("/healthz").status_code == guarded.get("/readyz").status_code == 200


def test_a_client_that_asks_too_often_is_told_when_to_come_back() -> None:
    client = create_app({"RATE_LIMIT": "2/minute"}).test_client()
    assert [client.get("/model").status_code for _ in range(2)] == [200, 200]
    refused = client.get("/model")
    assert_problem(refused, 429, "too_many_requests")
    assert int(refused.headers["Retry-After"]) <= 60
    assert client.get("/healthz").status_code == 200
