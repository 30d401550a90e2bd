"""The gate of bundles from before `model.gate` learned from counterexamples; it goes with the last of them.

How far a picture lies from the training slices in two views: the network's means at several depths, and a thumbnail.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.gate import Decision, Gate, Limits, decision
from model.pictures import Picture, Slice

THUMBNAIL = 16
FLAT = 8.0


class FormerGate(Gate):
    """The largest of the views' distances decides."""

    def __init__(self, limits: Limits, threshold: float, views: list[tuple[int, float, Any, Any]]) -> None:
        self.limits, self.threshold, self._views = limits, threshold, views
        self.depths = max(start + len(mean) for start, _, mean, _ in views) - THUMBNAIL**2

    @classmethod
    def read(cls, path: Path, card: dict[str, Any], limits: Limits) -> "FormerGate":
        """Read the gate of a bundle; raises what `model.gate.Gate.load` catches."""
        views = []
        with np.load(path, allow_pickle=False) as file:
            for number, view in enumerate(card["views"]):
                mean, whiten = file[f"mean{number}"], file[f"whiten{number}"]
                if (mean.ndim, whiten.shape) != (1, (view["components"], len(mean))):
                    raise ValueError(f"its matrices are of the shapes {mean.shape} and {whiten.shape}")
                views.append((int(view["start"]), float(view["scale"]), mean, whiten))
        return cls(limits, float(card["threshold"]), views)

    def decide(self, picture: Picture, depths: NDArray[np.float32] | None = None) -> Decision:
        """As the gate, but for what it looks at."""
        assert depths is not None
        numbers = np.concatenate([depths, _thumbnail(picture.pixels)])
        distances = [
            np.square(whiten @ (numbers[start : start + len(mean)] - mean)).mean() / scale
            for start, scale, mean, whiten in self._views
        ]
        return self.check(picture) or decision(float(np.log(max(distances) / self.threshold)))


def _thumbnail(pixels: Slice) -> NDArray[np.float32]:
    small = Image.fromarray(pixels).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    gray = np.asarray(small, np.float32).ravel()
    scaled: NDArray[np.float32] = (gray - gray.mean()) / (gray.std() + FLAT)
    return scaled
