import numpy as np
import pytest
from numpy.typing import NDArray

from model.phantom import lung_phantom
from model.preprocessing import Preprocessing
from training.augmentation import Augment
from training.experiment import Augmentation

OFF = dict.fromkeys(
    ("shift", "zoom", "rotation", "brightness", "darken", "offset", "contrast", "gamma", "kernel", "noise", "erase"),
    0.0,
)
SLICES = np.stack([lung_phantom("covid", 1, 64)] * 16)[..., np.newaxis]
PLAIN = Preprocessing(size=64).batch(list(SLICES[..., 0]))


def augmented(ranges: dict[str, float], training: bool = True, flip: bool = False) -> NDArray[np.float32]:
    layer = Augment(Augmentation(flip=flip, **{**OFF, **ranges}), Preprocessing(), seed=1)
    return np.asarray(layer(SLICES, training=training))


def test_outside_training_the_slice_is_what_the_server_feeds_bit_for_bit() -> None:
    np.testing.assert_array_equal(
        augmented({"shift": 0.1, "brightness": 0.2, "erase": 1.0}, training=False, flip=True), PLAIN
    )


def test_with_all_ranges_at_zero_nothing_changes() -> None:
    np.testing.assert_array_equal(augmented({}), PLAIN)


@pytest.mark.parametrize(
    "name", ["shift", "zoom", "brightness", "darken", "offset", "contrast", "gamma", "kernel", "noise", "erase"]
)
def test_each_range_changes_each_slice_differently_and_stays_in_the_unit_range(name: str) -> None:
    changed = augmented({name: 0.3})
    assert (changed.min(), changed.max()) >= (0, 0)
    assert changed.max() <= 1
    np.testing.assert_array_equal(changed[..., 0], changed[..., 2])
    assert len({picture.tobytes() for picture in changed}) > 3


def test_brightness_is_plus_or_minus_as_asked() -> None:
    ratios = augmented({"brightness": 0.2})[:, 8:-8, 8:-8].mean(axis=(1, 2, 3)) / PLAIN[:, 8:-8, 8:-8].mean(
        axis=(1, 2, 3)
    )
    assert 0.79 < ratios.min() < 0.9
    assert 1.05 < ratios.max() < 1.21


def test_a_flip_mirrors_left_and_right_and_nothing_else() -> None:
    flipped = augmented({}, flip=True)
    mirrored = [np.allclose(picture, plain[:, ::-1], atol=1e-4) for picture, plain in zip(flipped, PLAIN, strict=True)]
    kept = [np.allclose(picture, plain, atol=1e-4) for picture, plain in zip(flipped, PLAIN, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert any(mirrored)
    assert any(kept)


def test_a_shift_moves_no_further_than_asked_and_leaves_black() -> None:
    white = Augment(Augmentation(flip=False, **{**OFF, "shift": 0.1}), Preprocessing(), seed=1)
    moved = np.asarray(white(np.full((32, 64, 64, 1), 255, np.uint8), training=True))[..., 0]
    assert 0.75 < moved.mean() < 0.99
    assert (moved[:, 8:-8, 8:-8] == 1).all()


def test_erasing_paints_one_rectangle_of_one_gray() -> None:
    for picture, plain in zip(augmented({"erase": 1.0}), PLAIN, strict=True):
        painted = np.argwhere((picture != plain)[..., 0])
        if len(painted):
            (top, left), (bottom, right) = painted.min(axis=0), painted.max(axis=0)
            inside = picture[top : bottom + 1, left : right + 1, 0]
            assert np.ptp(inside) == 0
            assert max(inside.shape) <= 0.31 * 64
