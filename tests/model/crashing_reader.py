"""A reading process whose decoder does what the request says, as a broken native one might."""

import ctypes
import time
from collections.abc import Iterator
from typing import Any

from model import reading
from model.errors import UnreadableImageError


def handle(request: dict[str, Any], data: bytes) -> Iterator[reading.Reply]:
    """Fail in one of several ways, or answer twice."""
    if request["wanted"] in ("crash", "header"):
        ctypes.string_at(0)
    if request["wanted"] == "hang":
        while True:
            time.process_time()
    if request["wanted"] == "swell":
        swollen = [bytes(2**20).replace(b"\0", b"x") for _ in range(4096)]
        assert swollen
    if request["wanted"] == "refuse":
        raise UnreadableImageError("It is broken.")
    yield {"number": 1}, data
    yield {"number": 2}, data


if __name__ == "__main__":
    reading.main(handle)
