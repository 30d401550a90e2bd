"""Do the heatmaps mean something? Three checks on a sample of slices, one a patient, so that slices are independent.

*Randomisation* (Adebayo et al. 2018): a map that stays when the network's weights are shuffled shows the picture, not
what the network learned. *Deletion*: wiping what is hot, which spoke for the class, must lower its probability more
than wiping as much elsewhere in the body; around it there is nothing to wipe. (What is scattered moves it up or down by
as much.) *Lungs*: how much of the heat lies where the disease is. Intervals are 95 %, by bootstrap over the slices.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy.stats import spearmanr

from model import heatmap
from model.dense import Dense
from model.heatmap import FLOOR, grad_cam
from model.images import Slice, read
from model.lungs import body_mask, lung_mask
from model.predictor import Predictor
from training import figures
from training.manifest import Row
from training.metrics import RESAMPLES, by_patient, interval

SLICES: Final = 60
KERAS_SLICES: Final = 12
"""Of the sample, for the check with the whole network shuffled."""
DRAWS: Final = 3
"""Random choices that each choice of the heat is compared with."""
SHARES: Final = (0.05, 0.1, 0.2, 0.4)
"""Of the body's pixels that are wiped; the sentence is about `NAMED`."""
NAMED: Final = 0.1

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Case:
    """A slice, what the network called it, and why."""

    pixels: Slice
    label: int
    heat: Floats
    """(h, w), not scaled."""
    body: NDArray[np.bool_]
    """Of the shape of `pixels`."""
    features: Floats
    last_map: Floats
    fine_map: Floats | None

    def explained_by(self, head: Dense) -> Floats:
        """The heat of the same label in the same maps, by another head."""
        return grad_cam(head, self.features, self.last_map, self.label, self.fine_map)


@dataclass(frozen=True)
class Checks:
    """What was found; an array has one entry a slice."""

    without_heat: int
    """Slices of the sample that have no heat; they are left out."""
    shuffled_head: Floats
    """Rank correlation of the maps before and after."""
    shuffled_network: Floats
    deleted: dict[str, dict[str, Floats]]
    """What is put in place of pixels -> how these were chosen -> (slices, shares), by how much the probability fell"""
    in_lungs: Floats
    """Share of the heat."""
    lungs: Floats
    """Share of the slice that is lung: what heat without a place would have."""

    def sentences(self) -> list[str]:
        """What a reader of the figures must know."""
        number, at = len(self.shuffled_head), SHARES.index(NAMED)
        said = [
            f"Heatmaps were checked on {number} slices, one a patient ({self.without_heat} more had no heat at all).",
            f"Rank correlation of a heatmap with that of the shuffled head: {_mean(self.shuffled_head)}; with that of "
            f"the shuffled network, on {len(self.shuffled_network)} slices: {_mean(self.shuffled_network)} (1: the "
            "map does not depend on what was learned).",
        ]
        for fill, change in self.deleted.items():
            hot, random = (values[:, at] for values in change.values())
            said.append(
                f"Wiping the hottest {NAMED:.0%} of the body (with {fill}) lowers the probability by {_mean(hot)}, "
                f"a random {NAMED:.0%} by {_mean(random)}; the difference is {_mean(hot - random)}; the hottest lower "
                f"it more in {(hot > random).mean():.0%} of the slices."
            )
        said.append(f"Share of the heat inside the lungs: {_mean(self.in_lungs)}; of the slice, {_mean(self.lungs)}.")
        return said

    def figures(self) -> dict[str, Figure]:
        """Heading -> figure."""
        return {f"Deletion with {fill}": figures.deletion(SHARES, change) for fill, change in self.deleted.items()}


def run(predictor: Predictor, rows: Sequence[Row], seed: int = 0) -> Checks | None:
    """Check the heatmaps of a bundle on a sample of `rows`; ``None`` where it has no heatmaps, or no slice has heat."""
    head, random = predictor.bundle.head, np.random.default_rng(seed)
    if head is None:
        return None
    sampled = [_case(predictor, head, row) for row in _sample(rows, random)]
    cases = [case for case in sampled if case.heat.max() >= FLOOR]
    if not cases:
        return None
    heads = [head.shuffled(random) for _ in range(DRAWS)]
    lungs = [lung_mask(case.pixels, predictor.bundle.preprocessing.window) for case in cases]
    heat = [_enlarged(case.heat, case.pixels) for case in cases]
    return Checks(
        without_heat=len(sampled) - len(cases),
        shuffled_head=np.array([np.mean([_alike(c.heat, c.explained_by(other)) for other in heads]) for c in cases]),
        shuffled_network=_shuffled_network(predictor, cases[:KERAS_SLICES], random),
        deleted={name: _deleted(predictor, cases, fill, random) for name, fill in FILLS.items()},
        in_lungs=np.array([one[mask].sum() / one.sum() for one, mask in zip(heat, lungs, strict=True)]),
        lungs=np.array([mask.mean() for mask in lungs]),
    )


