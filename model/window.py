"""Hounsfield units -> 8-bit gray: the one window through which the network sees a CT, in training and in service."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.pictures import Slice


@dataclass(frozen=True)
class Window:
    """A linear window (DICOM PS3.3 C.11.2.1.3.2, LINEAR_EXACT), in Hounsfield units. By default that of the lung."""

    level: float = -600.0
    width: float = 1500.0

    def apply(self, hounsfield: NDArray[Any]) -> Slice:
        """Hounsfield units of any shape -> uint8 of that shape: 0 below the window, 255 above it, rounded between."""
        gray = hounsfield.astype(np.float32)
        gray -= self.level - self.width / 2
        gray *= 255 / self.width
        np.clip(gray, 0, 255, out=gray)
        return np.rint(gray, out=gray).astype(np.uint8)

    def gray(self, hounsfield: float) -> float:
        """Where a Hounsfield value lies between black (0) and white (255); may lie outside."""
        return (hounsfield - self.level + self.width / 2) * 255 / self.width


LUNG: Final = Window()

HounsfieldSlice = NDArray[np.int16]
"""A slice in whole Hounsfield units: int16, shape (height, width)."""

MISSING: Final = -32768
"""Stands in a `HounsfieldSlice` for each pixel of a slice that cannot be had; no Hounsfield value is as low."""


def rounded(hounsfield: NDArray[Any]) -> HounsfieldSlice:
    """Hounsfield units of any shape -> int16 of that shape; what does not fit is clipped."""
    whole: HounsfieldSlice = np.rint(np.clip(hounsfield, MISSING + 1, -MISSING - 1)).astype(np.int16)
    return whole
