"""The files of a study -> one answer for the patient, and the slices that carry it.

Headers are read first, the best series is chosen, and only its slices are decoded: in the reading process, while the
network runs here on those decoded before. Nothing is kept but the answer.
"""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

import numpy as np

from model import volumes
from model.archives import SourceFile
from model.errors import ImageError, NoSeriesError
from model.gate import Decision, combined_decision
from model.header import Limits
from model.lungs import ENOUGH, lung_share
from model.pictures import Slice, decode_picture
from model.predictor import DEFAULT, Abstained, Options, Prediction, Predictor, why_not
from model.selection import Failure, Progress, decoded, reason, selected
from model.series import File, Frame, Note, Series
from model.window import Window

BATCH: Final = 1
"""Slices that go through the network together. On a processor two at once take 17 % longer each than one, four 28 %,
and each takes another 24 MB; an engine on an accelerator wants more."""

AHEAD: Final = 8
"""Slices that may be decoded before the network wants them."""

T = TypeVar("T")


@dataclass(frozen=True)
class StudySlice:
    """One slice of the lung and what the network says of it."""

    index: int
    """In the series, from the feet upwards."""
    position_mm: float | None
    prediction: Prediction
    rank: int = 0
    """1 for the slice that speaks most for the study's label; 0 until that is known."""


@dataclass(frozen=True)
class Seen:
    """A slice has been classified."""

    slice: StudySlice
    progress: Progress


@dataclass(frozen=True)
class Study:
    """The answer for one patient."""

    label: str | None
    """By the study rule, or ``None`` where the network abstains."""
    abstained: Abstained | None
    probabilities: dict[str, float]
    prediction_set: tuple[str, ...] | None
    """The labels that stay possible for the patient. The thresholds are those of slices."""
    level: float | None
    """The level of that set, where there is one."""
    gate: Decision | None
    """Most slices decide."""
    positive_share: float
    """Share of the lung slices that are positive, of 1."""
    series: Series
    set_aside: list[Note]
    slices: list[StudySlice]
    skipped: list[Note]


def predict_study(
    predictor: Predictor,
    sources: Sequence[SourceFile],
    limits: Limits,
    series: str | None = None,
    options: Options = DEFAULT,
) -> Iterator[Progress | Seen | Study]:
    """Classify a study; yields how far it is, each slice when it is known, and the study itself as the last.

    Args:
        predictor: the network.
        sources: DICOM, NIfTI and picture files, and archives of them, in any order.
        limits: what the files may ask for.
        series: the UID of the series to read, instead of the best.
        options: what the caller asks for.

    Raises:
        ImageError: nothing in the files can be classified; the code says why.
    """
    best, others, unread = yield from selected(sources, limits, series)
    slices, left_out = yield from _classified(predictor, best, limits, options)
    if not slices:
        raise reason([error for _, error in left_out])
    skipped = [*map(_note, unread), *best.skipped, *map(_note, left_out)]
    yield _concluded(predictor, best, others, slices, skipped, options)


def _note(failure: Failure) -> Note:
    what, error = failure
    return Note(what, str(error))


def _classified(
    predictor: Predictor, series: Series, limits: Limits, options: Options
) -> Generator[Seen, None, tuple[list[StudySlice], list[Failure]]]:
    """The lung slices of a series with their predictions, and what was left out of it."""
    slices: list[StudySlice] = []
    left_out: list[Failure] = []
    waiting: list[tuple[int, Slice]] = []
    total = len(series.frames)
    for done, (index, found) in enumerate(_ahead(_lung_slices(series, predictor, limits)), 1):
        if isinstance(found, ImageError):
            left_out.append((_name(index, series.frames[index]), found))
        else:
            waiting.append((index, found))
        if len(waiting) == BATCH or (waiting and done == total):
            for seen in _predicted(predictor, series, waiting, options):
                slices.append(seen)
                yield Seen(seen, Progress("slices", done, total))
            waiting = []
    return slices, left_out


def _predicted(
    predictor: Predictor, series: Series, batch: Sequence[tuple[int, Slice]], options: Options
) -> Iterator[StudySlice]:
    predictions = predictor.predict_slices([pixels for _, pixels in batch], options)
    for (index, _), prediction in zip(batch, predictions, strict=True):
        yield StudySlice(index, _position(series.frames[index]), prediction)


def _lung_slices(
    series: Series, predictor: Predictor, limits: Limits
) -> Generator[tuple[int, Slice | ImageError], None, None]:
    """Index and pixels of each slice that shows lung, in order; of each other, why it is left out."""
    window = predictor.bundle.preprocessing.window
    for index, found in decoded(series, partial(_pixels, window=window, limits=limits)):
        if isinstance(found, ImageError) or lung_share(found, window) >= ENOUGH:
            yield index, found
        else:
            yield index, NoSeriesError("There is little or no lung in it.")


def _pixels(file: File, indices: Sequence[int], window: Window, limits: Limits) -> Iterator[Slice]:
    data = file.source.read()
    if file.kind == "picture":
        return iter([decode_picture(data, limits.pixels)])
    return volumes.frames(data, file.kind, indices, window, limits)


def _ahead(source: Generator[T, None, None]) -> Iterator[T]:
    """The items of `source`, which runs in a thread of its own, a few items ahead."""
    end = object()
    pool = ThreadPoolExecutor(1, thread_name_prefix="decode")
    try:
        fetched = deque(pool.submit(next, source, end) for _ in range(AHEAD))
        while (item := fetched.popleft().result()) is not end:
            fetched.append(pool.submit(next, source, end))
            yield item  # type: ignore[misc]
    finally:
        pool.shutdown(cancel_futures=True)
        source.close()


def _concluded(
    predictor: Predictor,
    series: Series,
    set_aside: list[Note],
    slices: Sequence[StudySlice],
    skipped: list[Note],
    options: Options,
) -> Study:
    bundle = predictor.bundle
    rule, labels = bundle.study_rule, bundle.labels
    table = np.array([[one.prediction.probabilities[label] for label in labels] for one in slices])
    combined = rule.combine(table)
    label = labels[rule.label_index(combined)]
    order = sorted(slices, key=lambda one: -one.prediction.probabilities[label])
    ranks = {one.index: rank for rank, one in enumerate(order, 1)}
    probabilities = dict(zip(labels, combined.tolist(), strict=True))
    possible = bundle.possible(probabilities, options.level)
    gate = combined_decision([one.prediction.gate for one in slices if one.prediction.gate])
    abstained = why_not(label, possible, gate) if options.abstain else None
    return Study(
        None if abstained else label,
        abstained,
        probabilities,
        possible,
        None if possible is None else options.level,
        gate,
        rule.positive_share(table),
        series,
        set_aside,
        [replace(one, rank=ranks[one.index]) for one in slices],
        skipped,
    )


def _position(frame: Frame) -> float | None:
    return None if frame.plane is None else round(frame.plane.position_mm, 3)


def _name(index: int, frame: Frame) -> str:
    position = _position(frame)
    return f"slice {index}" if position is None else f"slice {index} at {position:g} mm"
