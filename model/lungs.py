"""How much lung a slice shows: air enclosed by the body. It tells chest from neck and belly, no more."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.pictures import Slice
from model.window import LUNG, Window

SIZE: Final = 96
"""Pixels on a side at which it is looked for: noise and vessels are averaged away."""

AIR: Final = -500.0
"""Hounsfield units below which a pixel is air or lung."""

ENOUGH: Final = 0.05
"""Share of the body's area."""


def lung_share(pixels: Slice, window: Window = LUNG) -> float:
    """Share of the body's area, of 1, that is air inside it: lung, but for windpipe and bowel.

    Args:
        pixels: uint8 (height, width), in the lung window.
        window: that of the slice.
    """
    small = np.asarray(Image.fromarray(pixels).resize((SIZE, SIZE), Image.Resampling.BOX))
    air = small < window.gray(AIR)
    inside = ~_reached_from_the_edge(air)
    return float((inside & air).sum() / inside.sum()) if inside.any() else 0.0


def _reached_from_the_edge(air: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The air that is connected (by sides) to the edge of the picture: that around the body."""
    reached = np.zeros_like(air)
    reached[[0, -1]], reached[:, [0, -1]] = air[[0, -1]], air[:, [0, -1]]
    before = -1
    while before != (before := int(reached.sum())):
        for view, open_ in ((reached, air), (reached.T, air.T)):
            for lines in (range(1, SIZE), range(SIZE - 2, -1, -1)):
                step = 1 if lines.step > 0 else -1
                for line in lines:
                    view[line] |= view[line - step] & open_[line]
    return reached
