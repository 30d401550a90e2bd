import json
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.classification import predictor
from app.tensors import JSON_LENGTH
from model import bundle
from model.phantom import lung_phantom
from tests.app.problems import assert_problem
from tests.pictures import slice_file

NAME = bundle.load().name
INFER = f"/v2/models/{NAME}/infer"


@pytest.fixture(scope="module")
def tensor(app: Flask) -> Any:
    with app.app_context():
        return predictor().bundle.preprocessing.batch([lung_phantom("covid", 1), lung_phantom("cap", 2)])


def described(tensor: Any, **more: Any) -> dict[str, Any]:
    return {"name": "slice", "datatype": "FP32", "shape": list(tensor.shape), **more}


def test_the_server_and_the_network_are_ready_and_described(client: FlaskClient) -> None:
    assert client.get("/v2/health/live").get_json() == {"live": True}
    assert client.get("/v2/health/ready").get_json() == {"ready": True}
    assert client.get("/v2").get_json()["extensions"] == ["binary_tensor_data"]
    assert client.get(f"/v2/models/{NAME}/ready").get_json() == {"name": NAME, "ready": True}
    described = client.get(f"/v2/models/{NAME}").get_json()
    assert described["inputs"] == [{"name": "slice", "datatype": "FP32", "shape": [-1, 256, 256, 3]}]
    (version,) = described["versions"]
    assert client.get(f"/v2/models/{NAME}/versions/{version}").get_json() == described


@pytest.mark.parametrize("nested", [True, False])
def test_a_tensor_in_json_gets_what_predict_says_of_the_slice(client: FlaskClient, tensor: Any, nested: bool) -> None:
    one = tensor[:1].round(6)
    data = one.tolist() if nested else one.ravel().tolist()
    answer = client.post(INFER, json={"id": "7", "inputs": [described(one, data=data)]}).get_json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == (NAME, bundle.load().version, "7")
    outputs = {output["name"]: output for output in answer["outputs"]}
    assert {name: output["shape"] for name, output in outputs.items()} == {
        "probabilities": [1, 3],
        "logits": [1, 3],
        "features": [1, 512],
    }
    predicted = client.post("/predict", data=slice_file("covid", 1), content_type="image/png").get_json()
    expected = list(predicted["predictions"][0]["probabilities"].values())
    assert outputs["probabilities"]["data"] == pytest.approx(expected, abs=1e-4)


def post_raw(client: FlaskClient, tensor: Any, members: dict[str, Any], raw: bytes) -> TestResponse:
    head = json.dumps({"inputs": [described(tensor, parameters={"binary_data_size": len(raw)})], **members}).encode()
    headers = {JSON_LENGTH: str(len(head))}
    return client.post(INFER, data=head + raw, headers=headers, content_type="application/octet-stream")


def test_raw_values_come_and_go_after_the_json(client: FlaskClient, tensor: Any) -> None:
    outputs = [{"name": "logits", "parameters": {"binary_data": True}}, {"name": "probabilities"}]
    response = post_raw(client, tensor, {"outputs": outputs}, tensor.tobytes())
    length = int(response.headers[JSON_LENGTH])
    logits, probabilities = json.loads(response.data[:length])["outputs"]
    assert logits == {"name": "logits", "datatype": "FP32", "shape": [2, 3], "parameters": {"binary_data_size": 24}}
    calibration = bundle.load().calibration
    assert calibration
    expected = calibration.probabilities(np.frombuffer(response.data[length:], "<f4").reshape(2, 3))
    assert probabilities["data"] == pytest.approx(expected.ravel().tolist(), abs=1e-5)


def test_what_the_network_does_not_take_is_refused_with_the_reason(client: FlaskClient, tensor: Any) -> None:
    one, zeros = tensor[:1], [0] * tensor[0].size
    wrong: dict[str, dict[str, Any]] = {
        "list of one tensor": {"inputs": []},
        "the name": {"inputs": [{**described(one, data=zeros), "name": "image"}]},
        "datatype FP32": {"inputs": [{**described(one, data=zeros), "datatype": "UINT8"}]},
        r"\[n, 256, 256, 3\]": {"inputs": [{**described(one, data=zeros), "shape": [1, 3, 256, 256]}]},
        "From 1 to 64": {"inputs": [{**described(one, data=zeros), "shape": [65, 256, 256, 3]}]},
        "196,608 values; 5 came": {"inputs": [described(one, data=[0] * 5)]},
        "between 0 and 1": {"inputs": [described(one, data=[*zeros[1:], 255])]},
        "not between 0 and 1": {"inputs": [described(one, data=[*zeros[1:], float("nan")])]},
        "between": {"inputs": [described(one, data=[*zeros[1:], 1e300])]},
        "list of numbers": {"inputs": [described(one, data=["a"])]},
        '"data" must': {"inputs": [described(one, data=[[1], [1, 2]])]},
        "bytes after the JSON": {"inputs": [described(one, parameters={"binary_data_size": 4})]},
        '"outputs"': {"inputs": [described(one, data=zeros)], "outputs": [{"name": "label"}]},
        '"parameters"': {"inputs": [described(one, data=zeros)], "parameters": 5},
        '"id"': {"inputs": [described(one, data=zeros)], "id": 5},
    }
    for reason, body in wrong.items():
        problem = assert_problem(client.post(INFER, json=body), 400, "invalid_tensor")
        assert problem["error"] == problem["detail"]
        with pytest.raises(AssertionError, match=reason):
            raise AssertionError(problem["detail"])


def test_bodies_that_are_not_of_the_protocol_are_refused(client: FlaskClient, tensor: Any) -> None:
    assert_problem(client.post(INFER, data=b"[" * 10**5), 400, "invalid_json")
    assert_problem(client.post(INFER, data=b"{}", headers={JSON_LENGTH: "3"}), 400, "invalid_tensor")
    assert_problem(client.post(INFER, data=b"{}", headers={JSON_LENGTH: "-1"}), 400, "invalid_tensor")
    assert_problem(post_raw(client, tensor[:1], {}, tensor[:1].tobytes()[:-3]), 400, "invalid_tensor")
    assert_problem(client.post(INFER, data=b" " * (8 * 2**20 + 1)), 413, "too_large")
    assert_problem(client.post(INFER, data=bytes(33 * 2**20)), 413, "too_large")


def test_another_network_is_not_found_and_the_error_is_where_the_protocol_has_it(client: FlaskClient) -> None:
    for path in ("/v2/models/resnet", f"/v2/models/{NAME}/versions/9", "/v2/models/resnet/ready"):
        problem = assert_problem(client.get(path), 404, "not_found")
        assert NAME in problem["error"]


def test_channels_that_differ_are_refused(client: FlaskClient, tensor: Any) -> None:
    """The network is served on gray: whoever sends a colour picture would get the answer for its red."""
    coloured = tensor[:1].copy()
    coloured[..., 1] = 0
    response = post_raw(client, coloured, {}, coloured.tobytes())
    assert_problem(response, 400, "invalid_tensor")
