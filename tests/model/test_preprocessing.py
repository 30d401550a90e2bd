import numpy as np
import pytest
from PIL import Image

from model.errors import BundleError
from model.lungs import lung_mask
from model.phantom import lung_phantom
from model.preprocessing import Preprocessing


def test_the_batch_is_what_the_network_takes() -> None:
    batch = Preprocessing().batch([lung_phantom("covid", 1, 300), lung_phantom("cap", 1, 512)])
    assert batch.shape == (2, 256, 256, 3)
    assert batch.dtype == np.float32
    assert 0 <= batch.min() < 0.05
    assert 0.9 < batch.max() <= 1
    np.testing.assert_array_equal(batch[..., 0], batch[..., 2])


def test_white_is_one_and_black_is_zero() -> None:
    batch = Preprocessing().batch([np.full((256, 256), 255, np.uint8), np.zeros((256, 256), np.uint8)])
    assert batch[0].min() == batch[0].max() == 1
    assert batch[1].max() == 0


def test_resizing_is_pillows_bilinear() -> None:
    pixels = lung_phantom("covid", 1, 512)
    expected = np.asarray(Image.fromarray(pixels).resize((256, 256), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(Preprocessing().resize(pixels), expected)


def test_a_slice_resized_before_gives_the_same_batch_bit_for_bit() -> None:
    preprocessing, pixels = Preprocessing(), lung_phantom("covid", 1, 320)
    np.testing.assert_array_equal(preprocessing.batch([preprocessing.resize(pixels)]), preprocessing.batch([pixels]))


def test_the_card_says_it_all() -> None:
    assert Preprocessing.from_card(Preprocessing(size=128).to_card()) == Preprocessing(size=128)


@pytest.mark.parametrize("change", [{"interpolation": "nearest"}, {"scale": 1.0}, {"crop": 3}])
def test_a_card_that_asks_for_something_else_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BundleError, match="preprocessing"):
        Preprocessing.from_card({**Preprocessing().to_card(), **change})


def test_a_network_of_one_channel_gets_one() -> None:
    pixels = lung_phantom("covid", 1, 300)
    gray, stacked = Preprocessing(channels=1).batch([pixels]), Preprocessing().batch([pixels])
    assert gray.shape == (1, 256, 256, 1)
    np.testing.assert_array_equal(np.repeat(gray, 3, axis=-1), stacked)


def test_of_lungs_only_the_chest_wall_is_black() -> None:
    pixels = lung_phantom("covid", 1)
    shown = Preprocessing(lungs_only=True).resize(pixels)
    mask = lung_mask(pixels)
    assert not shown[~mask].any()
    np.testing.assert_array_equal(shown[mask], pixels[mask])
