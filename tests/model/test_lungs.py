import numpy as np
import pytest

from model.images import decode
from model.lungs import ENOUGH, lung_mask, lung_share
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


def test_lungs_that_touch_the_edge_of_a_tightly_cropped_slice_count() -> None:
    cropped = lung_phantom("noncovid", 1)[70:180, 30:225]
    assert lung_share(cropped) > 0.3
    assert lung_mask(cropped)[:, [0, -1]].any()


def test_the_mask_holds_both_lungs_and_their_lesions_and_nothing_of_the_chest_wall() -> None:
    clear, ill = lung_phantom("noncovid", 2, 200), lung_phantom("covid", 2, 200)
    mask = lung_mask(clear)
    assert mask.shape == clear.shape
    assert mask[95, 55]
    assert mask[95, 145]
    assert not mask[[5, 60, 150, 195], [100, 5, 100, 100]].any()
    assert (mask & lung_mask(ill)).sum() > 0.9 * mask.sum()


def test_of_whole_series_the_middle_is_kept_and_the_neck_is_not() -> None:
    folders = sorted((REAL_SLICES / "unlabelled").glob("*"))
    if not folders:
        pytest.skip(f"no whole series in {REAL_SLICES}; name their folder in CT_DATA")
    for folder in folders:
        enough = [lung_share(decode(path.read_bytes())) >= ENOUGH for path in sorted(folder.iterdir())]
        assert not any(enough[:4])
        middle = enough[len(enough) // 4 : len(enough) * 3 // 4]
        assert all(middle)
