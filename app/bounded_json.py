"""JSON that a client sent, parsed in memory that is bounded.

`[],` takes three bytes to send and 64 to hold, so that a body within its limit could still take all memory. What every
value of some size must be written with is therefore counted before anything is made of it.
"""

import json
from typing import Any

from app.errors import Problem


def parse(text: bytes, marks: bytes, most: int) -> Any:
    """The value, or ``None`` where there is none to be had: no JSON, or nested too deep.

    Args:
        text: what was sent.
        marks: characters of which there may be `most`, in texts too; an empty list takes about 64 bytes.
        most: how many.

    Raises:
        Problem: there are more.
    """
    if sum(text.count(mark) for mark in marks) > most:
        raise Problem("too_large", "The JSON has far more lists, members and texts than such a request needs.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
