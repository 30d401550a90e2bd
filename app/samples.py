"""Synthetic files to try the page with, without a patient's."""

from flask import Blueprint, Response, abort, jsonify, url_for

from model.samples import SAMPLES

blueprint = Blueprint("samples", __name__)


@blueprint.get("/samples")
def index() -> Response:
    """Which there are, and where."""
    return jsonify([{"name": name, "url": url_for("samples.sample", name=name)} for name in SAMPLES])


@blueprint.get("/samples/<name>")
def sample(name: str) -> Response:
    """One of them."""
    if name not in SAMPLES:
        abort(404)
    return Response(SAMPLES[name].make(), mimetype=SAMPLES[name].media_type)
