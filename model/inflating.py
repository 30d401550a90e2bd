"""Compressed bytes -> plain ones, in memory that a bomb cannot blow up: what looks like one is first only counted."""

import zlib
from collections.abc import Iterator
from typing import Final

from model.errors import ImageTooLargeError
from model.header import Limits

PLAIN: Final = -zlib.MAX_WBITS
GZIPPED: Final = zlib.MAX_WBITS | 16
"""Kinds of a stream, as zlib numbers them."""

PIECE: Final = 2**13
"""Bytes that are inflated at once."""

PART: Final = 2**16
"""Bytes that come of it at once, at most."""

BLANK: Final = 4 * 2**20
"""Bytes that may be of any ratio to what they came from before they look like a bomb, or like slices of air."""


def inflated(data: bytes, kind: int, what: str, limits: Limits) -> bytes:
    """Inflate the whole of `data`.

    Args:
        data: one stream.
        kind: `PLAIN` or `GZIPPED`.
        what: how to call it in an error.
        limits: its `ratio` and its `bytes` hold for the whole.

    Raises:
        ImageTooLargeError: beyond the limits.
        EOFError: the stream ends before its end.
        zlib.error: it is corrupt.
    """
    most, plain, counted = limits.unpacked(len(data)), bytearray(), False
    for taken, part in _parts(data, kind):
        plain += part
        if not counted and len(plain) > min(most, limits.unpacked(taken) + BLANK):
            counted = True
            if _is_larger(data, kind, most):
                plain.clear()  # the error keeps this frame for a while
                raise ImageTooLargeError(
                    f"{what} unpacks to more than {limits.ratio} times its size or {limits.bytes:,} bytes."
                )
    return bytes(plain)


def _is_larger(data: bytes, kind: int, most: int) -> bool:
    """Whether more than so many bytes come of it; keeps none of them."""
    number = 0
    return any((number := number + len(part)) > most for _, part in _parts(data, kind))


def _parts(data: bytes, kind: int) -> Iterator[tuple[int, bytes]]:
    """What comes of the data bit by bit, with the bytes that were taken for it so far."""
    inflater = zlib.decompressobj(kind)
    for begin in range(0, len(data), PIECE):
        rest, full = data[begin : begin + PIECE], True
        while full:
            part = inflater.decompress(rest, PART)
            rest, full = inflater.unconsumed_tail, len(part) == PART
            yield begin + PIECE, part
    if not inflater.eof:
        raise EOFError
