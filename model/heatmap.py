"""Where the network looked: Grad-CAM (Selvaraju et al. 2017) from the forward pass that gave the answer.

The layers after the last map are a few small dense ones, so that the gradient of a logit is some matrix products here,
exactly and without automatic differentiation.
"""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from model.dense import Dense, Floats

SIDE: Final = 64
"""Pixels on a side of the picture of a heatmap."""

FLOOR: Final = 1e-6
"""Heat below which there is none, rather than noise that is stretched."""

_COLOURS: Final = [part for heat in range(256) for part in (255, max(0, 2 * heat - 255), 0)]
"""Red, green and blue of each heat from 0 to 255: from red to yellow."""

_CLEARNESS: Final = bytes(heat * 4 // 5 for heat in range(256))
"""Alpha of each heat."""


@dataclass(frozen=True)
class Heatmap:
    """What spoke for one class."""

    label: str
    values: Floats
    """(height, width), from 0 to 1; it lies over the whole slice. All 0 where nothing spoke for the class."""

    def png(self) -> bytes:
        """A small picture to lay over the slice: clear where it is cold, from red to yellow where it is hot."""
        picture = Image.fromarray((self.values * 255).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.putpalette(_COLOURS)
        buffer = io.BytesIO()
        # Colours of a palette, and little effort: four bytes a pixel would cost as much time as all else of a heatmap.
        picture.save(buffer, "PNG", transparency=_CLEARNESS, compress_level=1)
        return buffer.getvalue()


def grad_cam(head: Dense, features: Floats, feature_map: Floats, label: int, fine_map: Floats | None = None) -> Floats:
    """The heat of one class in one slice, not scaled.

    Args:
        head: of the network.
        features: (features,), what `feature_map` became.
        feature_map: (height, width, channels), the last map.
        label: the class, as an index.
        fine_map: (2 height, 2 width, channels), of which `feature_map` is the maximum over 2 × 2. The gradient of
            a maximum goes whole to where it is, so the weights of Grad-CAM are the same up to a quarter.

    Returns:
        (height, width) of the finest map, at least 0.
    """
    height, width, channels = feature_map.shape
    gradient = head.gradient(features, label)
    if gradient.size == channels:
        weights = gradient / (height * width)  # the features are the means of the channels
    else:
        weights = gradient.reshape(feature_map.shape).mean(axis=(0, 1))
    heat: Floats = np.maximum((feature_map if fine_map is None else fine_map) @ weights, 0)
    return heat


def scaled(heat: Floats) -> Floats:
    """Heat from 0 to 1, its hottest place 1."""
    hottest = float(heat.max())
    return np.zeros_like(heat) if hottest < FLOOR else heat / np.float32(hottest)
