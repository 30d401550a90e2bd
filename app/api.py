"""The API: what programs call. Every error is a problem (RFC 9457); see `app.errors`."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, current_app, g, jsonify, render_template, request, stream_with_context

from app import admission, encoding, metrics, openapi
from app.admission import admitted
from app.classification import classify, predictor
from app.errors import Problem, problem_body, problem_of_unexpected, problem_response
from app.parameters import read_options
from app.payload import Payload
from app.stages import stage
from app.studies import Event, study_answer, study_events, time_limit, timely, usable, wanted_series
from app.uploads import Allowance, Upload, read_uploads
from app.volumes import stack_of
from model import model_card
from model.isolation import reading_process

if TYPE_CHECKING:  # importing it brings Celery
    from app.background import Background

blueprint = Blueprint("api", __name__)

PREFERENCE: Final = "respond-async"
"""What a client prefers (RFC 7240) that will come back for the answer."""


@blueprint.post("/predict")
@admitted
def predict() -> Response:
    """Classify the pictures of the request."""
    options = read_options(request, predictor().bundle.labels)
    with stage("receive"):
        uploads = read_uploads(request, Allowance.of_slices())
    with stage("classify"):
        results = classify(uploads, options)
    metrics.count_results(results)
    problems = [result.problem for result in results if result.problem]
    if len(problems) < len(results):
        return jsonify(encoding.answer(results))
    if len(problems) == 1:
        raise problems[0]
    return problem_response(Problem("all_failed", "See the errors of the single files."), **encoding.answer(results))


@blueprint.post("/studies")
def studies() -> Response:
    """Classify the files of the request as one study."""
    later = "background" in current_app.extensions and PREFERENCE in request.headers.get("Prefer", "").lower()
    if not later:
        admission.studies().check()
    options = read_options(request, predictor().bundle.labels)
    reading_process().start()  # it gets ready while the files come in
    with stage("receive"):
        uploads, series = read_uploads(request, Allowance.of_study()), wanted_series(request)
    if later:
        return _handed_over(uploads, series)
    with ExitStack() as held:
        with stage("queue"):
            held.enter_context(admission.studies().place())
        if request.accept_mimetypes.best_match(["application/json", encoding.NDJSON]) != encoding.NDJSON:
            with stage("study"):
                return jsonify(encoding.study(study_answer(uploads, series, options)))
        events = study_events(uploads, series, options)
        first = next(events)  # what fails before it is answered as a problem, like everywhere
        response = Response(stream_with_context(_lines(chain([first], events))), mimetype=encoding.NDJSON)
        response.call_on_close(held.pop_all().close)
        return response


@blueprint.post("/volumes")
def volumes() -> Response:
    """The files of the request as one volume to look at: a NIfTI file, sent while it is decoded."""
    reading_process().start()
    uploads, series, check = read_uploads(request, Allowance.of_study()), wanted_series(request), time_limit()
    stack = stack_of(uploads, series, check)
    headers = {"Content-Length": str(stack.size), "Content-Disposition": "attachment; filename=volume.nii"}
    return Response(timely(stack.parts(), check), headers=headers, mimetype=encoding.NIFTI)


@blueprint.get("/studies/<study>")
def study_standing(study: str) -> Response:
    """How far a study is that was handed to a worker; its answer, as it would have come at once, when it is there."""
    standing = _background().look(study)
    if standing.answer is None:
        return _accepted(study, standing.state, standing.progress)
    response = jsonify(standing.answer.body)
    response.status_code = standing.answer.status
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        response.mimetype = "application/problem+json"
    return response


@blueprint.delete("/studies/<study>")
def cancel_study(study: str) -> Response:
    """Stop reading a study, and forget it and its answer."""
    _background().delete(study)
    return Response(status=HTTPStatus.NO_CONTENT)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> Response:
    """The network is loaded and has run once: the server starts only so."""
    loaded = predictor()
    return jsonify(
        status="ready", engine=loaded.engine.name, model=encoding.model(), answers_without=loaded.bundle.lacks
    )


@blueprint.get("/metrics")
def prometheus() -> Response:
    """Numbers for Prometheus."""
    return metrics.page()


@blueprint.get("/model")
def model() -> Response:
    """The card of the network that is served: JSON, or a page for a browser."""
    card = predictor().bundle.card
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        sections = model_card.sections(card)
        page = render_template("model.html", name=card["name"], version=card["version"], sections=sections)
        answer = Response(page, mimetype="text/html")
    else:
        answer = jsonify(card)
    answer.vary.add("Accept")
    return answer


@blueprint.get("/openapi.json")
def openapi_document() -> Response:
    """The description of this API."""
    return jsonify(openapi.document(current_app.config, predictor().bundle))


def _handed_over(uploads: Sequence[Upload], series: str | None) -> Response:
    """Leave the study for a worker, and say where its answer will be."""
    files = [(upload.filename or "", upload.data) for upload in usable(uploads)]
    study = secrets.token_urlsafe(16)  # who knows it may read the answer
    query = request.query_string.decode("ascii", "replace")
    _background().put(study, Payload(query, series, g.request_id, files))
    response = _accepted(study, "queued", None)
    response.headers["Preference-Applied"] = PREFERENCE
    return response


def _accepted(study: str, state: str, progress: dict[str, Any] | None) -> Response:
    response = jsonify(id=study, state=state, progress=progress)
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = f"/studies/{study}"
    response.headers["Retry-After"] = "1"
    return response


def _background() -> "Background":
    """The way to the workers, where a broker is set."""
    if "background" not in current_app.extensions:
        raise Problem("not_found", "This server reads every study at once, and keeps none.")
    background: Background = current_app.extensions["background"]
    return background


def _lines(events: Iterator[Event]) -> Iterator[str]:
    """Newline-delimited JSON; what fails after the first line is a problem in the last."""
    try:
        for event in events:
            yield _line(encoding.line(event))
    except Problem as problem:
        yield _line({"problem": problem_body(problem)})
    except Exception as error:  # noqa: BLE001 - the answer has begun, so that no error handler can speak any more
        yield _line({"problem": problem_body(problem_of_unexpected(error))})


def _line(members: dict[str, Any]) -> str:
    return current_app.json.dumps(members, indent=None, separators=(",", ":")) + "\n"
