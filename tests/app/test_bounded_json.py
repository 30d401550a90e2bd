import tracemalloc

import pytest
from flask import Flask
from flask.testing import FlaskClient

from model import bundle
from tests.app.problems import assert_problem

BOMBS = {
    "lists": b"[" + b"[]," * 2**20 + b"[]]",
    "objects": b"[" + b"{}," * 2**20 + b"{}]",
    "texts": b"[" + b'"ab",' * 2**20 + b'""]',
    "members": b"{" + b",".join(b'"%d":0' % number for number in range(2**19)) + b"}",
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("path", ["/predict", "/studies", f"/v2/models/{bundle.load().name}/infer"])
def test_a_body_that_would_grow_while_it_is_parsed_is_refused_before(app: Flask, path: str, bomb: str) -> None:
    body = b'{"image": %s}' % BOMBS[bomb]
    tracemalloc.start()
    try:
        response = app.test_client().post(path, data=body, content_type="application/json")
        assert tracemalloc.get_traced_memory()[1] < 4 * len(body)
    finally:
        tracemalloc.stop()
    assert_problem(response, 413, "too_large")


def test_lists_that_are_nested_too_deep_are_no_fault_of_the_server(client: FlaskClient) -> None:
    body = b'{"image":' + b"[" * 15_000
    assert_problem(client.post("/predict", data=body, content_type="application/json"), 400, "invalid_json")


def test_a_picture_may_have_any_name(client: FlaskClient) -> None:
    images = [{"image": "AAAA", "filename": '[{,"' * 63}] * 64
    answer = client.post("/predict", json={"images": images}).get_json()
    assert len(answer["predictions"]) == 64
