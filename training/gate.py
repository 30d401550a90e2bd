"""Fit the gate: what the training slices look like to the network, and how far validation slices lie from it."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA

from model.gate import Limits

KEPT: Final = 0.97
"""Share of the validation slices that the gate lets through."""

COMPONENTS: Final = 96
"""Principal components of the features in which the distance is measured."""

LIMITS: Final = Limits(colour=0.08, aspect=2.0, side=64, contrast=12.0, air=0.01)

Floats = NDArray[np.floating[Any]]


def fit_distance(depths: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and whitening of the distance, from the features of the training slices: (n, d) -> (d,), (k, d)."""
    mean, spread = depths.mean(axis=0), depths.std(axis=0) + 1e-6
    pca = PCA(min(COMPONENTS, *depths.shape), svd_solver="full").fit((depths - mean) / spread)
    reduced = pca.transform((depths - mean) / spread)
    precision = np.linalg.cholesky(LedoitWolf(assume_centered=True).fit(reduced).precision_)
    whiten = precision.T @ pca.components_ / spread
    return mean.astype(np.float32), whiten.astype(np.float32)


def threshold(distances: Floats) -> float:
    """The distance that lets `KEPT` of these through."""
    return float(np.quantile(distances, KEPT, method="higher"))
