"""Synthetic chest CT slices, drawn from formulas: for tests, samples and screenshots. Nobody's body is in them.

They have what the code needs to find (a body, two dark lungs, a spine, lesions where the class has them) and are no
substitute for real slices: nothing learned from them is worth anything.
"""

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
