"""The OpenAPI description of the API, made from the settings and the table of problems."""

from collections.abc import Collection, Mapping
from typing import Any

from app.classification import DISCLAIMER
from app.errors import KINDS
from app.uploads import MAX_FILENAME, RAW_TYPES
from model.labels import LABELS

Schema = dict[str, Any]


def document(settings: Mapping[str, Any]) -> Schema:
    """The OpenAPI 3.1 document of this server."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CovidScanner",
            "version": "1",
            "summary": "Classifies chest CT slices as non-COVID, COVID-19 or common pneumonia.",
            "description": f"{DISCLAIMER} Nothing that is sent is kept.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/predict": {"post": _predict(settings)},
            "/healthz": {"get": _get("healthz", "Is the process alive?", "Status")},
            "/readyz": {"get": _get("readyz", "Is the network loaded?", "Ready")},
            "/model": {"get": _get("model", "The card of the network that is served", "Card")},
        },
        "components": {"schemas": _schemas()},
    }


def _predict(settings: Mapping[str, Any]) -> Schema:
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    form = {"type": "object", "properties": {"file": {"type": "array", "items": file}}, "required": ["file"]}
    raw = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
    return {
        "operationId": "predict",
        "summary": "Classify CT slices",
        "description": (
            f"Up to {settings['MAX_FILES']} pictures and {settings['MAX_BODY_BYTES']:,} bytes a request; PNG, JPEG, "
            "WebP, TIFF or BMP, told by their content. `predictions` has one entry a file, in the order sent; a file "
            "that cannot be classified has an `error` and does not stop the others. When the only file, or every "
            "file, fails, the answer is a problem."
        ),
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "application/json": {"schema": {"anyOf": [_ref("Image"), _ref("Images")]}},
                "image/*": raw,
                **dict.fromkeys(RAW_TYPES, raw),
            },
        },
        "responses": {
            "200": _response("One entry a file", "Predictions"),
            **_problem_responses(400, 413, 415, 422, 500),
        },
    }


def _get(name: str, summary: str, schema: str) -> Schema:
    responses = {"200": _response(summary, schema), **_problem_responses(500)}
    return {"operationId": name, "summary": summary, "responses": responses}


def _response(description: str, schema: str, media_type: str = "application/json") -> Schema:
    return {"description": description, "content": {media_type: {"schema": _ref(schema)}}}


def _problem_responses(*statuses: int) -> Schema:
    return {
        str(status): _response(
            ", ".join(f"`{code}`" for code, kind in KINDS.items() if kind.status == status),
            "Problem",
            "application/problem+json",
        )
        for status in statuses
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(optional: Collection[str] = (), /, **properties: Schema) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _schemas() -> Schema:
    text: Schema = {"type": "string"}
    filename: Schema = {"type": ["string", "null"], "maxLength": MAX_FILENAME}
    probability: Schema = {"type": "number", "minimum": 0, "maximum": 1}
    status: Schema = {"type": "integer", "enum": sorted({kind.status for kind in KINDS.values()})}
    code: Schema = {"type": "string", "enum": list(KINDS)}
    entries: Schema = {"type": "array", "items": {"oneOf": [_ref("Prediction"), _ref("Failure")]}}
    base64: Schema = {"type": "string", "contentEncoding": "base64"}
    return {
        "Image": _object({"filename"}, image=base64, filename={"type": "string", "maxLength": MAX_FILENAME}),
        "Images": _object(images={"type": "array", "items": _ref("Image")}),
        "Model": _object(name=text, version=text, sha256={"type": "string", "pattern": "^[0-9a-f]{64}$"}),
        "Prediction": _object(
            filename=filename,
            label={"type": "string", "enum": list(LABELS)},
            probabilities=_object(**dict.fromkeys(LABELS, probability)),
        ),
        "Failure": _object(filename=filename, error=_object(status=status, code=code, title=text, detail=text)),
        "Predictions": _object(model=_ref("Model"), predictions=entries, request_id=text, disclaimer=text),
        "Problem": _object(
            {"model", "predictions", "disclaimer"},
            type=text,
            status=status,
            code=code,
            title=text,
            detail=text,
            request_id=text,
            model=_ref("Model"),
            predictions=entries,
            disclaimer=text,
        ),
        "Status": _object(status=text),
        "Ready": _object(status=text, engine=text, model=_ref("Model")),
        "Card": {"type": "object"},
    }
