import pytest
from flask.testing import FlaskClient

from app import create_app


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/docs/try", "/about", "/libraries", "/problems", "/readyz", "/nowhere", "/static/reader/main.js"],
)
def test_every_answer_carries_a_strict_policy(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_pages_have_no_inline_script_or_style(client: FlaskClient) -> None:
    for path in ("/", "/docs", "/docs/try", "/about", "/libraries", "/problems"):
        page = client.get(path).text
        assert "<style" not in page
        assert "style=" not in page
        assert " onclick" not in page
        assert page.count("<script") == page.count(" src=")


def test_a_request_id_is_taken_over_when_it_is_one(client: FlaskClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    made = client.get("/healthz", headers={"X-Request-ID": "a b<c>" * 30}).headers["X-Request-ID"]
    assert len(made) == 32


def test_other_sites_may_not_call_the_api_unless_they_are_named(client: FlaskClient) -> None:
    origin = {"Origin": "https://pacs.example.org"}
    assert "Access-Control-Allow-Origin" not in client.get("/readyz", headers=origin).headers
    named = create_app({"CORS_ORIGINS": ["https://pacs.example.org"]}).test_client()
    allowed = named.get("/readyz", headers=origin).headers["Access-Control-Allow-Origin"]
    assert allowed == "https://pacs.example.org"
    other = named.get("/readyz", headers={"Origin": "https://evil.example.org"})
    assert "Access-Control-Allow-Origin" not in other.headers
