"""The one check of the one error shape."""

from typing import Any

from werkzeug.test import TestResponse

from app.errors import KINDS


def assert_problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The response is a complete problem of this kind; returns its body."""
    body: dict[str, Any] = response.get_json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert response.mimetype == "application/problem+json"
    assert body["type"] == f"/problems#{code}"
    assert (body["status"], body["title"]) == (status, KINDS[code].title)
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert body["detail"].endswith(".")
    return body
