"""The files of a study -> the series to read of them, and its slices in their order.

Headers are read first, and only the slices of the chosen series are decoded.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple, TypeVar

from model import volumes
from model.archives import SourceFile, unpacked
from model.errors import FILE_ERRORS, ArchiveError, DecoderError, ImageError, NoSeriesError, TooManyFilesError
from model.header import Header, Limits
from model.kinds import ARCHIVES, kind_of
from model.pictures import check_picture
from model.series import File, Note, Series, chosen, grouped

READ_STEP: Final = 32
"""Files between two reports on how far reading is."""

Pixels = TypeVar("Pixels")

Failure = tuple[str, ImageError]
"""What cannot be used, and why."""


@dataclass(frozen=True)
class Progress:
    """How far the work is."""

    stage: str
    """`files`: headers are being read. `slices`: the slices of the series are being looked at."""
    done: int
    total: int


class Selection(NamedTuple):
    """What is read of a study, and what is not."""

    series: Series
    set_aside: list[Note]
    """Other series, and files that belong to none that can be read."""
    unread: list[Failure]
    """Files whose header cannot be read."""


def selected(
    sources: Sequence[SourceFile], limits: Limits, uid: str | None = None
) -> Generator[Progress, None, Selection]:
    """Read the headers of a study and choose the series; yields how far it is.

    Args:
        sources: DICOM, NIfTI and picture files, and archives of them, in any order.
        limits: what the files may ask for.
        uid: of the series to read, instead of the best.

    Raises:
        ImageError: nothing in the files can be read; the code says why.
    """
    files, unread = yield from _read(list(unpacked(sources, limits)), limits)
    candidates, set_aside = grouped(files)
    if not candidates:
        refused = [file.header.refusal for file in files if file.header.refusal]
        raise reason([*(error for _, error in unread), *(FILE_ERRORS[code](text) for code, text in refused)])
    best, others = chosen(candidates, uid)
    if len(best.frames) > limits.slices:
        raise TooManyFilesError(f"The series has {len(best.frames):,} slices; at most {limits.slices:,} are read.")
    return Selection(best, [*set_aside, *others], unread)


def decoded(
    series: Series, decode: Callable[[File, Sequence[int]], Iterator[Pixels]]
) -> Iterator[tuple[int, Pixels | ImageError]]:
    """Index and pixels of each slice of a series, in order; in place of the pixels, why they cannot be had.

    Args:
        series: what to decode.
        decode: gives the pixels of these frames of a file, in their order.

    Raises:
        DecoderError: a file ended the process that decodes.
    """
    for _, group in groupby(enumerate(series.frames), key=lambda item: id(item[1].file)):
        frames = deque(group)
        file = frames[0][1].file
        try:
            for pixels in decode(file, [frame.index for _, frame in frames]):
                yield frames.popleft()[0], pixels
        except DecoderError:
            raise
        except ImageError as error:
            yield from ((index, error) for index, _ in frames)


def _read(sources: Sequence[SourceFile], limits: Limits) -> Generator[Progress, None, tuple[list[File], list[Failure]]]:
    """The files whose header can be read, and those that cannot, with the reason."""
    files: list[File] = []
    unread: list[Failure] = []
    for number, source in enumerate(sources, 1):
        try:
            files.append(_described(source, limits))
        except (ArchiveError, DecoderError):
            raise
        except ImageError as error:
            unread.append((source.label or "unnamed file", error))
        if number % READ_STEP == 0:
            yield Progress("files", number, len(sources))
    return files, unread


def _described(source: SourceFile, limits: Limits) -> File:
    data = source.read()
    kind = kind_of(data)
    if kind in ARCHIVES:
        raise ArchiveError("There is an archive in the archive. Pack the files themselves.")
    if kind == "picture":
        rows, columns = check_picture(data, limits.pixels)
        return File(source, kind, Header(kind, rows, columns))
    return File(source, kind, volumes.describe(data, kind, limits))


def reason(errors: Sequence[ImageError]) -> ImageError:
    """Why there is no answer: what is wrong with every file or slice, where they have the same code."""
    if not errors:
        return NoSeriesError("There is no file in it. Send the slices of an axial series of the chest.")
    if len({error.code for error in errors}) == 1:
        return errors[0]
    return NoSeriesError(f"None of the {len(errors)} files or slices can be used. The first: {errors[0]}")