def _sample(rows: Sequence[Row], random: np.random.Generator) -> list[Row]:
    """One slice of each of at most `SLICES` patients."""
    patients = list(by_patient(rows).values())
    chosen = random.permutation(len(patients))[:SLICES]
    return [rows[int(random.choice(patients[i]))] for i in chosen]


def _case(predictor: Predictor, head: Dense, row: Row) -> Case:
    preprocessing = predictor.bundle.preprocessing
    pixels = read(Path(row.path).read_bytes(), window=preprocessing.window).pixels
    outputs = predictor.run(preprocessing.batch([pixels]))
    label, fine = int(outputs.probabilities[0].argmax()), None if outputs.fine_map is None else outputs.fine_map[0]
    features, last_map = outputs.features[0], outputs.feature_map[0]
    heat, body = grad_cam(head, features, last_map, label, fine), body_mask(pixels, preprocessing.window)
    return Case(pixels, label, heat, body, features, last_map, fine)


def _shuffled_network(predictor: Predictor, cases: Sequence[Case], random: np.random.Generator) -> Floats:
    """Rank correlation of the maps with those of the network each of whose weights is shuffled within its array."""
    import keras

    from model.architecture import with_all_outputs
    from training import head

    network = keras.models.load_model(predictor.bundle.h5, compile=False)
    for layer in network.layers:
        layer.set_weights([random.permutation(weight.ravel()).reshape(weight.shape) for weight in layer.get_weights()])
    with tempfile.TemporaryDirectory() as folder:
        head.write(network, Path(folder, "head.npz"))
        other = Dense.load(Path(folder, "head.npz"), len(predictor.bundle.labels))
    batch = predictor.bundle.preprocessing.batch([case.pixels for case in cases])
    outputs = with_all_outputs(network).predict_on_batch(batch)
    found = []
    for at, case in enumerate(cases):
        fine = outputs["fine_map"][at] if "fine_map" in outputs else None
        heat = grad_cam(other, outputs["features"][at], outputs["feature_map"][at], case.label, fine)
        found.append(_alike(case.heat, heat))
    return np.array(found)


def _deleted(
    predictor: Predictor, cases: Sequence[Case], fill: Callable[[Case], Slice], random: np.random.Generator
) -> dict[str, Floats]:
    """By how much wiping the hottest pixels lowers the probability, and wiping as many elsewhere: (slices, shares)."""
    hot, elsewhere = [], []
    for case in cases:
        others = [_elsewhere(case, random) for _ in range(DRAWS)]
        hot.append(_changes(predictor, case, case.heat, fill))
        elsewhere.append(np.mean([_changes(predictor, case, other, fill) for other in others], axis=0))
    return {"the hottest": np.array(hot), "at random": np.array(elsewhere)}


def _elsewhere(case: Case, random: np.random.Generator) -> Floats:
    """The same heat in other cells of the body, so that what is wiped is as scattered."""
    height, width = case.heat.shape
    cells = np.asarray(Image.fromarray(case.body).convert("L").resize((width, height), Image.Resampling.BOX)) > 127
    other = case.heat.copy()
    other[cells] = random.permutation(case.heat[cells])
    return other


def _changes(predictor: Predictor, case: Case, heat: Floats, fill: Callable[[Case], Slice]) -> Floats:
    """(shares,), by how much the probability of the label falls without the hottest pixels of `heat`."""
    large, instead = np.where(case.body, _enlarged(heat, case.pixels), -1), fill(case)
    order = np.argsort(-large.ravel(), kind="stable")[: np.count_nonzero(case.body)]
    slices = [case.pixels]
    for share in SHARES:
        wiped = case.pixels.copy()
        places = order[: round(share * order.size)]
        wiped.ravel()[places] = instead.ravel()[places]
        slices.append(wiped)
    probabilities = predictor.run(predictor.bundle.preprocessing.batch(slices)).probabilities[:, case.label]
    fell: Floats = probabilities[0] - probabilities[1:]
    return fell


def _even(case: Case) -> Slice:
    body = case.pixels[case.body]
    return np.full_like(case.pixels, round(float(body.mean())) if body.size else 0)


def _blurred(case: Case) -> Slice:
    pixels = case.pixels
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(min(pixels.shape) / 16)))


FILLS: Final = {"the mean gray": _even, "a blur": _blurred}
"""What is put in place of pixels. None is neutral: in a lung, gray looks like disease."""


def _enlarged(heat: Floats, pixels: Slice) -> Floats:
    """The heat of each pixel of the slice, at least 0."""
    height, width = pixels.shape
    large = Image.fromarray(heatmap.scaled(heat.astype(np.float32))).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(large)


def _alike(one: Floats, other: Floats) -> float:
    """Rank correlation of two maps; 0 where one of them is the same everywhere."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one.ravel(), other.ravel()).statistic)


def _mean(values: Floats) -> str:
    """The mean with its interval."""
    random = np.random.default_rng(0)
    draws = [float(values[random.integers(len(values), size=len(values))].mean()) for _ in range(RESAMPLES)]
    found = interval(float(values.mean()), draws)
    return f"{found['value']:.3f} ({found['low']:.3f}–{found['high']:.3f})"
