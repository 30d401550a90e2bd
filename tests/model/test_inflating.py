import gzip
import random
import tracemalloc

import pytest

from model.errors import ImageTooLargeError
from model.header import Limits
from model.inflating import GZIPPED, inflated

AIR = bytes(20 * 2**20)
TISSUE = random.Random(0).randbytes(2**20)


def test_a_bomb_is_refused_before_it_takes_memory() -> None:
    bomb = gzip.compress(AIR)
    tracemalloc.start()
    try:
        with pytest.raises(ImageTooLargeError, match="The archive unpacks to more than 100 times its size"):
            inflated(bomb, GZIPPED, "The archive", Limits())
        assert tracemalloc.get_traced_memory()[1] < len(AIR) / 2
    finally:
        tracemalloc.stop()


def test_a_volume_may_begin_with_air() -> None:
    volume = AIR + TISSUE
    assert inflated(gzip.compress(volume), GZIPPED, "The NIfTI", Limits()) == volume


def test_a_stream_that_ends_early() -> None:
    with pytest.raises(EOFError):
        inflated(gzip.compress(TISSUE)[:-1], GZIPPED, "The NIfTI", Limits())
