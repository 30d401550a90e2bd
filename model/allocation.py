"""Memory that is given back to the machine when it is free."""

import ctypes
from typing import Final

BLOCK: Final = 2**18
"""Bytes; larger blocks are asked of the system one by one, and go back to it at once."""

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""Of mallopt(3), as malloc.h numbers them."""


def give_back() -> None:
    """Tell the C library, where it is glibc, to keep no large blocks for later.

    By itself it learns from the first large file to put such blocks into the heaps of its threads, and those never
    shrink below the last block that is in use: each thread keeps what the largest file took.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_MMAP_THRESHOLD, BLOCK)
        mallopt(_TRIM_THRESHOLD, BLOCK)
