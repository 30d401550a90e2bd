"""The API: what programs call. Every error is a problem (RFC 9457); see `app.errors`."""

from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request

from app import openapi
from app.classification import DISCLAIMER, Result, classify, predictor
from app.errors import Problem, problem_response
from app.uploads import read_uploads

blueprint = Blueprint("api", __name__)

DECIMALS = 6
"""Of a probability in an answer; the network computes in float32."""


@blueprint.post("/predict")
def predict() -> Response:
    """Classify the pictures of the request."""
    results = classify(read_uploads(request))
    problems = [result.problem for result in results if result.problem]
    if len(problems) < len(results):
        return jsonify(_answer(results))
    if len(problems) == 1:
        raise problems[0]
    return problem_response(Problem("all_failed", "See the errors of the single files."), **_answer(results))


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> Response:
    """The network is loaded and has run once: the server starts only so."""
    return jsonify(status="ready", engine=predictor().engine.name, model=_model())


@blueprint.get("/model")
def model() -> Response:
    """The card of the network that is served."""
    return jsonify(predictor().bundle.card)


@blueprint.get("/openapi.json")
def openapi_document() -> Response:
    """The description of this API."""
    return jsonify(openapi.document(current_app.config))


def _answer(results: list[Result]) -> dict[str, Any]:
    return {
        "model": _model(),
        "predictions": [_encode(result) for result in results],
        "request_id": g.request_id,
        "disclaimer": DISCLAIMER,
    }


def _model() -> dict[str, str]:
    bundle = predictor().bundle
    return {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256}


def _encode(result: Result) -> dict[str, Any]:
    if result.problem:
        return {"filename": result.filename, "error": result.problem.brief()}
    assert result.prediction
    probabilities = {label: round(p, DECIMALS) for label, p in result.prediction.probabilities.items()}
    return {"filename": result.filename, "label": result.prediction.label, "probabilities": probabilities}
