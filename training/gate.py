"""Fit the gate: what tells training slices from counterexamples, and how strange validation slices may be.

Usual are the training slices, a variant of each (`training.variants`), so that another hospital's crop and window are
usual, too, and a few of our own phantoms, which the page offers. Strange is what `training.counterexamples` makes.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from model.dense import Dense
from model.gate import Limits, seen
from model.images import read
from model.labels import LABELS
from model.phantom import chest_phantom, lung_phantom
from model.pictures import Slice
from model.window import LUNG, Window
from training.counterexamples import KINDS, counterexample
from training.manifest import Row
from training.variants import variant

KEPT: Final = 0.97
"""Share of the validation slices that the gate lets through."""

UNITS: Final = 32
"""Of the layer between the numbers and the answer."""

DECAY: Final = 10.0
"""How strongly large weights are kept down: the more, the less the gate keeps to the institutions that it has seen."""

A_KIND: Final = 250
"""Counterexamples of each kind."""

PASSES: Final = 30
"""Over the examples."""

PHANTOMS: Final = 16
"""Of each class."""

LIMITS: Final = Limits(colour=0.08, aspect=2.0, side=64, contrast=12.0)

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
    plain: NDArray[np.bool_]
    """(n,), which are training slices as they are."""

    def without(self, source: str) -> "Examples":
        """Those of other sources."""
        left = self.sources != source
        return Examples(self.numbers[left], self.strange[left], self.sources[left], self.plain[left])


def examples(rows: Sequence[Row], window: Window, seed: int = 0) -> Examples:
    """Read training slices, and make variants and counterexamples of them."""
    random = np.random.default_rng(seed)
    slices = [read(Path(row.path).read_bytes(), window=window).pixels for row in tqdm(rows, "reading", disable=None)]
    found: list[tuple[Slice, bool, str, bool]] = []
    for row, pixels in zip(rows, slices, strict=True):
        found += [(pixels, False, row.institution, True), (variant(pixels, random), False, row.institution, False)]
    for pixels in _phantoms():
        usual = [pixels, pixels, variant(pixels, random)]
        found += [(one, False, "", False) for one in usual]
    for kind in KINDS:
        for at in random.integers(len(slices), size=A_KIND):
            one = variant(slices[at], random) if random.random() < 0.5 else slices[at]
            found.append((counterexample(kind, one, random), True, rows[at].institution, False))
    pictures, strange, sources, plain = zip(*found, strict=True)
    numbers = np.stack([seen(pixels) for pixels in tqdm(pictures, "seeing", disable=None)])
    return Examples(numbers, np.array(strange), np.array(sources), np.array(plain))


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
    network = MLPClassifier((UNITS,), alpha=DECAY, max_iter=PASSES, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it shall not: the passes are a limit to what is learned
        network.fit(scaler.transform(of.numbers), of.strange)
    inner = network.coefs_[0] / scaler.scale_[:, np.newaxis]
    weights, biases = (
        [inner, network.coefs_[1]],
        [network.intercepts_[0] - scaler.mean_ @ inner, network.intercepts_[1]],
    )
    return Dense([w.astype(np.float32) for w in weights], [b.astype(np.float32) for b in biases])


def to_card(limit: float) -> dict[str, Any]:
    """The card's part, as `model.gate.Gate.load` reads it."""
    return {"threshold": limit, "limits": vars(LIMITS)}


def threshold(layers: Dense, chosen: Floats) -> float:
    """How strange may be what is let through: as strange as lets `KEPT` of these numbers (n, d) through."""
    return float(np.quantile(layers.logits(chosen)[:, 0], KEPT, method="higher"))


def sources_left_out(
    of: Examples, judged: Floats, sources: NDArray[np.str_], chosen: NDArray[np.bool_]
) -> dict[str, Any]:
    """Of each source, how many slices are refused by a gate that was fitted, threshold and all, without the source.

    Args:
        of: what the gate is fitted to.
        judged: the numbers of validation and test slices, (n, d).
        sources: where they are from, (n,).
        chosen: which of them are validation slices, (n,).
    """
    found = {}
    for source in map(str, sorted(set(sources))):
        own = sources == source
        if (chosen & ~own).any():
            layers = fit(of.without(source))
            slices = np.concatenate([of.numbers[of.plain & (of.sources == source)], judged[own]])
            refused = layers.logits(slices)[:, 0] > threshold(layers, judged[chosen & ~own])
            found[source] = {"slices": len(refused), "refused": round(float(refused.mean()), 4)}
    return found
