"""The OpenAPI description of the API, made from the settings and the table of problems."""

from collections.abc import Mapping
from typing import Any, Final, get_args

from app import openapi_inference
from app.classification import DISCLAIMER
from app.encoding import NDJSON, NIFTI
from app.errors import KINDS
from app.schema import ANY, Schema, get, problems, record, ref, response
from app.uploads import MAX_FILENAME, RAW_TYPES
from model.bundle import Bundle
from model.calibration import LEVEL, LEVELS
from model.labels import LABELS
from model.predictor import Abstained
from model.study_rule import COMBINATIONS

_FILE: Final = {"type": "string", "contentMediaType": "application/octet-stream"}
"""The bytes of a file."""


def document(settings: Mapping[str, Any], bundle: Bundle) -> Schema:
    """The OpenAPI 3.1 document of a server with these settings, of this network."""
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
            "/studies": {"post": _studies(settings)},
            "/studies/{study}": {"parameters": [_STUDY], "get": _standing(), "delete": _cancel()},
            "/volumes": {"post": _volumes(settings)},
            "/healthz": {"get": get("healthz", "Is the process alive?", "Status")},
            "/readyz": {"get": get("readyz", "Is the network loaded?", "Ready")},
            "/metrics": {"get": _metrics()},
            "/model": {"get": get("model", "The card of the network that is served", "Card")},
            **openapi_inference.paths(bundle),
        },
        "components": {"schemas": {**_schemas(), **openapi_inference.schemas(bundle)}},
    }


def _predict(settings: Mapping[str, Any]) -> Schema:
    return {
        "operationId": "predict",
        "summary": "Classify CT slices",
        "description": (
            f"Up to {settings['MAX_FILES']} slices and {settings['MAX_BODY_BYTES']:,} bytes a request; DICOM, NIfTI of "
            "one slice, PNG, JPEG, WebP, TIFF or BMP, told by their content. `predictions` has one entry a file, in "
            "the order sent; a file that cannot be classified has an `error` and does not stop the others. When the "
            "only file, or every file, fails, the answer is a problem."
        ),
        "parameters": _options(),
        "requestBody": _body(),
        "responses": {
            "200": response("One entry a file", "Predictions"),
            **problems(400, 413, 415, 422, 503, *ANY),
        },
    }


def _studies(settings: Mapping[str, Any]) -> Schema:
    return {
        "operationId": "studies",
        "summary": "Classify a CT study",
        "description": (
            f"Up to {settings['MAX_STUDY_FILES']} files and {settings['MAX_STUDY_BYTES']:,} bytes of one patient: "
            "DICOM, NIfTI, pictures, or a zip, tar or tar.gz of them. The series that shows the lung best is read, and "
            f"its slices get one answer. With `Accept: {NDJSON}` the answer comes line by line: `progress` and, for "
            "each slice, `slice`; the last line is the study, or a `problem`. With `Prefer: respond-async` a server "
            "that has workers answers 202, and the answer comes from the address in `Location`."
        ),
        "parameters": [_series_parameter(), _PREFER, *_options()],
        "requestBody": _body(),
        "responses": {
            "200": {
                "description": "One answer for the study",
                "content": {"application/json": {"schema": ref("Study")}, NDJSON: {"schema": ref("Line")}},
            },
            "202": _accepted(),
            **problems(400, 413, 415, 422, 503, *ANY),
        },
    }


def _options() -> list[Schema]:
    """What may be asked for in the address; see `app.parameters`."""

    def parameter(name: str, description: str, **schema: Any) -> Schema:
        return {"name": name, "in": "query", "description": description, "schema": schema}

    return [
        parameter(
            "abstain",
            "Whether `label` is null, with the reason in `abstained`, where there is doubt",
            type="boolean",
            default=True,
        ),
        parameter("explain", "Whether to add `heatmap`", type="boolean", default=False),
        parameter("class", "Whose heatmap; that of the most probable class by default", type="string", enum=[*LABELS]),
        parameter(
            "level",
            "How often `prediction_set` shall hold the true label, in patients like those it was calibrated on",
            type="number",
            enum=[*LEVELS],
            default=LEVEL,
        ),
    ]


