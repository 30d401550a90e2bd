"""The part of the OpenAPI document that describes `app.inference`."""

from typing import Final

from app.inference import INPUT, OUTPUTS, SERVER, input_shape
from app.schema import ANY, Schema, get, problems, record, ref, response
from app.tensors import DATATYPE, JSON_LENGTH
from model.bundle import Bundle

_TEXT: Final[Schema] = {"type": "string"}
_TRUTH: Final[Schema] = {"type": "boolean"}
_SIZE: Final[Schema] = {"type": "integer", "minimum": -1}
_DATATYPE: Final[Schema] = {"type": "string", "const": DATATYPE}
_OUTPUT: Final[Schema] = {"type": "string", "enum": list(OUTPUTS)}


def paths(bundle: Bundle) -> Schema:
    """The addresses of the Open Inference Protocol, for the network of this bundle."""
    name, version = _parameter("name", bundle.name), _parameter("version", bundle.version)
    model, versioned = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"
    return {
        "/v2": {"get": get("v2", "What this server is, for the Open Inference Protocol", "InferenceServer")},
        "/v2/health/live": {"get": get("v2Live", "Is the process alive?", "Live")},
        "/v2/health/ready": {"get": get("v2Ready", "Is the network loaded?", "InferenceReady")},
        **_of_model("v2Model", model, name),
        **_of_model("v2Version", versioned, name, version),
    }


def _of_model(operation: str, path: str, *parameters: Schema) -> Schema:
    metadata = get(operation, "The network's inputs and outputs", "InferenceModel", 404)
    ready = get(f"{operation}Ready", "Is the network of this name loaded?", "ModelReady", 404)
    given = {"parameters": list(parameters)}
    return {
        path: {**given, "get": metadata},
        f"{path}/ready": {**given, "get": ready},
        f"{path}/infer": {**given, "post": _infer(f"{operation}Infer")},
    }


def _infer(operation: str) -> Schema:
    answer = response("The outputs asked for; all of them by default", "InferenceAnswer")
    answer["content"]["application/octet-stream"] = {"schema": _TEXT}
    answer["headers"] = {
        JSON_LENGTH: {"schema": {"type": "integer"}, "description": "Where raw values follow: how many bytes are JSON"}
    }
    return {
        "operationId": operation,
        "summary": "Run the network on preprocessed slices",
        "description": (
            f"JSON, or JSON followed by the raw values (little-endian {DATATYPE}), whose beginning the header "
            f"`{JSON_LENGTH}` tells."
        ),
        "parameters": [
            {"name": JSON_LENGTH, "in": "header", "description": "Bytes of JSON", "schema": {"type": "integer"}}
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": ref("InferenceRequest")},
                "application/octet-stream": {"schema": _TEXT},
            },
        },
        "responses": {"200": answer, **problems(400, 404, 413, 503, *ANY)},
    }


def schemas(bundle: Bundle) -> Schema:
    """What the addresses take and give."""
    tensors = _list(record(name=_TEXT, datatype=_DATATYPE, shape=_list(_SIZE)))
    return {
        "InferenceServer": record(name=_const(SERVER["name"]), version=_TEXT, extensions=_list(_TEXT)),
        "Live": record(live=_TRUTH),
        "InferenceReady": record(ready=_TRUTH),
        "ModelReady": record(name=_const(bundle.name), ready=_TRUTH),
        "InferenceModel": record(
            name=_const(bundle.name), versions=_list(_TEXT), platform=_TEXT, inputs=tensors, outputs=tensors
        ),
        "InferenceRequest": _request(bundle),
        "InferenceAnswer": _answer(bundle),
    }


def _request(bundle: Bundle) -> Schema:
    shape = {**_list(_SIZE), "minItems": 4, "maxItems": 4}
    shape["description"] = f"Slices, {', '.join(map(str, input_shape(bundle)))}"
    tensor = record(
        {"parameters", "data"},
        name=_const(INPUT),
        datatype=_DATATYPE,
        shape=shape,
        parameters=record({"binary_data_size"}, binary_data_size={"type": "integer", "minimum": 0}),
        data={"type": "array", "description": "Numbers from 0 to 1: flat, or as the shape nests them"},
    )
    wanted = record({"parameters"}, name=_OUTPUT, parameters=record({"binary_data"}, binary_data=_TRUTH))
    return record(
        {"id", "parameters", "outputs"},
        id=_TEXT,
        parameters=record({"binary_data_output"}, binary_data_output=_TRUTH),
        inputs={**_list(tensor), "minItems": 1, "maxItems": 1},
        outputs=_list(wanted),
    )


def _answer(bundle: Bundle) -> Schema:
    tensor = record(
        {"data", "parameters"},
        name=_OUTPUT,
        datatype=_DATATYPE,
        shape=_list(_SIZE),
        data=_list({"type": "number"}),
        parameters=record(binary_data_size={"type": "integer"}),
    )
    return record(
        {"id"},
        id=_TEXT,
        model_name=_const(bundle.name),
        model_version=_const(bundle.version),
        outputs=_list(tensor),
    )


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _const(value: object) -> Schema:
    return {"type": "string", "const": value}


def _parameter(name: str, value: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "enum": [value]}}
