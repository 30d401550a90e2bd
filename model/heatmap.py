"""Where the network looked: Grad-CAM (Selvaraju et al. 2017) from the forward pass that gave the answer.

The layers after the last map are a few small dense ones, so that the gradient of a logit is some matrix products here,
exactly and without automatic differentiation.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from model.dense import Dense, Floats

SIDE: Final = 32
"""Pixels on a side of the picture of a heatmap; the map of the custom CNN has half as many."""

FLOOR: Final = 1e-6
"""Heat below which there is none, rather than noise that is stretched."""


def _chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


_COLOURS: Final = bytes(part for heat in range(256) for part in (255, max(0, 2 * heat - 255), 0))
"""Red, green and blue of each heat from 0 to 255: from red to yellow."""

_CLEARNESS: Final = bytes(heat * 4 // 5 for heat in range(256))
"""Alpha of each heat."""

_PNG: Final = b"".join(
    [
        b"\x89PNG\r\n\x1a\n",
        _chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 3, 0, 0, 0)),  # 8 bits a pixel, of a palette
        _chunk(b"PLTE", _COLOURS),
        _chunk(b"tRNS", _CLEARNESS),
    ]
)
"""How the picture of every heatmap begins. Pillow would make it anew for each, which takes most of a heatmap's time."""


@dataclass(frozen=True)
class Heatmap:
    """What spoke for one class."""

    label: str
    values: Floats
    """(height, width), from 0 to 1; it lies over the whole slice. All 0 where nothing spoke for the class."""

    def png(self) -> bytes:
        """A small picture to lay over the slice: clear where it is cold, from red to yellow where it is hot."""
        heat = Image.fromarray((self.values * 255).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        rows = np.zeros((SIDE, 1 + SIDE), np.uint8)  # the first byte of a row says that it is not filtered
        rows[:, 1:] = np.asarray(heat)
        return _PNG + _chunk(b"IDAT", zlib.compress(rows.tobytes(), level=1)) + _chunk(b"IEND", b"")


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
