"""The files of a request as one volume to look at."""

from collections.abc import Callable, Sequence

from app.errors import Problem
from app.studies import limits, sources_of
from app.uploads import Upload
from model.errors import ImageError
from model.stack import Stack, stacked


def stack_of(uploads: Sequence[Upload], series: str | None, check: Callable[[], None]) -> Stack:
    """The series of the files that is shown; see `model.stack.stacked`.

    Raises:
        Problem: a file name cannot be used, nothing in the files can be shown, or `check` says that it takes too long.
    """
    try:
        stack = stacked(sources_of(uploads), limits(), series, check)
    except ImageError as error:
        raise Problem.of(error) from None
    check()  # as long as it can still be said
    return stack
