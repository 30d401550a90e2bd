"""Batches of cached slices for `keras.Model.fit`, on any Keras backend (so: no tf.data)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from model.labels import LABELS
from training.manifest import Row


@dataclass(frozen=True)
class Examples:
    """Slices with their targets and weights.

    pixels: uint8 (n, size, size); targets: float32 (n, 3), rows sum to 1; weights: float32 (n,), mean 1; features:
    float32 (n, d), a teacher's, where there is one.
    """

    pixels: NDArray[np.uint8]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]
    features: NDArray[np.float32] | None = None


Batch = dict[str, NDArray[np.float32]]
"""Targets, or their weights, for each output of the trainer: ``label``, and ``features`` where there is a teacher."""


class Batches(keras.utils.PyDataset):
    """One epoch of (slices, targets, weights), slices as uint8 (n, size, size, 1), in the order of one permutation."""

    def __init__(self, examples: Examples, batch_size: int, order: NDArray[np.intp]) -> None:
        # With one thread Keras has tf.data tune itself, and when an epoch is over, tf.data sleeps until it would have
        # tuned itself again: for as long as the epoch took, at worst.
        super().__init__(workers=2)
        self._examples, self._batch_size, self._order = examples, batch_size, order

    def __len__(self) -> int:
        return steps_per_epoch(len(self._order), self._batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Batch, Batch]:
        # Sorted, because the pixels are memory-mapped.
        chosen = np.sort(self._order[index * self._batch_size : (index + 1) * self._batch_size])
        e = self._examples
        targets, weights = {"label": e.targets[chosen]}, {"label": e.weights[chosen]}
        if e.features is not None:
            targets["features"], weights["features"] = e.features[chosen], np.ones(len(chosen), np.float32)
        return e.pixels[chosen][..., np.newaxis], targets, weights


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Whole batches in `count` slices. The rest waits for another epoch: a small batch disturbs the BatchNorms."""
    return max(1, count // batch_size)


def epoch_order(count: int, seed: Sequence[int]) -> NDArray[np.intp]:
    """The order of `count` slices in the epoch that `seed` names."""
    return np.random.default_rng(seed).permutation(count)


def one_hot(rows: Sequence[Row]) -> NDArray[np.float32]:
    """The labels as float32 (n, 3); a slice without a label has zeros."""
    return np.array([[row.label == label for label in LABELS] for row in rows], dtype=np.float32)


def balanced_weights(rows: Sequence[Row], balance: str, limit: float) -> NDArray[np.float32]:
    """One weight a slice, float32 (n,), of mean 1.

    ``none``: all alike. ``class``: every class counts alike, as scikit-learn's ``balanced``.
    ``class_within_institution``: so inside each institution, which keeps its share: then the institution alone says
    nothing of the class. ``institution``: so, and every institution counts alike, however few its slices.

    No weight exceeds `limit` times the smallest, so that 40 slices of two patients do not outshout thousands.
    """
    if balance == "none":
        return np.ones(len(rows), dtype=np.float32)
    groups = [("" if balance == "class" else row.institution, row.label) for row in rows]
    slices = Counter(groups)
    classes_of_institution = Counter(institution for institution, _ in slices)
    shares: Counter[str] = Counter(institution for institution, _ in groups)
    if balance == "institution":
        shares = Counter(dict.fromkeys(shares, 1))
    weights = np.array([shares[group[0]] / (classes_of_institution[group[0]] * slices[group]) for group in groups])
    weights = np.minimum(weights, limit * weights.min())
    scaled: NDArray[np.float32] = (weights / weights.mean()).astype(np.float32)
    return scaled
