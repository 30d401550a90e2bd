"""Where a slice shows lung: air enclosed by the body. It tells chest from neck and belly, no more."""

from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from model.pictures import Slice
from model.window import LUNG, Window

SIZE: Final = 96
"""Pixels on a side at which it is looked for: noise and vessels are averaged away."""

AIR: Final = -500.0
"""Hounsfield units below which a pixel is air or lung."""

ENOUGH: Final = 0.05
"""Share of the body's area."""

CORNER: Final = 4
"""Pixels, of `SIZE`, on a side of each corner, in which air is outside the body."""

CLOSING: Final = 9
"""Pixels, of `SIZE`, across which a gap between air and air is taken for lung."""


def lung_share(pixels: Slice, window: Window = LUNG) -> float:
    """Share of the body's area, of 1, that is air inside it: lung, but for windpipe and bowel.

    Args:
        pixels: uint8 (height, width), in the lung window.
        window: that of the slice.
    """
    air, inside = _air_and_body(pixels, window)
    return float((inside & air).sum() / inside.sum()) if inside.any() else 0.0


def lung_mask(pixels: Slice, window: Window = LUNG) -> NDArray[np.bool_]:
    """The lungs with their vessels and most lesions: the air inside the body, and what it nearly encloses.

    A lesion that replaces the air along the pleura is lost; that is why masks are an experiment and no default.

    Args:
        pixels: uint8 (height, width), in the lung window.
        window: that of the slice.

    Returns:
        Of the shape of `pixels`.
    """
    air, inside = _air_and_body(pixels, window)
    found = Image.fromarray((air & inside).astype(np.uint8) * 255)
    found = found.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.MaxFilter(3))  # without specks
    closed = found.filter(ImageFilter.MaxFilter(CLOSING)).filter(ImageFilter.MinFilter(CLOSING))
    filled = ~_reached_from_the_corners(np.asarray(closed) == 0)
    return _enlarged(filled, pixels)


def body_mask(pixels: Slice, window: Window = LUNG) -> NDArray[np.bool_]:
    """The body with its lungs: all but the air around it. Of the shape of `pixels`, uint8 (height, width)."""
    _, inside = _air_and_body(pixels, window)
    return _enlarged(inside, pixels)


def _enlarged(mask: NDArray[np.bool_], pixels: Slice) -> NDArray[np.bool_]:
    height, width = pixels.shape
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))


def _air_and_body(pixels: Slice, window: Window) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pixels are dark, and which are not air around the patient; both bool (SIZE, SIZE)."""
    small = np.asarray(Image.fromarray(pixels).resize((SIZE, SIZE), Image.Resampling.BOX))
    air = small < window.gray(AIR)
    return air, ~_reached_from_the_corners(air)


def _reached_from_the_corners(air: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The air that is connected (by sides) to a corner of the picture: that around the body.

    Not that at the whole edge: in a picture that is cropped tightly, lungs touch it.
    """
    reached = np.zeros_like(air)
    for corner in product((slice(CORNER), slice(-CORNER, None)), repeat=2):
        reached[corner] = air[corner]
    rows, columns = _runs(air), _runs(air.T)
    before = -1
    while before != (before := int(np.count_nonzero(reached))):
        reached = _whole_runs(reached, air, rows)
        reached = _whole_runs(reached.T, air.T, columns).T
    return reached


def _runs(air: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Of each pixel, the number of the run of neighbouring air in its row; they begin anew in each row."""
    walls = np.pad(~air, ((0, 0), (0, 1)), constant_values=True)
    runs: NDArray[np.intp] = np.cumsum(walls, dtype=np.intp).reshape(walls.shape)[:, :-1]
    return runs


def _whole_runs(reached: NDArray[np.bool_], air: NDArray[np.bool_], runs: NDArray[np.intp]) -> NDArray[np.bool_]:
    """All the air of the runs of which a pixel is reached. Run by run, as a loop over pixels would be far slower."""
    hit = np.zeros(runs[-1, -1] + 1, np.bool_)
    hit[runs[reached]] = True
    whole: NDArray[np.bool_] = hit[runs] & air
    return whole
