"""What web processes and workers hand to each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Payload:
    """What was sent: the request's own address and id, and its files."""

    query: str
    series: str | None
    request_id: str
    files: Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Answer:
    """A finished answer, as it goes to the client."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True)
class Standing:
    """How far a study is."""

    state: str
    """`queued`, `running` or `done`."""
    progress: dict[str, Any] | None
    answer: Answer | None
