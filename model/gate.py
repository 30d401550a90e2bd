"""Is this an axial slice of a chest, like those that the network knows? A network has an answer for any picture.

Two steps: cheap checks of the picture (colour, sides, contrast, air inside a body), then how far the means of the
network's maps, at several depths, lie from those of the training slices, as a Mahalanobis distance. `training.gate`
fits it; the limits stand in the card, the matrices in a file beside it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from model.errors import BundleError
from model.lungs import lung_share
from model.pictures import Picture
from model.window import Window

Refusal = Literal["not_chest_ct", "poor_quality"]

UNUSUAL: Final = "It does not look like the axial chest CT slices that the network knows."

MATRICES: Final = ("mean", "whiten")


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


class Gate:
    """The limits, and the distance."""

    def __init__(
        self, limits: Limits, threshold: float, mean: NDArray[np.float32], whiten: NDArray[np.float32]
    ) -> None:
        self.limits = limits
        self.threshold = threshold
        """The largest distance that is let through."""
        self._mean, self._whiten = mean, whiten

    @classmethod
    def load(cls, path: Path, card: dict[str, Any]) -> "Gate":
        """Read the gate of a bundle.

        Raises:
            BundleError: the card's part lacks something, or the file is not that of a gate of this shape.
        """
        try:
            limits = Limits(**{field.name: card["limits"][field.name] for field in fields(Limits)})
            with np.load(path, allow_pickle=False) as file:
                mean, whiten = (np.asarray(file[name], np.float32) for name in MATRICES)
            if (mean.ndim, whiten.shape[1:], len(whiten)) != (1, mean.shape, card["components"]):
                raise ValueError(f"its matrices are of the shapes {mean.shape} and {whiten.shape}")
            return cls(limits, float(card["threshold"]), mean, whiten)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{path} is not the gate that the card describes: {error}") from error

    @property
    def inputs(self) -> int:
        """How many numbers of the network the distance takes."""
        return len(self._mean)

    def distance(self, depths: NDArray[np.float32]) -> NDArray[np.float32]:
        """Squared Mahalanobis distance, a dimension: (n, inputs) -> (n,)."""
        return distance(depths, self._mean, self._whiten)

    def decide(self, picture: Picture, window: Window, depths: NDArray[np.float32]) -> Decision:
        """Judge one picture by itself and by what the network made of it: (inputs,)."""
        refused = self.check(picture, window)
        if refused:
            return refused
        far = float(self.distance(depths[np.newaxis])[0])
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


def distance(
    depths: NDArray[np.float32], mean: NDArray[np.float32], whiten: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Squared length of the whitened difference, a component: (n, d), (d,), (k, d) -> (n,)."""
    far: NDArray[np.float32] = np.square((depths - mean) @ whiten.T).mean(axis=-1)
    return far


def _not_chest(reason: str) -> Decision:
    return Decision(False, 1.0, reason, "not_chest_ct")


def _poor(reason: str) -> Decision:
    return Decision(False, 1.0, reason, "poor_quality")
