"""Fit the gate: what the training slices look like to the network, and how far validation slices lie from it."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA

from model.gate import THUMBNAIL, Limits, View, largest

KEPT: Final = 0.97
"""Share of the validation slices that the gate lets through."""

COMPONENTS: Final = 96
"""Most principal components of a view in which its distance is measured."""

LIMITS: Final = Limits(colour=0.08, aspect=2.0, side=64, contrast=12.0, air=0.01)

Floats = NDArray[np.floating[Any]]


def fit(learned: Floats, chosen: Floats) -> tuple[list[View], float]:
    """The views and the threshold of the gate.

    Args:
        learned: what `model.gate.seen` gives for the training slices, (n, d); both views, that of the network's numbers
            and that of the thumbnail, are fitted to them.
        chosen: the same for the validation slices; they set each view's scale, and the threshold.
    """
    views = []
    network = learned.shape[1] - THUMBNAIL**2
    for start, end in ((0, network), (network, learned.shape[1])):
        mean, whiten = fit_distance(learned[:, start:end])
        scale = threshold(View(start, 1.0, mean, whiten).distance(chosen))
        views.append(View(start, scale, mean, whiten))
    return views, threshold(largest(views, chosen))


def matrices(views: Sequence[View]) -> dict[str, NDArray[np.float32]]:
    """What the gate's file holds."""
    named = [{f"mean{number}": view.mean, f"whiten{number}": view.whiten} for number, view in enumerate(views)]
    return {name: matrix for one in named for name, matrix in one.items()}


def to_card(views: Sequence[View], limit: float) -> dict[str, Any]:
    """The card's part, as `model.gate.Gate.load` reads it."""
    return {
        "threshold": limit,
        "views": [{"start": view.start, "scale": view.scale, "components": len(view.whiten)} for view in views],
        "limits": vars(LIMITS),
    }


def fit_distance(numbers: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and whitening of the distance, from some numbers of the training slices: (n, d) -> (d,), (k, d)."""
    mean, spread = numbers.mean(axis=0), numbers.std(axis=0)
    spread = spread + 1e-6
    pca = PCA(min(COMPONENTS, *numbers.shape), svd_solver="covariance_eigh").fit((numbers - mean) / spread)
    reduced = pca.transform((numbers - mean) / spread)
    precision = np.linalg.cholesky(LedoitWolf(assume_centered=True).fit(reduced).precision_)
    whiten = precision.T @ pca.components_ / spread
    return mean.astype(np.float32), whiten.astype(np.float32)


def threshold(distances: Floats) -> float:
    """The distance that lets `KEPT` of these through."""
    return float(np.quantile(distances, KEPT, method="higher"))