def _volumes(settings: Mapping[str, Any]) -> Schema:
    return {
        "operationId": "volumes",
        "summary": "Turn files into a volume to look at",
        "description": (
            f"Up to {settings['MAX_STUDY_FILES']} files and {settings['MAX_STUDY_BYTES']:,} bytes, as for `/studies`, "
            "whose series and numbers of slices these are. The answer is an uncompressed NIfTI-1 file: whole "
            "Hounsfield units (int16), or 8-bit gray of pictures, each slice turned to the standard view, from the "
            "feet upwards. A comment in its header extension has `unit`, `corners_mm`, `positions_mm`, `set_aside` "
            "and more, as JSON. A slice that cannot be decoded is -32768 throughout; of pictures, 0."
        ),
        "parameters": [_series_parameter()],
        "requestBody": _body(),
        "responses": {
            "200": {"description": "The volume", "content": {NIFTI: {"schema": _FILE}}},
            **problems(400, 413, 415, 422, 500),
        },
    }


_PREFER: Final[Schema] = {
    "name": "Prefer",
    "in": "header",
    "description": "`respond-async`: hand the study to a worker, where the server has any (RFC 7240)",
    "schema": {"type": "string"},
}

_STUDY: Final[Schema] = {
    "name": "study",
    "in": "path",
    "required": True,
    "description": "As `Location` names it",
    "schema": {"type": "string"},
}


def _standing() -> Schema:
    return {
        "operationId": "study",
        "summary": "The answer for a study that was handed to a worker",
        "description": "202 while it is being read; then what the request itself would have been answered.",
        "responses": {
            "200": response("The answer for the study", "Study"),
            "202": _accepted(),
            **problems(404, 413, 415, 422, 503, *ANY),
        },
    }


def _cancel() -> Schema:
    return {
        "operationId": "cancelStudy",
        "summary": "Stop reading a study, and forget it and its answer",
        "responses": {"204": {"description": "It is forgotten"}, **problems(404, 503, *ANY)},
    }


def _accepted() -> Schema:
    location = {"schema": {"type": "string"}, "description": "Where the answer will be"}
    return {**response("A worker has the study, or will", "Accepted"), "headers": {"Location": location}}


def _series_parameter() -> Schema:
    return {
        "name": "series",
        "in": "query",
        "description": "UID of the series to read, as `series` and `set_aside` name them; also a form field",
        "schema": {"type": "string"},
    }


def _body() -> Schema:
    """The ways in which files come; see `app.uploads`."""
    form = {
        "type": "object",
        "properties": {"file": {"type": "array", "items": _FILE, "minItems": 1}},
        "required": ["file"],
    }
    content = {
        "multipart/form-data": {"schema": form},
        "application/json": {"schema": {"anyOf": [ref("Image"), ref("Images")]}},
        **{media_type: {"schema": _FILE} for media_type in ("image/*", *RAW_TYPES)},
    }
    return {"required": True, "content": content}


def _metrics() -> Schema:
    content = {"text/plain": {"schema": {"type": "string"}}}
    responses = {"200": {"description": "Prometheus' text format", "content": content}, **problems(*ANY)}
    return {"operationId": "prometheus", "summary": "Counts and times, for Prometheus", "responses": responses}


