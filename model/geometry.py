"""How a picture lies in the patient, and how it is turned so that every axial slice looks the same way.

Directions are those of DICOM (PS3.3 C.7.6.2.1.1): x to the patient's left, y to the back, z to the
head, in millimetres.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float, float]

MAX_TILT: Final = 30.0
"""Degrees between the normal of a slice and the body's axis up to which it counts as axial: as far as gantries tilt."""


@dataclass(frozen=True)
class Orientation:
    """How the rows and columns of an axial slice are turned, and where they point when they are.

    `across` and `down` are the directions of the turned slice's rows and columns; `normal` points headwards.
    """

    normal: Vector
    transpose: bool
    flip_rows: bool
    flip_columns: bool
    across: Vector
    down: Vector

    def apply(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """The slice as radiologists look at it: the patient's left at the right, the back at the bottom."""
        pixels = pixels.T if self.transpose else pixels
        pixels = pixels[::-1] if self.flip_rows else pixels
        return pixels[:, ::-1] if self.flip_columns else pixels

    def position(self, origin: Sequence[float]) -> float:
        """Where along the normal a slice lies whose first pixel is at `origin`, in millimetres; larger is headwards."""
        return float(np.dot(self.normal, origin))

    def corner(self, origin: Sequence[float], shape: tuple[int, int], spacing: tuple[float, float]) -> Vector:
        """Where the first pixel of the turned slice lies, in millimetres.

        Args:
            origin: where the first pixel lies as stored.
            shape: rows and columns of the turned slice.
            spacing: millimetres between its rows, and between its columns.
        """
        (rows, columns), (down, across) = shape, spacing
        corner = np.array(origin, dtype=np.float64)
        corner -= self.flip_columns * (columns - 1) * across * np.array(self.across)
        corner -= self.flip_rows * (rows - 1) * down * np.array(self.down)
        return _vector(corner)


def axial_orientation(row: Sequence[float], column: Sequence[float]) -> Orientation | None:
    """The orientation of a slice, or None where it is not axial.

    Args:
        row: direction in which the pixels of a row follow each other (ImageOrientationPatient 1 to 3).
        column: direction in which the pixels of a column follow each other (4 to 6).
    """
    cosines = np.array([row, column], dtype=np.float64)
    if not np.allclose(cosines @ cosines.T, np.eye(2), atol=0.01):
        return None
    normal = np.cross(*cosines)
    if abs(normal[2]) < math.cos(math.radians(MAX_TILT)):
        return None
    transpose = bool(abs(row[0]) < abs(row[1]))
    across, down = cosines[::-1] if transpose else cosines
    flip_rows, flip_columns = bool(down[1] < 0), bool(across[0] < 0)
    across, down = (-1) ** flip_columns * across, (-1) ** flip_rows * down
    headwards = _vector(normal * np.sign(normal[2]))
    return Orientation(headwards, transpose, flip_rows, flip_columns, _vector(across), _vector(down))


def _vector(values: NDArray[np.float64]) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z
