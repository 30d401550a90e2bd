"""Is this an axial slice of a chest, like those that the network knows? A network has an answer for any picture.

Two steps: cheap checks of the picture (colour, sides, contrast, air inside a body), then how far it lies from the
training slices in two views: the means of the network's maps at several depths, and a thumbnail of the picture itself.
The view in which it is the strangest decides. `training.gate` fits them; the limits stand in the card, the
matrices in a file beside it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.errors import BundleError
from model.lungs import lung_share
from model.pictures import Picture, Slice
from model.window import Window

Refusal = Literal["not_chest_ct", "poor_quality"]

UNUSUAL: Final = "It does not look like the axial chest CT slices that the network knows."

THUMBNAIL: Final = 16
"""Pixels on a side of the thumbnail: body, lungs and spine are there, and nothing that tells people apart."""

FLAT: Final = 8.0
"""Gray levels added to the standard deviation of a thumbnail that divides it: noise stays small."""


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
    """Least standard deviation of the gray levels, of 255."""
    air: float
    """Least share of the body that is air inside it; see `model.lungs.lung_share`."""


@dataclass(frozen=True)
class View:
    """Some of the numbers that are known of a picture, and what is usual for them."""

    start: int
    """Where they begin among the numbers of `seen`."""
    scale: float
    """The distance that is let through, in this view alone."""
    mean: NDArray[np.float32]
    """(d,)"""
    whiten: NDArray[np.float32]
    """(k, d)"""

    def distance(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Squared Mahalanobis distance, of `scale`: numbers of `seen`, (n, inputs) -> (n,)."""
        apart = numbers[:, self.start : self.start + len(self.mean)] - self.mean
        far: NDArray[np.float32] = np.square(apart @ self.whiten.T).mean(axis=-1) / np.float32(self.scale)
        return far


class Gate:
    """The limits, and the views."""

    def __init__(self, limits: Limits, threshold: float, views: Sequence[View]) -> None:
        self.limits = limits
        self.threshold = threshold
        """The largest distance that is let through."""
        self._views = views

    @classmethod
    def load(cls, path: Path, card: dict[str, Any]) -> "Gate":
        """Read the gate of a bundle.

        Raises:
            BundleError: the card's part lacks something, or the file is not that of a gate of this shape.
        """
        try:
            limits = Limits(**{field.name: card["limits"][field.name] for field in fields(Limits)})
            with np.load(path, allow_pickle=False) as file:
                views = [_view(file, number, view) for number, view in enumerate(card["views"])]
            return cls(limits, float(card["threshold"]), views)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{path} is not the gate that the card describes: {error}") from error

    @property
    def inputs(self) -> int:
        """How many numbers of the network the distance takes."""
        return max(view.start + len(view.mean) for view in self._views) - THUMBNAIL**2

    def distance(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """The largest of the views' distances: what `seen` gives, (n, inputs) -> (n,)."""
        return largest(self._views, numbers)

    def decide(self, picture: Picture, window: Window, depths: NDArray[np.float32]) -> Decision:
        """Judge one picture by itself and by what the network made of it: (inputs,)."""
        refused = self.check(picture, window)
        if refused:
            return refused
        far = float(self.distance(seen(depths, picture.pixels)[np.newaxis])[0])
        score = far / (far + self.threshold)
        if far > self.threshold:
            return Decision(False, score, UNUSUAL, "not_chest_ct")
        return Decision(True, score)

    def check(self, picture: Picture, window: Window) -> Decision | None:
        """What speaks against a picture before the network has seen it."""
        height, width = picture.pixels.shape
        limits = self.limits
        if picture.colour > limits.colour:
            return _not_chest("It is in colour; a CT slice is gray.")
        if max(height, width) > limits.aspect * min(height, width):
            return _not_chest("It is much longer than wide; an axial CT slice is nearly square.")
        if min(height, width) < limits.side:
            return _poor(f"It has {width} × {height} pixels, too few to judge a lung by.")
        if picture.pixels.std() < limits.contrast:
            return _poor("It has hardly any contrast.")
        if lung_share(picture.pixels, window) < limits.air:
            return _not_chest("There is no air inside a body in it, as there is in lungs.")
        return None


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


def seen(depths: NDArray[np.float32], pixels: Slice) -> NDArray[np.float32]:
    """All that the views look at: the network's means (d,), then the thumbnail, -> (d + 256,)."""
    small = Image.fromarray(pixels).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    gray = np.asarray(small, np.float32).ravel()
    return np.concatenate([depths, (gray - gray.mean()) / (gray.std() + FLAT)])


def largest(views: Sequence[View], numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest of the views' distances: (n, inputs) -> (n,)."""
    far: NDArray[np.float32] = np.max([view.distance(numbers) for view in views], axis=0)
    return far


def _view(file: Mapping[str, Any], number: int, card: dict[str, Any]) -> View:
    mean, whiten = (np.asarray(file[f"{name}{number}"], np.float32) for name in ("mean", "whiten"))
    if (mean.ndim, whiten.shape[1:], len(whiten)) != (1, mean.shape, card["components"]):
        raise ValueError(f"its matrices are of the shapes {mean.shape} and {whiten.shape}")
    return View(int(card["start"]), float(card["scale"]), mean, whiten)


def _not_chest(reason: str) -> Decision:
    return Decision(False, 1.0, reason, "not_chest_ct")


def _poor(reason: str) -> Decision:
    return Decision(False, 1.0, reason, "poor_quality")