def _schemas() -> Schema:
    text: Schema = {"type": "string"}
    filename: Schema = {"type": ["string", "null"], "maxLength": MAX_FILENAME}
    probability: Schema = {"type": "number", "minimum": 0, "maximum": 1}
    status: Schema = {"type": "integer", "enum": sorted({kind.status for kind in KINDS.values()})}
    code: Schema = {"type": "string", "enum": list(KINDS)}
    entries: Schema = {"type": "array", "items": {"oneOf": [ref("Prediction"), ref("Failure")]}}
    base64: Schema = {"type": "string", "contentEncoding": "base64"}
    return {
        "Image": record({"filename"}, image=base64, filename={"type": "string", "maxLength": MAX_FILENAME}),
        "Images": record(images={"type": "array", "items": ref("Image"), "minItems": 1}),
        "Model": record(name=text, version=text, sha256={"type": "string", "pattern": "^[0-9a-f]{64}$"}),
        "Prediction": record(
            {"prediction_set", "level", "gate", "heatmap"}, filename=filename, **_answer(), heatmap=ref("Heatmap")
        ),
        "Gate": record(accepted={"type": "boolean"}, score=probability, reason={"type": ["string", "null"]}),
        "Heatmap": record(
            label={"type": "string", "enum": list(LABELS)},
            image={"type": "string", "pattern": "^data:image/png;base64,"},
            values={"type": "array", "items": {"type": "array", "items": probability}},
        ),
        "Probabilities": record(**dict.fromkeys(LABELS, probability)),
        "Failure": record(filename=filename, error=record(status=status, code=code, title=text, detail=text)),
        "Predictions": record(model=ref("Model"), predictions=entries, request_id=text, disclaimer=text),
        "Problem": record(
            {"model", "predictions", "disclaimer"},
            type=text,
            status=status,
            code=code,
            title=text,
            detail=text,
            request_id=text,
            model=ref("Model"),
            predictions=entries,
            disclaimer=text,
        ),
        **_study_schemas(),
        "Status": record(status=text),
        "Ready": record(status=text, engine=text, model=ref("Model"), answers_without={"type": "array", "items": text}),
        "Card": {"type": "object"},
    }


def _answer() -> Schema:
    """What is said of a slice and of a study alike."""
    return {
        "label": {"type": ["string", "null"], "enum": [*LABELS, None]},
        "abstained": {"type": ["string", "null"], "enum": [*get_args(Abstained), None]},
        "probabilities": ref("Probabilities"),
        "prediction_set": {"type": "array", "items": {"type": "string", "enum": list(LABELS)}},
        "level": {"type": "number", "enum": list(LEVELS)},
        "gate": ref("Gate"),
    }


def _study_schemas() -> Schema:
    text: Schema = {"type": "string"}
    count: Schema = {"type": "integer", "minimum": 0}
    share: Schema = {"type": "number", "minimum": 0, "maximum": 1}
    millimetres: Schema = {"type": ["number", "null"]}
    notes: Schema = {"type": "array", "items": record({"series"}, what=text, reason=text, series=text)}
    return {
        "Study": record(
            {"prediction_set", "level", "gate"},
            model=ref("Model"),
            **_answer(),
            rule=record(
                name={"type": "string", "enum": list(COMBINATIONS)},
                threshold=share,
                slice_threshold=share,
                positive_share=share,
                lung_slices=count,
            ),
            series=record(
                uid=text,
                description=text,
                slices=count,
                spacing_mm=millimetres,
                thickness_mm=millimetres,
                gaps=count,
            ),
            set_aside=notes,
            slices={"type": "array", "items": ref("StudySlice")},
            skipped=notes,
            request_id=text,
            disclaimer=text,
        ),
        "StudySlice": record(
            {"rank", "prediction_set", "level", "gate", "heatmap"},
            index=count,
            position_mm=millimetres,
            **_answer(),
            heatmap=ref("Heatmap"),
            rank=count,
        ),
        "Accepted": record(
            id=text,
            state={"type": "string", "enum": ["queued", "running"]},
            progress={"anyOf": [ref("Progress"), {"type": "null"}]},
        ),
        "Progress": record(stage={"type": "string", "enum": ["files", "slices"]}, done=count, total=count),
        "Line": {
            "anyOf": [
                record({"slice"}, progress=ref("Progress"), slice=ref("StudySlice")),
                ref("Study"),
                record(problem=ref("Problem")),
            ]
        },
    }
