"""Is this an axial slice of a chest, like those that the network knows? A network has an answer for any picture.

Two steps: cheap checks of the picture (colour, sides, contrast), then what two small dense layers make of its shapes: a
thumbnail, and the strength of its edges by place and direction (a histogram of oriented gradients: Dalal & Triggs
2005), both free of brightness and contrast. `training.gate` fits them; the limits stand in the card, the layers in a
file beside it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.dense import Dense, Floats
from model.errors import BundleError
from model.pictures import Picture, Slice

Refusal = Literal["not_chest_ct", "poor_quality"]

UNUSUAL: Final = "It does not look like the axial chest CT slices that the network knows."

SIDE: Final = 48
"""Pixels on a side of the copy of a picture that is looked at."""

THUMBNAIL: Final = 16
"""Pixels on a side of the thumbnail: body, lungs and spine are there, and nothing that tells people apart."""

CELLS: Final = 6
"""Places on a side, for each of which the edges are summed by direction."""

DIRECTIONS: Final = 8

NUMBERS: Final = THUMBNAIL**2 + CELLS**2 * DIRECTIONS
"""How many there are of a picture; see `seen`."""

FLAT: Final = 8.0
"""Gray levels added to the standard deviation that divides a picture: noise stays small."""

FAINT: Final = 0.05
"""Added to the strength of all edges of a place, which divides that of each direction: noise stays small."""


@dataclass(frozen=True)
class Decision:
    """Whether a picture is let through."""

    accepted: bool
    score: float
    """From 0, as usual as can be, by 0.5, the last that is let through, to 1."""
    reason: str | None = None
    """Why it is not, for a person."""
    refusal: Refusal | None = None
    """Why it is not, for a program."""


@dataclass(frozen=True)
class Limits:
    """What the cheap checks let through."""

    colour: float
    """Most colour; see `model.pictures.Picture`."""
    aspect: float
    """Most that the longer side may be of the shorter."""
    side: int
    """Least pixels of the shorter side."""
    contrast: float
    """Least standard deviation of the gray levels, of 255, in the small copy."""


class Gate:
    """The limits, and the layers."""

    def __init__(self, limits: Limits, threshold: float, layers: Dense) -> None:
        self.limits = limits
        self.threshold = threshold
        """The strangest that is let through."""
        self._layers = layers

    @classmethod
    def load(cls, path: Path, card: dict[str, Any]) -> "Gate":
        """Read the gate of a bundle.

        Raises:
            BundleError: the card's part lacks something, or the file is not that of a gate of this shape.
        """
        try:
            limits = Limits(**{field.name: card["limits"][field.name] for field in fields(Limits)})
            layers = Dense.load(path, 1)
            if layers.inputs != NUMBERS:
                raise ValueError(f"it takes {layers.inputs} numbers of a picture; there are {NUMBERS}")
            return cls(limits, float(card["threshold"]), layers)
        except (OSError, ValueError, KeyError, TypeError, BundleError) as error:
            raise BundleError(f"{path} is not the gate that the card describes: {error}") from error

    def decide(self, picture: Picture, given: Slice) -> Decision:
        """Judge one picture, and what of it the network is given: uint8 (side, side)."""
        small = _small(given)
        refused = self.check(picture, float(small.std()))
        if refused:
            return refused
        strange = float(self._layers.logits(_numbers(small)[np.newaxis])[0, 0])
        return decision(strange - self.threshold)

    def check(self, picture: Picture, contrast: float) -> Decision | None:
        """What speaks against a picture at first sight."""
        height, width = picture.pixels.shape
        limits = self.limits
        if picture.colour > limits.colour:
            return _not_chest("It is in colour; a CT slice is gray.")
        if max(height, width) > limits.aspect * min(height, width):
            return _not_chest("It is much longer than wide; an axial CT slice is nearly square.")
        if min(height, width) < limits.side:
            return _poor(f"It has {width} × {height} pixels, too few to judge a lung by.")
        if contrast < limits.contrast:
            return _poor("It has hardly any contrast.")
        return None


def decision(beyond: float) -> Decision:
    """By how far a picture is stranger than the strangest that is let through: less than 0 is accepted."""
    score = float(1 / (1 + np.exp(-np.clip(beyond, -30, 30))))
    return Decision(True, score) if beyond <= 0 else Decision(False, score, UNUSUAL, "not_chest_ct")


def combined_decision(slices: Sequence[Decision]) -> Decision | None:
    """One decision for a study: it is refused when more than half of its slices are, for the most frequent reason."""
    if not slices:
        return None
    score = sorted(one.score for one in slices)[len(slices) // 2]
    refused = [one for one in slices if not one.accepted]
    if 2 * len(refused) <= len(slices):
        return Decision(True, min(score, 0.5))
    (reason, refusal), _ = Counter((one.reason, one.refusal) for one in refused).most_common(1)[0]
    return Decision(False, score, f"{len(refused)} of {len(slices)} slices are refused. {reason}", refusal)


def seen(pixels: Slice) -> Floats:
    """All that the layers look at: what the network is given, uint8 (side, side) -> (NUMBERS,).

    The thumbnail and the edges.
    """
    return _numbers(_small(pixels))


def _small(pixels: Slice) -> Floats:
    """The copy that is looked at: (side, side) -> (SIDE, SIDE)."""
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)


def _numbers(small: Floats) -> Floats:
    small = (small - small.mean()) / (small.std() + np.float32(FLAT))
    across = SIDE // THUMBNAIL
    thumbnail = small.reshape(THUMBNAIL, across, THUMBNAIL, across).mean(axis=(1, 3))
    return np.concatenate([thumbnail.ravel(), _edges(small)])


_PLACES: Final = np.arange(SIDE) // (SIDE // CELLS)
_FIRST: Final = (_PLACES[:, np.newaxis] * CELLS + _PLACES) * DIRECTIONS
"""Where, among the sums by place and direction, those of each pixel's place begin."""


def _edges(picture: Floats) -> Floats:
    """How strong the edges of each cell are in each direction, of all its edges: (SIDE, SIDE) -> (36 · 8,).

    An edge whose direction lies between two counts for both, for the nearer one more.
    """
    down, right = np.zeros_like(picture), np.zeros_like(picture)
    down[1:-1], right[:, 1:-1] = picture[2:] - picture[:-2], picture[:, 2:] - picture[:, :-2]
    strength = np.hypot(down, right) * np.float32(0.5 * (CELLS / SIDE) ** 2)
    direction = np.arctan2(down, right) * np.float32(DIRECTIONS / (2 * np.pi)) % DIRECTIONS
    before = direction.astype(np.intp)
    nearer_the_next = strength * (direction - before)
    cells = _sums(before, strength - nearer_the_next) + _sums(before + 1, nearer_the_next)
    shares: Floats = np.sqrt(cells / (cells.sum(axis=1, keepdims=True) + np.float32(FAINT))).ravel()
    return shares


def _sums(directions: NDArray[np.intp], weights: Floats) -> Floats:
    """Of weights by place and direction, which begin anew after the last: (SIDE, SIDE) -> (36, 8)."""
    sums = np.bincount((_FIRST + directions % DIRECTIONS).ravel(), weights.ravel(), CELLS**2 * DIRECTIONS)
    return sums.astype(np.float32).reshape(-1, DIRECTIONS)


def _not_chest(reason: str) -> Decision:
    return Decision(False, 1.0, reason, "not_chest_ct")


def _poor(reason: str) -> Decision:
    return Decision(False, 1.0, reason, "poor_quality")
