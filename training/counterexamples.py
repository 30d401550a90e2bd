"""Pictures that are no axial chest CT slice, all made by code: what the gate learns to refuse.

No real picture of a kind that the gate is judged on (`training.ood`) is among them: some are training slices that are
spoilt so that no scanner would make them, the others are drawn (`training.drawings`), some of these after such kinds:
heads, bellies, shadows as of X-rays. Crude as they are, they tell the gate in which directions usual slices do *not*
differ (outlier exposure: Hendrycks et al. 2019).
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from model.lungs import lung_mask
from model.pictures import Slice
from training import drawings
from training.drawings import SIDE, Random, belly, blobs, resized, texture, windowed

ENOUGH: Final = 0.1
"""Share of a slice that is lung, from which the lungs are taken to be found."""


def counterexample(kind: str, pixels: Slice, random: Random) -> Slice:
    """One picture of one of `KINDS`: of the slice, uint8 (height, width), if of any; uint8, of some size."""
    made = drawings.KINDS[kind](random) if kind in drawings.KINDS else _SPOILT[kind](pixels, random)
    return np.ascontiguousarray(made)


def _shuffled(pixels: Slice, random: Random) -> Slice:
    """Its squares, 2 × 2 to 6 × 6 of them, in another order."""
    n = int(random.integers(2, 7))
    squares = resized(pixels, SIDE // n * n).reshape(n, SIDE // n, n, SIDE // n).swapaxes(1, 2).reshape(n * n, -1)
    order = random.permutation(n * n)
    return squares[order].reshape(n, n, SIDE // n, SIDE // n).swapaxes(1, 2).reshape(SIDE // n * n, -1)


def _detail(pixels: Slice, random: Random) -> Slice:
    """A detail: a fifth to two fifths of each side."""
    sides = [round(random.uniform(0.2, 0.4) * side) for side in pixels.shape]
    top, left = (int(random.integers(of - side + 1)) for of, side in zip(pixels.shape, sides, strict=True))
    return resized(pixels[top : top + sides[0], left : left + sides[1]], SIDE)


def _tiled(pixels: Slice, random: Random) -> Slice:
    """A sheet of several, as films are printed."""
    return resized(np.tile(resized(pixels, SIDE), random.choice(((1, 2), (2, 2), (2, 1), (2, 3), (3, 3)))), SIDE)


def _blurred(pixels: Slice, random: Random) -> Slice:
    return np.asarray(
        Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(random.uniform(0.06, 0.2) * min(pixels.shape)))
    )


def _without_lungs(pixels: Slice, random: Random) -> Slice:
    """Its body without the air in it, with organs drawn there: what lies below the lungs, or above."""
    pixels = resized(pixels, SIDE)
    mask = lung_mask(pixels)
    if mask.mean() < ENOUGH:
        return belly(random)
    grown = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(5))) > 0
    tissue = float(np.median(pixels[~grown])) if not grown.all() else 200.0
    organs = tissue + random.uniform(5, 40) * texture(random, pixels.shape, 1.5)
    gas = blobs(random, pixels.shape, int(random.integers(0, 5)), 0.02, 0.08)
    filled = np.where(gas > 0.5, random.uniform(0, 40), np.where(grown, organs, pixels))
    return windowed(filled / 255, random)


_SPOILT: Final[dict[str, Callable[[Slice, Random], Slice]]] = {
    "inverted": lambda pixels, _: 255 - pixels,
    "on its side": lambda pixels, random: np.rot90(pixels, random.choice((1, 3))),
    "upside down": lambda pixels, _: pixels[::-1],
    "shuffled": _shuffled,
    "detail": _detail,
    "sheet": _tiled,
    "blurred": _blurred,
    "without lungs": _without_lungs,
}

KINDS: Final = (*_SPOILT, *drawings.KINDS)
