"""How good the probabilities are, and how sure one may be of that.

Intervals are 95 % percentile intervals of a bootstrap over *patients*: slices of one patient are not independent.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from model.labels import LABELS
from training.manifest import Row, label_indices

Probabilities = NDArray[np.floating[Any]]
"""Shape (n, 3), classes in the order of `model.labels.LABELS`."""

Measure = Callable[[Probabilities, NDArray[np.intp]], float]
"""(probabilities, labels as indices) -> a figure."""

OfClass = Callable[[Probabilities, NDArray[np.intp], int], float]
"""(probabilities, labels as indices, class as index) -> a figure."""

COVID = LABELS.index("covid")
RESAMPLES = 1000


def cross_entropy(probabilities: Probabilities, labels: NDArray[np.intp]) -> float:
    """Mean negative log-likelihood of the true classes, in nats."""
    return float(-np.log(np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1)).mean())


def accuracy(probabilities: Probabilities, labels: NDArray[np.intp]) -> float:
    """Share of slices whose most probable class is the true one."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def recall(probabilities: Probabilities, labels: NDArray[np.intp], label: int) -> float:
    """Share of the slices of class `label` that are called so; NaN where there is none."""
    of_class = labels == label
    return float((probabilities.argmax(axis=1)[of_class] == label).mean()) if of_class.any() else float("nan")


def precision(probabilities: Probabilities, labels: NDArray[np.intp], label: int) -> float:
    """Share of the slices called `label` that are; NaN where none is called so."""
    called = probabilities.argmax(axis=1) == label
    return float((labels[called] == label).mean()) if called.any() else float("nan")


def f1(probabilities: Probabilities, labels: NDArray[np.intp], label: int) -> float:
    """Harmonic mean of precision and recall; NaN where the class does not occur."""
    called, of_class = probabilities.argmax(axis=1) == label, labels == label
    return float(2 * (called & of_class).sum() / (called.sum() + of_class.sum())) if of_class.any() else float("nan")


def macro(measure: OfClass) -> Measure:
    """The mean of a measure over the classes that occur; a class that is never called has a precision of 0."""

    def mean(probabilities: Probabilities, labels: NDArray[np.intp]) -> float:
        return float(np.mean([np.nan_to_num(measure(probabilities, labels, int(y))) for y in np.unique(labels)]))

    return mean


def confusion(probabilities: Probabilities, labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Slices by true class (rows) and called class (columns): shape (3, 3)."""
    matrix = np.zeros((len(LABELS), len(LABELS)), dtype=np.intp)
    np.add.at(matrix, (labels, probabilities.argmax(axis=1)), 1)
    return matrix


def covid_auc(probabilities: Probabilities, labels: NDArray[np.intp]) -> float:
    """ROC AUC of the COVID-19 probability against the rest; NaN where only one of the two is there."""
    return auc(labels == COVID, probabilities[:, COVID])


def auc(positive: NDArray[np.bool_], scores: NDArray[np.floating[Any]]) -> float:
    """ROC AUC: how often a positive has the higher score of a pair; NaN where only one of the two kinds is there.

    By ranks (Mann & Whitney 1947): a bootstrap asks for thousands, and each takes scikit-learn five times as long.

    Raises:
        ValueError: a score is NaN.
    """
    positives = np.count_nonzero(positive)
    pairs = positives * (len(positive) - positives)
    if not pairs:
        return float("nan")
    return float((rankdata(scores, nan_policy="raise")[positive].sum() - positives * (positives + 1) / 2) / pairs)


def risk_coverage(
    probabilities: Probabilities, labels: NDArray[np.intp]
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]:
    """How often the network errs (risk) when it answers only the share of slices (coverage) that it is surest of.

    Returns:
        Coverage and risk, both (n,), from the surest slice alone to all of them.
    """
    surest_first = np.argsort(-probabilities.max(axis=1), kind="stable")
    wrong = (probabilities.argmax(axis=1) != labels)[surest_first]
    answered = np.arange(1, len(labels) + 1)
    return answered / len(labels), np.cumsum(wrong) / answered


def institution_aucs(probabilities: Probabilities, rows: Sequence[Row]) -> dict[str, float]:
    """Institution -> `covid_auc`, of those that have both COVID-19 and other slices."""
    labels = label_indices(rows)
    values = {name: covid_auc(probabilities[at], labels[at]) for name, at in by_institution(rows).items()}
    return {name: value for name, value in values.items() if not math.isnan(value)}


def by_institution(rows: Sequence[Row]) -> dict[str, NDArray[np.intp]]:
    """Institution -> indices of its rows."""
    return _group(row.institution for row in rows)


def by_patient(rows: Sequence[Row]) -> dict[str, NDArray[np.intp]]:
    """Patient -> indices of its rows."""
    return _group(row.patient for row in rows)


def _group(keys: Any) -> dict[str, NDArray[np.intp]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        groups[key].append(index)
    return {key: np.array(indices) for key, indices in sorted(groups.items())}


def summary(probabilities: Probabilities, rows: Sequence[Row], seed: int = 0) -> dict[str, Any]:
    """All figures over all rows and a source at a time.

    Returns:
        {"all": figures, "institutions": {name: figures}}, where figures has "slices", "patients", and for each measure
        {"value", "low", "high"}: the value and its 95 % interval, ``None`` where it is not defined.
    """
    institutions = by_institution(rows)
    return {
        "all": _figures(probabilities, rows, seed),
        "institutions": {
            name: _figures(probabilities[at], [rows[i] for i in at], seed) for name, at in institutions.items()
        },
    }


MEASURES: Final[dict[str, Measure]] = {
    "accuracy": accuracy,
    "balanced_accuracy": macro(recall),
    "precision_macro": macro(precision),
    "f1_macro": macro(f1),
    "covid_auc": covid_auc,
    **{f"recall_{label}": partial(recall, label=index) for index, label in enumerate(LABELS)},
    **{f"precision_{label}": partial(precision, label=index) for index, label in enumerate(LABELS)},
    **{f"f1_{label}": partial(f1, label=index) for index, label in enumerate(LABELS)},
}
"""Every figure of a summary by name."""


def _figures(probabilities: Probabilities, rows: Sequence[Row], seed: int) -> dict[str, Any]:
    labels = label_indices(rows)
    patients = list(by_patient(rows).values())
    generator = np.random.default_rng(seed)
    draws: dict[str, list[float]] = {name: [] for name in MEASURES}
    for _ in range(RESAMPLES):
        drawn = np.concatenate([patients[i] for i in generator.integers(len(patients), size=len(patients))])
        for name, measure in MEASURES.items():
            draws[name].append(measure(probabilities[drawn], labels[drawn]))
    return {
        "slices": len(rows),
        "patients": len(patients),
        **{name: interval(measure(probabilities, labels), draws[name]) for name, measure in MEASURES.items()},
    }


def interval(value: float, draws: Sequence[float]) -> dict[str, float | None]:
    """A figure and its 95 % interval from bootstrap draws of it, as a summary has them."""
    defined = [draw for draw in draws if not np.isnan(draw)]
    if np.isnan(value) or not defined:
        return {"value": None, "low": None, "high": None}
    low, high = np.percentile(defined, [2.5, 97.5])
    return {"value": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4)}
