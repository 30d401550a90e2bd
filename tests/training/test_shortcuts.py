import numpy as np

from model.lungs import lung_share
from model.phantom import lung_phantom
from model.window import LUNG
from training.shortcuts import TAKEN_AWAY

SLICE = lung_phantom("noncovid", 3)


def test_without_lungs_there_is_no_air_in_the_body() -> None:
    assert lung_share(SLICE) > 0.2
    assert lung_share(TAKEN_AWAY["without_lungs"](SLICE, LUNG)) < 0.02


def test_what_is_written_beside_the_body_is_taken_away_and_the_body_stays() -> None:
    written = SLICE.copy()
    written[4:9, 4:9] = 255
    left = TAKEN_AWAY["without_surroundings"](written, LUNG)
    middle = slice(64, 192)
    np.testing.assert_array_equal(left[middle, middle], SLICE[middle, middle])
    assert not left[:3].any()
