"""What both faces do with the files of a study: one answer for all of them."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from flask import Request, current_app

from app.classification import predictor
from app.errors import Problem
from app.uploads import Upload
from model.archives import SourceFile
from model.errors import ImageError
from model.header import Limits
from model.kinds import ARCHIVES, kind_of
from model.predictor import DEFAULT, Options
from model.selection import Progress
from model.study import Seen, Study, predict_study

Event = Progress | Seen | Study
T = TypeVar("T")


def is_study(uploads: Sequence[Upload]) -> bool:
    """Whether the files belong together, rather than being slices to answer one by one."""
    kinds = [kind_of(upload.data) for upload in uploads]
    return kinds.count("dicom") > 1 or any(kind in ("nifti", *ARCHIVES) for kind in kinds)


def study_events(uploads: Sequence[Upload], series: str | None = None, options: Options = DEFAULT) -> Iterator[Event]:
    """Classify the files as one study; see `model.study.predict_study`.

    Raises:
        Problem: a file name cannot be used, the files hold nothing that can be classified, or it takes too long.
    """
    sources = sources_of(uploads)
    try:
        yield from timely(predict_study(predictor(), sources, limits(), series, options), time_limit())
    except ImageError as error:
        raise Problem.of(error) from None


def time_limit() -> Callable[[], None]:
    """What to call between two steps of a study: it raises the Problem when the study's time, from now, is over."""
    end = time.monotonic() + current_app.config["STUDY_SECONDS"]

    def check() -> None:
        if time.monotonic() > end:
            raise too_slow()

    return check


def timely(steps: Iterator[T], check: Callable[[], None]) -> Iterator[T]:
    """The same steps, with a look at the clock after each."""
    for step in steps:
        check()
        yield step


def too_slow() -> Problem:
    """What a client is told whose study takes longer than it may."""
    return Problem("too_slow", "Reading took too long. Send one series of fewer slices.")


def sources_of(uploads: Sequence[Upload]) -> list[SourceFile]:
    """What `model` reads of a request. Raises the problem of a file name that cannot be used."""
    return [SourceFile(upload.filename or "", partial(_content, upload)) for upload in usable(uploads)]


def usable(uploads: Sequence[Upload]) -> Sequence[Upload]:
    """The same files. Raises the Problem of the first that cannot be used."""
    for upload in uploads:
        if upload.problem:
            raise upload.problem
    return uploads


def study_answer(uploads: Sequence[Upload], series: str | None = None, options: Options = DEFAULT) -> Study:
    """The answer alone. Raises as `study_events`."""
    *_, study = study_events(uploads, series, options)
    assert isinstance(study, Study)
    return study


def wanted_series(request: Request) -> str | None:
    """The UID of the series that the request asks for, in its address or its form."""
    return request.values.get("series") or None


def limits() -> Limits:
    """What the files may ask for, from the settings."""
    settings = current_app.config
    return Limits(settings["MAX_PIXELS"], settings["MAX_STUDY_FILES"], settings["MAX_STUDY_BYTES"])


def _content(upload: Upload) -> bytes:
    return upload.data
