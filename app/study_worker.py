"""What a Celery worker runs: `celery --app app.study_worker worker`. It reads studies as a web process would.

The network is loaded in each of the worker's processes, once. Settings come from the environment, as for the server.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import worker_process_init
from flask import Flask, g, request

from app import background, config, create_app, encoding
from app.classification import predictor
from app.errors import Problem, problem_body, problem_of_unexpected
from app.parameters import read_options
from app.payload import Answer, Payload
from app.studies import study_events, too_slow
from app.uploads import Upload
from app.vault import TooManyAttemptsError, Vault
from model import bundle
from model.errors import BundleError
from model.machine import give_back_memory
from model.study import Study


def _settings() -> dict[str, Any]:
    """From the environment; where the worker cannot work with them, it ends with a line that says why."""
    try:
        settings = config.read(os.environ)
        if not settings["BROKER_URL"]:
            raise config.ConfigurationError("A worker needs COVIDSCANNER_BROKER_URL.")
        bundle.load(settings["BUNDLE"])  # again in each of its processes, where a fault would be found too late
    except (config.ConfigurationError, BundleError) as error:
        sys.exit(f"CovidScanner cannot start: {error}")
    return settings


SETTINGS: Final = _settings()

app = background.celery(SETTINGS)

_loaded: dict[str, Any] = {}


@worker_process_init.connect  # type: ignore[untyped-decorator]
def load(**_: object) -> None:
    """Load the network, when a process of the worker begins."""
    give_back_memory()
    _loaded.update(flask=create_app(), vault=background.vault(SETTINGS))


@app.task(name=background.TASK)  # type: ignore[untyped-decorator]
def read_study(study: str) -> None:
    """Read a study that waits, and leave its answer. Raises nothing of the study's own."""
    flask: Flask = _loaded["flask"]
    vault: Vault = _loaded["vault"]
    try:
        payload = vault.take(study)
    except TooManyAttemptsError:
        payload = Payload("", None, "", [])
        with _request(flask, payload):
            _finish(vault, study, Problem("internal_error", "Reading the study ended its worker several times."))
        return
    if payload is not None:
        with _request(flask, payload):
            _read(vault, study, payload)


@contextmanager
def _request(flask: Flask, payload: Payload) -> Iterator[None]:
    """The context of the request that sent the study: what it asked for counts here, too."""
    with flask.test_request_context(f"/studies?{payload.query}", method="POST"):
        g.request_id = payload.request_id
        yield


def _read(vault: Vault, study: str, payload: Payload) -> None:
    uploads = [Upload(name or None, data) for name, data in payload.files]
    try:
        options = read_options(request, predictor().bundle.labels)
        for event in study_events(uploads, payload.series, options):
            if isinstance(event, Study):
                vault.finish(study, Answer(200, encoding.study(event)))
                return
            if not vault.report(study, encoding.line(event)["progress"]):
                return  # nobody waits for it any more
    except SoftTimeLimitExceeded:
        _finish(vault, study, too_slow())
    except Problem as problem:
        _finish(vault, study, problem)
    except Exception as error:  # noqa: BLE001 - whatever it is, the study ends, and its sender is told
        _finish(vault, study, problem_of_unexpected(error))


def _finish(vault: Vault, study: str, problem: Problem) -> None:
    vault.finish(study, Answer(problem.status, problem_body(problem)))
