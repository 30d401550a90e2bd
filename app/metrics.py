"""Numbers for Prometheus, of all workers together, and a line of JSON for each request.

Nothing of a patient is in them: no file name, no text that a client sent.
"""

import json
import logging
import time
from collections.abc import Iterable

from flask import Flask, Response, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app.admission import queue
from app.classification import Result

SCORES = [0.1 * n for n in range(1, 21)]
REQUESTS = Counter("covidscanner_requests_total", "Answers, by end point and status", ["endpoint", "status"])
ERRORS = Counter("covidscanner_errors_total", "Problems, by code", ["code"])
SECONDS = Histogram("covidscanner_request_seconds", "Seconds from a request to its answer", ["endpoint"])
STAGES = Histogram("covidscanner_stage_seconds", "Seconds of a request's stages; `queue` is its wait", ["stage"])
LABELS = Counter("covidscanner_labels_total", "Predictions, by label", ["label"])
ABSTENTIONS = Counter("covidscanner_abstentions_total", "Predictions without a label, by reason", ["reason"])
GATE = Histogram("covidscanner_gate_score", "How unlike the training data a slice is", buckets=SCORES)
WAITING = Gauge("covidscanner_queue_waiting", "Requests that wait for a place", multiprocess_mode="livesum")

log = logging.getLogger("covidscanner.access")


def init_app(app: Flask) -> None:
    """Count every answer."""
    app.before_request(_begin)
    app.after_request(_count)


def page() -> Response:
    """All numbers, in the text format of Prometheus."""
    registry = CollectorRegistry()
    if current_app.config["METRICS_FOLDER"]:
        MultiProcessCollector(registry, path=current_app.config["METRICS_FOLDER"])  # type: ignore[no-untyped-call]
    else:
        for metric in (REQUESTS, ERRORS, SECONDS, STAGES, LABELS, ABSTENTIONS, GATE, WAITING):
            registry.register(metric)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def count_results(results: Iterable[Result]) -> None:
    """Have what was said of the files of a request counted with its answer: all at once, it costs half."""
    g.results = results


def _count_results() -> None:
    for result in g.get("results", ()):
        if result.problem:
            ERRORS.labels(result.problem.code).inc()
        if result.prediction:
            _count_prediction(result.prediction)


def _count_prediction(prediction: object) -> None:
    label, abstained = getattr(prediction, "label", None), getattr(prediction, "abstained", None)
    if label:
        LABELS.labels(label).inc()
    if abstained:
        ABSTENTIONS.labels(abstained).inc()
    gate = getattr(prediction, "gate", None)
    if gate is not None:
        GATE.observe(gate.score)


def _begin() -> None:
    g.began = time.perf_counter()


def _count(response: Response) -> Response:
    endpoint = request.endpoint or "none"
    seconds = time.perf_counter() - g.get("began", time.perf_counter())
    REQUESTS.labels(endpoint, response.status_code).inc()
    SECONDS.labels(endpoint).observe(seconds)
    if "problem" in g:
        ERRORS.labels(g.problem).inc()
    stages = g.get("stages", {})
    for name, duration in stages.items():
        STAGES.labels(name).observe(duration)
    _count_results()
    WAITING.set(queue().waiting)
    line = {
        "request_id": g.get("request_id"),
        "endpoint": endpoint,
        "status": response.status_code,
        "code": g.get("problem"),
        "bytes_in": request.content_length,
        "bytes_out": response.content_length,
        "seconds": round(seconds, 4),
        "queued": round(stages.get("queue", 0.0), 4),
    }
    log.info(json.dumps(line))
    return response
