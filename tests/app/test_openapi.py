import io

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.pictures import NOT_A_PICTURE, slice_file


def test_the_document_is_valid_openapi(client: FlaskClient) -> None:
    validate(client.get("/openapi.json").get_json())


def test_the_document_names_every_address_of_the_api(app: Flask, client: FlaskClient) -> None:
    described = set(client.get("/openapi.json").get_json()["paths"])
    served = {
        str(rule).replace("<", "{").replace(">", "}")
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(("api.", "inference."))
    }
    assert described == served - {"/openapi.json"}


@pytest.mark.parametrize("names", [["a.png"], ["a.png", "b.txt"], ["b.txt"], ["b.txt", "c.txt"], []])
def test_answers_are_as_described(client: FlaskClient, names: list[str]) -> None:
    document = client.get("/openapi.json").get_json()
    contents = [slice_file() if name.endswith("png") else NOT_A_PICTURE for name in names]
    files = [(io.BytesIO(content), name) for content, name in zip(contents, names, strict=True)]
    response = client.post("/predict", data={"file": files})
    described = document["paths"]["/predict"]["post"]["responses"][str(response.status_code)]
    schema = described["content"][response.mimetype]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(response.get_json())


def test_answers_of_the_inference_protocol_are_as_described(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    model = client.get("/model").get_json()["name"]
    tensor = {"name": "slice", "shape": [1, 256, 256, 3], "datatype": "FP32", "data": [0.5] * (256 * 256 * 3)}
    schemas = {"components": document["components"]}
    asked = {"$ref": "#/components/schemas/InferenceRequest", **schemas}
    Draft202012Validator(asked).validate({"inputs": [tensor]})
    for path, method, sent in [
        ("/v2", "get", None),
        ("/v2/models/{name}", "get", None),
        ("/v2/models/{name}/ready", "get", None),
        ("/v2/models/{name}/infer", "post", {"inputs": [tensor]}),
    ]:
        response = client.open(path.format(name=model), method=method.upper(), json=sent)
        described = document["paths"][path][method]["responses"][str(response.status_code)]
        schema = described["content"][response.mimetype]["schema"]
        Draft202012Validator({**schema, **schemas}).validate(response.get_json())
