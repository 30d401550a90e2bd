"""The pages: what people open in a browser."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import flask_swagger_ui
from flask import Blueprint, Response, current_app, render_template, request, send_from_directory

from app import documents, errors, metrics, openapi
from app.admission import admitted
from app.classification import DISCLAIMER, classify, predictor
from app.studies import is_study, study_answer, wanted_series
from app.uploads import Allowance, Upload, read_uploads
from model.images import FORMATS
from model.labels import TITLES

blueprint = Blueprint("pages", __name__)

SWAGGER_UI = Path(flask_swagger_ui.__file__).parent / "dist"
"""The API browser's own files, from its package: nothing is fetched from another host."""

STRINGS: Final = documents.ROOT / "static" / "strings.json"
"""What the page says, for templates and scripts alike."""

LEVEL: Final = 0.9
"""Of the prediction sets that the page asks for."""


@cache
def _strings() -> Any:
    return json.loads(STRINGS.read_text())


@blueprint.app_context_processor
def _shared() -> dict[str, object]:
    """What every template may use."""
    settings = current_app.config
    return {
        "t": _strings(),
        "settings": {
            # Pairs: Jinja sorts the members of an object.
            "labels": [(label, TITLES[label]) for label in predictor().bundle.labels],
            "maxFiles": settings["MAX_FILES"],
            "maxBytes": settings["MAX_BODY_BYTES"],
            "level": LEVEL,
            "window": vars(predictor().bundle.preprocessing.window),
        },
        "disclaimer": DISCLAIMER,
        "titles": TITLES,
        "labels": predictor().bundle.labels,
        "formats": FORMATS,
        "max_files": settings["MAX_FILES"],
    }


@blueprint.get("/")
def index() -> str:
    """The upload page."""
    return render_template("index.html")


@blueprint.post("/")
@admitted
def upload() -> tuple[str, int]:
    """The upload page with results: how it works without JavaScript, and how its studies are shown."""
    try:
        return render_template("index.html", **_results(read_uploads(request, Allowance.of_study()))), 200
    except errors.Problem as refused:
        return render_template("index.html", problem=refused), refused.status


def _results(uploads: Sequence[Upload]) -> dict[str, object]:
    """One answer for a study; for slices, one each."""
    if not is_study(uploads):
        _check_number(uploads)
        results = classify(uploads)
        metrics.count_results(results)
        if not any(result.problem and result.problem.code == "volume" for result in results):
            return {"results": results}
    return {"study": study_answer(uploads, wanted_series(request))}


def _check_number(uploads: Sequence[Upload]) -> None:
    most = current_app.config["MAX_FILES"]
    if len(uploads) > most:
        raise errors.Problem("too_many_files", f"There are {len(uploads)} slices; at most {most} are read at once.")


@blueprint.get("/problems")
def problems() -> str:
    """What each error code means; the `type` of a problem points here."""
    return render_template("problems.html", kinds=errors.KINDS)


@blueprint.get("/docs")
def docs() -> str:
    """The API, to read."""
    calls = documents.calls(openapi.document(current_app.config, predictor().bundle))
    return render_template("docs.html", calls=calls, examples=documents.examples())


@blueprint.get("/docs/try")
def try_it() -> str:
    """The API, to try."""
    return render_template("try.html")


@blueprint.get("/about")
def about() -> str:
    """Intended use, how to read the figures, privacy."""
    return render_template("about.html")


@blueprint.get("/libraries")
def libraries() -> str:
    """Other people's code in the browser, with version and licence."""
    return render_template("libraries.html", libraries=documents.libraries())


@blueprint.get("/docs/ui/<path:name>")
def swagger_ui(name: str) -> Response:
    """A file of the API browser."""
    return send_from_directory(SWAGGER_UI, name, max_age=86400)
