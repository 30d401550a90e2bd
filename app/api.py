"""The API: what programs call. Every error is a problem (RFC 9457); see `app.errors`."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template, request, stream_with_context

from app import encoding, metrics, openapi
from app.admission import admitted, queue
from app.classification import classify, predictor
from app.errors import Problem, problem_body, problem_of_unexpected, problem_response
from app.parameters import read_options
from app.studies import Event, study_answer, study_events, wanted_series
from app.uploads import Allowance, read_uploads
from app.volumes import stack_of
from model import model_card
from model.isolation import reading_process

blueprint = Blueprint("api", __name__)


@blueprint.post("/predict")
@admitted
def predict() -> Response:
    """Classify the pictures of the request."""
    options = read_options(request, predictor().bundle.labels)
    results = classify(read_uploads(request, Allowance.of_slices()), options)
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
    queue().check()
    options = read_options(request, predictor().bundle.labels)
    reading_process().start()  # it gets ready while the files come in
    uploads, series = read_uploads(request, Allowance.of_study()), wanted_series(request)
    if request.accept_mimetypes.best_match(["application/json", encoding.NDJSON]) != encoding.NDJSON:
        return jsonify(encoding.study(study_answer(uploads, series, options)))
    events = study_events(uploads, series, options)
    first = next(events)  # what fails before it is answered as a problem, like everywhere
    return Response(stream_with_context(_lines(chain([first], events))), mimetype=encoding.NDJSON)


@blueprint.post("/volumes")
def volumes() -> Response:
    """The files of the request as one volume to look at: a NIfTI file, sent while it is decoded."""
    reading_process().start()
    stack = stack_of(read_uploads(request, Allowance.of_study()), wanted_series(request))
    headers = {"Content-Length": str(stack.size), "Content-Disposition": "attachment; filename=volume.nii"}
    return Response(stack.parts(), headers=headers, mimetype=encoding.NIFTI)


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
    return jsonify(openapi.document(current_app.config))


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
