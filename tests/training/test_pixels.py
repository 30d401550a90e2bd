from pathlib import Path

import numpy as np
import pytest

from model.preprocessing import Preprocessing
from training import pixels
from training.manifest import Row


def test_slices_are_decoded_once_in_the_order_of_the_rows(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pixels.load(rows[:6], Preprocessing(size=32), tmp_path)
    assert (first.shape, str(first.dtype)) == ((6, 32, 32), "uint8")
    monkeypatch.setattr(pixels, "decode", lambda _: pytest.fail("decoded again"))
    np.testing.assert_array_equal(pixels.load(rows[:6], Preprocessing(size=32), tmp_path), first)


def test_other_rows_another_order_or_another_size_is_another_cache(rows: list[Row], tmp_path: Path) -> None:
    first = pixels.load(rows[:6], Preprocessing(size=32), tmp_path)
    np.testing.assert_array_equal(pixels.load(rows[5::-1], Preprocessing(size=32), tmp_path), first[::-1])
    assert pixels.load(rows[:6], Preprocessing(size=64), tmp_path).shape == (6, 64, 64)


def test_an_interrupted_decode_leaves_no_cache(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: bytes, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pixels, "decode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        pixels.load(rows[:6], Preprocessing(size=32), tmp_path)
    assert not list(tmp_path.iterdir())


def test_training_and_serving_see_the_same_slice_bit_for_bit(rows: list[Row], tmp_path: Path) -> None:
    from model.images import decode

    preprocessing = Preprocessing()
    trained = preprocessing.batch(list(pixels.load(rows[:6], preprocessing, tmp_path)))
    served = preprocessing.batch([decode(Path(row.path).read_bytes()) for row in rows[:6]])
    np.testing.assert_array_equal(trained, served)
