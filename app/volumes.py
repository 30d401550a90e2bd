"""The files of a request as one volume to look at."""

from collections.abc import Sequence

from app.errors import Problem
from app.studies import limits, sources_of
from app.uploads import Upload
from model.errors import ImageError
from model.stack import Stack, stacked


def stack_of(uploads: Sequence[Upload], series: str | None = None) -> Stack:
    """The series of the files that is shown; see `model.stack.stacked`.

    Raises:
        Problem: a file name cannot be used, or nothing in the files can be shown.
    """
    try:
        return stacked(sources_of(uploads), limits(), series)
    except ImageError as error:
        raise Problem.of(error) from None
