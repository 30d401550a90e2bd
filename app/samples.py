"""Synthetic files to try the page with, without a patient's."""

from typing import Any

from flask import Blueprint, Response, abort, jsonify, url_for

from model.drawn_cases import CASES
from model.samples import SAMPLES

blueprint = Blueprint("samples", __name__)


@blueprint.app_context_processor
def _listed() -> dict[str, Any]:
    """What the upload page offers."""
    return {"samples": list(SAMPLES)}


@blueprint.get("/samples")
def index() -> Response:
    """Which there are, and where."""
    return jsonify([{"name": name, "url": url_for("samples.sample", name=name)} for name in SAMPLES])


@blueprint.get("/samples/<name>")
def sample(name: str) -> Response:
    """One of them, or one of the drawn cases that the page of the card shows."""
    if name in CASES:
        return Response(CASES[name].file(), mimetype="image/png")
    if name not in SAMPLES:
        abort(404)
    return Response(SAMPLES[name].make(), mimetype=SAMPLES[name].media_type)
