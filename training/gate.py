"""Fit the gate: what tells chest CT slices from counterexamples, and how strange a slice of a chest may be.

Usual are the slices of training and validation patients, whole series without labels where there are any (their ends
show the lungs' tips and bases, of which the labelled have few), variants of each (`training.variants`), so that another
hospital's crop and window are usual, too, and a few of our own phantoms, which the page offers. Strange is what
`training.counterexamples` makes. How strange a slice may be is told by gates that have not seen its patient.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GroupKFold
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from model.dense import Dense
from model.gate import Limits, seen
from model.images import read
from model.labels import LABELS
from model.lungs import lung_mask
from model.phantom import chest_phantom, lung_phantom
from model.pictures import Slice
from model.preprocessing import Preprocessing
from model.window import LUNG
from training.counterexamples import KINDS, counterexample
from training.manifest import Row
from training.variants import variant

KEPT: Final = 0.97
"""Share of the slices that the gate lets through, each patient counting once, by gates that have not seen them."""

FOLDS: Final = 3
"""Of patients, for that."""

UNITS: Final = 32
"""Of the layer between the numbers and the answer."""

NETWORKS: Final = 3
"""That start from other weights. The mean of their answers is that of one with all their units."""

DECAY: Final = 10.0
"""How strongly large weights are kept down: the more, the less the gate keeps to the institutions that it has seen."""

VARIANTS: Final = 2
"""Of each slice."""

LUNG_SHARE: Final = 0.03
"""How much of a slice without a label must be lung, so that it is one of a chest."""

A_KIND: Final = 400
"""Counterexamples of each kind."""

PASSES: Final = 15
"""Over the examples."""

PHANTOMS: Final = 16
"""Of each class."""

LIMITS: Final = Limits(colour=0.08, aspect=2.5, side=64, contrast=12.0)

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Examples:
    """What the gate is fitted to, as `model.gate.seen` sees it."""

    numbers: Floats
    """(n, d)"""
    strange: NDArray[np.bool_]
    """(n,), which are counterexamples."""
    sources: NDArray[np.str_]
    """(n,), of the slice of which each was made; empty where there was none."""
    patients: NDArray[np.str_]
    """(n,), likewise."""
    plain: NDArray[np.bool_]
    """(n,), which are labelled slices as they are."""

    def at(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> "Examples":
        """Some of them."""
        return Examples(*(vars(self)[field.name][which] for field in fields(self)))


def examples(rows: Sequence[Row], preprocessing: Preprocessing, seed: int = 0) -> Examples:
    """Read slices, make variants and counterexamples of them, and see them as the network is given them."""
    random, window = np.random.default_rng(seed), preprocessing.window
    read_rows = ((row, read(Path(row.path).read_bytes(), window=window).pixels) for row in rows)
    slices = [(row, pixels) for row, pixels in read_rows if row.label or lung_mask(pixels, window).mean() >= LUNG_SHARE]
    found: list[tuple[Floats, bool, str, str, bool]] = []

    def add(pixels: Slice, row: Row | None, strange: bool = False, plain: bool = False) -> None:
        source, patient = (row.institution, row.patient) if row else ("", "")
        found.append((seen(preprocessing.resize(pixels)), strange, source, patient, plain))

    for row, pixels in tqdm(slices, "seeing", disable=None):
        add(pixels, row, plain=bool(row.label))
        for _ in range(VARIANTS):
            add(variant(pixels, random), row)
    for pixels in _phantoms():
        for one in (pixels, pixels, variant(pixels, random)):
            add(one, None)
    for kind in tqdm(KINDS, "counterexamples", disable=None):
        for at in random.integers(len(slices), size=A_KIND):
            row, pixels = slices[at]
            one = variant(pixels, random) if random.random() < 0.5 else pixels
            add(counterexample(kind, one, random), row, strange=True)
    return Examples(*map(np.array, zip(*found, strict=True)))


def _phantoms() -> list[Slice]:
    found = []
    for label in LABELS:
        found += [lung_phantom(label, seed, 128) for seed in range(PHANTOMS)]
        for seed in range(PHANTOMS // 4):
            found += list(LUNG.apply(chest_phantom(label, seed, [0.15, 0.2, 0.3, 0.45, 0.6, 0.75], 128)))
    return found


def fit(of: Examples) -> Dense:
    """The layers: of strange pictures their answer is above 0, of usual ones below."""
    scaler = StandardScaler().fit(of.numbers)
    numbers = scaler.transform(of.numbers)
    fitted = [MLPClassifier((UNITS,), alpha=DECAY, max_iter=PASSES, random_state=seed) for seed in range(NETWORKS)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it shall not: the passes are a limit to what is learned
        for network in fitted:
            network.fit(numbers, of.strange)
    inner = np.hstack([network.coefs_[0] for network in fitted]) / scaler.scale_[:, np.newaxis]
    inner_bias = np.hstack([network.intercepts_[0] for network in fitted]) - scaler.mean_ @ inner
    outer = np.vstack([network.coefs_[1] for network in fitted]) / NETWORKS
    outer_bias = np.mean([network.intercepts_[1] for network in fitted], axis=0)
    return Dense(
        [weights.astype(np.float32) for weights in (inner, outer)],
        [biases.astype(np.float32) for biases in (inner_bias, outer_bias)],
    )


def to_card(limit: float) -> dict[str, Any]:
    """The card's part, as `model.gate.Gate.load` reads it."""
    return {"threshold": limit, "kept": KEPT, "limits": vars(LIMITS)}


def threshold(of: Examples) -> float:
    """How strange may be what is let through: as strange as lets `KEPT` of the labelled slices through.

    A slice is judged by layers that are fitted without its patient.
    """
    scores = np.empty(len(of.numbers))
    for left, out in GroupKFold(FOLDS).split(of.numbers, groups=of.patients):
        scores[out] = fit(of.at(left)).logits(of.numbers[out])[:, 0]
    scores = scores[of.plain]
    _, patient, slices = np.unique(of.patients[of.plain], return_inverse=True, return_counts=True)
    order = np.argsort(scores)
    reached = np.cumsum(1 / slices[patient[order]]) / len(slices)
    return float(scores[order[np.searchsorted(reached, KEPT)]])


def sources_left_out(of: Examples) -> dict[str, Any]:
    """Of each source, how many slices are refused by a gate that was fitted, threshold and all, without the source."""
    found = {}
    for source in map(str, sorted(set(of.sources[of.plain]))):
        others, own = of.at(of.sources != source), of.numbers[of.plain & (of.sources == source)]
        if others.plain.any():
            refused = fit(others).logits(own)[:, 0] > threshold(others)
            found[source] = {"slices": len(refused), "refused": round(float(refused.mean()), 4)}
    return found
