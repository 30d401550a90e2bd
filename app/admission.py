"""Who is served now, who waits, and who is told at once to come back: a queue that has an end.

Classifying takes the whole of a core, so more of it at once than cores makes every answer late and none of them sooner.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar, cast

from flask import current_app, g

from app.errors import Problem
from app.stages import stage

View = TypeVar("View", bound=Callable[..., Any])

RETRY_SECONDS: Final = 2
"""What `Retry-After` says; a full queue is worked off in about that time."""


class Queue:
    """Some requests run, some wait, and no more.

    Args:
        running: requests that are worked on at once.
        waiting: requests that may wait beside them.
        seconds: how long one waits at most.
    """

    def __init__(self, running: int, waiting: int, seconds: float) -> None:
        self.size = running + waiting
        self._places: SimpleQueue[None] = SimpleQueue()  # a semaphore, but that it is written in C
        for _ in range(running):
            self._places.put(None)
        self._waiting, self._most = 0, waiting
        self._lock = threading.Lock()
        self._seconds = seconds

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return self._waiting

    @property
    def free(self) -> int:
        """How many places nobody holds."""
        return self._places.qsize()

    def check(self) -> None:
        """Raise `busy` where the queue is full already."""
        if self._waiting >= self._most:
            raise busy()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places; raises as `enter`."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def enter(self) -> None:
        """Take one of the places; `leave` must follow.

        Raises:
            Problem: `busy`: the queue is full, or it took too long.
        """
        try:
            self._places.get_nowait()
        except Empty:
            self._wait()

    def leave(self) -> None:
        """Give the place back."""
        self._places.put(None)

    def _wait(self) -> None:
        with self._lock:
            if self._waiting >= self._most:
                raise busy()
            self._waiting += 1
        try:
            self._places.get(timeout=self._seconds)
        except Empty:
            raise busy() from None
        finally:
            with self._lock:
                self._waiting -= 1


def busy() -> Problem:
    """What a request is told that finds no place."""
    return Problem("busy", f"The server is busy. Send the request again in {RETRY_SECONDS} seconds.", RETRY_SECONDS)


def queue() -> Queue:
    """The queue of this process."""
    made: Queue = current_app.extensions["queue"]
    return made


def studies() -> Queue:
    """The queue of the studies that this process reads: one after the other, as its reading process does."""
    made: Queue = current_app.extensions["studies"]
    return made


def admitted(view: View) -> View:
    """A view that waits for its place before it reads its files."""

    @wraps(view)
    def inner(*args: Any, **kwargs: Any) -> Any:
        g.deadline = time.monotonic() + current_app.config["MAX_SECONDS"]
        places = queue()
        with stage("queue"):
            places.enter()
        try:
            return view(*args, **kwargs)
        finally:
            places.leave()

    return cast(View, inner)


def check_time() -> None:
    """Between two steps of a request: whether its time is over.

    Raises:
        Problem: `timeout`.
    """
    if time.monotonic() > g.get("deadline", float("inf")):
        raise Problem("timeout", "The request took too long. Send fewer files a request.", RETRY_SECONDS)
