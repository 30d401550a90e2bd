"""What both faces do with a request's files: the page shows these results, the API encodes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app

from app.admission import check_time
from app.errors import Problem
from app.uploads import Upload
from model.errors import ImageError
from model.predictor import DEFAULT, Options, Prediction, Predictor

DISCLAIMER = "Research use only. Not a medical device; not for diagnosis."


@dataclass(frozen=True)
class Result:
    """What became of one file: a prediction, or a problem."""

    filename: str | None
    prediction: Prediction | None = None
    problem: Problem | None = None


def predictor() -> Predictor:
    """The predictor that was loaded at start-up."""
    loaded: Predictor = current_app.extensions["predictor"]
    return loaded


def classify(uploads: Sequence[Upload], options: Options = DEFAULT) -> list[Result]:
    """Classify each upload by itself: one that fails does not stop the others."""
    return [_classify_one(upload, options) for upload in uploads]


def _classify_one(upload: Upload, options: Options) -> Result:
    if upload.problem:
        return Result(upload.filename, problem=upload.problem)
    check_time()
    try:
        return Result(upload.filename, prediction=predictor().predict(upload.data, options))
    except ImageError as error:
        return Result(upload.filename, problem=Problem.of(error))
