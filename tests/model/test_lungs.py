import numpy as np
import pytest

from model.images import decode
from model.lungs import ENOUGH, lung_share
from model.phantom import lung_phantom
from tests.conftest import REAL_SLICES


@pytest.mark.parametrize("label", ["noncovid", "covid", "cap"])
def test_a_slice_of_the_chest_shows_enough(label: str) -> None:
    assert min(lung_share(lung_phantom(label, seed)) for seed in range(10)) > 0.2


@pytest.mark.parametrize("gray", [0, 255])
def test_an_empty_or_white_picture_shows_none(gray: int) -> None:
    assert lung_share(np.full((100, 100), gray, np.uint8)) == 0


def test_air_around_the_body_is_no_lung() -> None:
    belly = np.zeros((128, 128), np.uint8)
    belly[30:100, 20:110] = 220
    belly[60:62, 60:62] = 0  # a little gas
    assert lung_share(belly) < ENOUGH


def test_of_whole_series_the_middle_is_kept_and_the_neck_is_not() -> None:
    folders = sorted((REAL_SLICES / "unlabelled").glob("*"))
    if not folders:
        pytest.skip(f"no whole series in {REAL_SLICES}; name their folder in CT_DATA")
    for folder in folders:
        enough = [lung_share(decode(path.read_bytes())) >= ENOUGH for path in sorted(folder.iterdir())]
        assert not any(enough[:4])
        middle = enough[len(enough) // 4 : len(enough) * 3 // 4]
        assert all(middle)
