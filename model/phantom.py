"""Synthetic chest CT slices, drawn from formulas: for tests, samples and screenshots. Nobody's body is in them.

They have what the code needs to find (a body, two dark lungs, a spine, lesions where the class has them) and are no
substitute for real slices: nothing learned from them is worth anything.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.images import Slice

AIR, LUNG, TISSUE, BONE = 0.0, 0.16, 0.62, 0.95
"""Gray levels, of 1, at about the lung window (level -600, width 1500)."""


def lung_phantom(label: str, seed: int, size: int = 256) -> Slice:
    """Draw one axial slice.

    Args:
        label: ``noncovid`` has clear lungs, ``covid`` several hazy patches near the pleura, ``cap`` one dense one.
        seed: the same label, seed and size give the same picture.
        size: height and width in pixels.

    Returns:
        uint8, shape (size, size).
    """
    random = np.random.default_rng((seed, *label.encode()))
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    y, x = y + random.uniform(-0.04, 0.04), x + random.uniform(-0.04, 0.04)
    scale = random.uniform(0.92, 1.04)

    body = _ellipse(x, y, 0, 0, 0.92 * scale, 0.70 * scale)
    lungs = _ellipse(x, y, -0.40, -0.04, 0.30 * scale, 0.48 * scale) + _ellipse(x, y, 0.42, -0.02, 0.29 * scale, 0.46)
    picture = AIR + (TISSUE - AIR) * body
    picture += (LUNG - TISSUE) * np.clip(lungs, 0, 1)
    picture += (BONE - TISSUE) * _ellipse(x, y, 0, 0.48, 0.11, 0.13)

    lesions = np.zeros_like(picture)
    number, opacity, reach = {"noncovid": (0, 0.0, 0.0), "covid": (5, 0.5, 0.12), "cap": (1, 0.9, 0.22)}[label]
    for _ in range(number):
        angle, side = random.uniform(0.1, np.pi - 0.1), random.choice((-1, 1))
        at_x, at_y = side * (0.42 + 0.20 * np.sin(angle)), 0.36 * np.cos(angle)
        patch = _ellipse(x, y, at_x, at_y, reach * random.uniform(0.7, 1.2), reach * random.uniform(0.7, 1.2), soft=0.5)
        lesions = np.maximum(lesions, opacity * patch)
    for _ in range(40):  # vessels
        at_x, at_y = random.choice((-0.4, 0.4)) + random.normal(0, 0.13), random.normal(0, 0.2)
        lesions = np.maximum(lesions, 0.7 * _ellipse(x, y, at_x, at_y, 0.012, 0.012))
    picture += (TISSUE - picture) * lesions * np.clip(lungs, 0, 1)

    picture += random.normal(0, 0.02, picture.shape)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _ellipse(
    x: NDArray[np.float64], y: NDArray[np.float64], cx: float, cy: float, rx: float, ry: float, soft: float = 0.06
) -> NDArray[np.float64]:
    """1 inside, 0 outside, with an edge that is `soft` of the radius wide."""
    radius = np.hypot((x - cx) / rx, (y - cy) / ry)
    return np.clip((1 - radius) / soft + 0.5, 0, 1)


PIXELS_ACROSS: Final = 380.0
"""Millimetres that a slice of `chest_phantom` is wide and high."""

HEIGHT: Final = 280.0
"""Millimetres from its first slice, at the base of the lungs, to its last, above their tips."""

LESIONS: Final = {"noncovid": (0, 0.0, 0.0), "covid": (14, -550.0, 22.0), "cap": (1, 30.0, 48.0)}
"""Number, Hounsfield units and radius in millimetres of what each class has in its lungs."""


def chest_phantom(label: str, seed: int, heights: Sequence[float], size: int = 256) -> NDArray[np.int16]:
    """Draw axial slices of one chest, with organs where the windows of lung, mediastinum and bone look for them.

    Args:
        label: as for `lung_phantom`.
        seed: the same arguments give the same chest.
        heights: of each slice, from 0 (base of the lungs) to 1 (above their tips).
        size: rows and columns of a slice, `PIXELS_ACROSS` millimetres wide.

    Returns:
        Hounsfield units: int16, shape (len(heights), size, size), as radiologists look at it.
    """
    random = np.random.default_rng((seed, *label.encode()))
    number, density, reach = LESIONS[label]
    vessels = random.uniform((-1, -80, -60, -1, -1, 1.0), (1, 80, 60, 1, 1, 3.0), (70, 6))
    lesions = random.uniform((-1, 0.2, 0.15, 0.7), (1, np.pi - 0.2, 0.6, 1.2), (number, 4))
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j] * (PIXELS_ACROSS / 2)
    slices = []
    for height in heights:
        picture, lung = _chest(x, y, height)
        for side, start_x, start_y, lean_x, lean_y, radius in vessels:
            at_x, at_y = side * 20 + start_x + 60 * lean_x * height, start_y + 60 * lean_y * height
            _fill(picture, lung, (x, y), (at_x, at_y), (radius, radius), 40.0)
        for side, angle, at_z, grown in lesions:
            at_x, at_y = np.copysign(70 + 40 * np.sin(angle), side), 60 * np.cos(angle)
            away = (height - at_z) * HEIGHT / (reach * grown)
            radius = reach * grown * np.sqrt(max(0.0, 1 - away**2))
            if radius > 1:
                _fill(picture, lung, (x, y), (at_x, at_y), (radius, 0.8 * radius), density)
        slices.append(np.rint(picture + random.normal(0, 12, picture.shape)).astype(np.int16))
    return np.stack(slices)


def _fill(
    picture: NDArray[np.float64],
    where: NDArray[np.float64],
    grid: tuple[NDArray[np.float64], NDArray[np.float64]],
    centre: tuple[float, float],
    radii: tuple[float, float],
    hounsfield: float,
) -> None:
    """Draw a soft ellipse where `where` allows it. Only the pixels around it are touched: there are many."""
    scale, middle = (picture.shape[0] - 1) / PIXELS_ACROSS, picture.shape[0] / 2
    low = [max(0, int(middle + scale * (at - 1.5 * radius)) - 1) for at, radius in zip(centre, radii, strict=True)]
    high = [max(0, int(middle + scale * (at + 1.5 * radius)) + 2) for at, radius in zip(centre, radii, strict=True)]
    part = slice(low[1], high[1]), slice(low[0], high[0])
    there = where[part] * _ellipse(grid[0][part], grid[1][part], *centre, *radii, soft=0.6)
    picture[part] += (hounsfield - picture[part]) * there


def _chest(
    x: NDArray[np.float64], y: NDArray[np.float64], height: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hounsfield units of one slice without its vessels and lesions, and where its lungs are, of 1."""
    narrow = 1 - 0.25 * max(0.0, height - 0.6) / 0.4
    picture = np.full(x.shape, -1000.0)

    def fill(where: NDArray[np.float64], hounsfield: float) -> None:
        picture[...] += (hounsfield - picture) * where

    fill(_ellipse(x, y, 0, 0, 172 * narrow, 118), -100)  # fat
    fill(_ellipse(x, y, 0, 0, 158 * narrow, 105), 50)  # muscle
    angle = np.arctan2(y / 97, x / (148 * narrow))
    rib = np.clip(1 - np.abs(np.hypot(x / (148 * narrow), y / 97) - 0.96) / 0.035, 0, 1)
    fill(rib * (np.cos(9 * angle + 14 * height) > 0.35), 550)
    grown = np.sqrt(max(0.0, 1 - ((height - 0.4) / 0.58) ** 2))
    dome = max(0.0, 1 - height / 0.22)
    lung = np.zeros(x.shape)
    for at_x, wide in ((-76, 58), (78, 56)):
        side = _ellipse(x, y, at_x * narrow, 2, max(1.0, wide * grown), max(1.0, 82 * grown))
        side *= 1 - _ellipse(x, y, at_x, -8, max(1.0, 62 * dome), max(1.0, 66 * dome))  # the diaphragm
        lung = np.maximum(lung, side * (grown > 0.1))
    heart = np.sqrt(max(0.0, 1 - ((height - 0.25) / 0.28) ** 2))
    if heart > 0.1:
        lung *= 1 - _ellipse(x, y, 24, -30, 62 * heart, 46 * heart)
    fill(lung, -860)
    fill(_ellipse(x, y, 24, -30, max(1.0, 56 * heart), max(1.0, 41 * heart)) * (heart > 0.1), 45)
    fill(_ellipse(x, y, 26, 46, 13, 13), 42)  # aorta
    airways = [(0, 12, 9.0)] if height > 0.58 else [(-22, 8, 6.0), (24, 10, 5.5)]
    for at_x, at_y, radius in airways if height > 0.42 else []:
        fill(_ellipse(x, y, at_x, at_y, radius, radius), -1000)
    fill(_ellipse(x, y, 0, 68, 24, 20), 550)
    fill(_ellipse(x, y, 0, 68, 20, 16), 230)
    fill(_ellipse(x, y, 0, 93, 9, 7), 30)  # spinal canal
    fill(_ellipse(x, y, 0, -96, 18, 6), 450 if height > 0.2 else 60)  # sternum
    return picture, lung
