"""Compressed bytes -> plain ones, in memory that a bomb cannot blow up: it is refused a few pieces after it begins."""

import zlib
from typing import Final

from model.errors import ImageTooLargeError
from model.header import Limits

PLAIN: Final = -zlib.MAX_WBITS
GZIPPED: Final = zlib.MAX_WBITS | 16
"""Kinds of a stream, as zlib numbers them."""

PIECE: Final = 2**13

BLANK: Final = 16 * 2**20
"""Bytes that may be of any ratio to what they came from: a volume may begin with slices of air."""


def inflated(data: bytes, kind: int, what: str, limits: Limits) -> bytes:
    """Inflate the whole of `data`.

    Args:
        data: one stream.
        kind: `PLAIN` or `GZIPPED`.
        what: how to call it in an error.
        limits: its `ratio` holds all along the stream, its `bytes` for the whole.

    Raises:
        ImageTooLargeError: beyond the limits.
        EOFError: the stream ends before its end.
        zlib.error: it is corrupt.
    """
    inflater, plain = zlib.decompressobj(kind), bytearray()
    for begin in range(0, len(data), PIECE):
        most = min(limits.unpacked(len(data)), limits.unpacked(begin + PIECE) + BLANK)
        plain += inflater.decompress(data[begin : begin + PIECE], most - len(plain) + 1)
        if len(plain) > most:
            plain.clear()  # the error keeps this frame for a while
            raise ImageTooLargeError(
                f"{what} unpacks to more than {limits.ratio} times its size or {limits.bytes:,} bytes."
            )
    if not inflater.eof:
        raise EOFError
    return bytes(plain)
