"""Fit what makes probabilities mean what they say: a temperature, and the thresholds of the prediction sets.

Both come from the validation patients, and are judged on the test patients. The sets are those of split conformal
prediction, a class at a time. Slices of one patient are alike, so that patients, not slices, are what is exchangeable:
each counts once, shared among its slices (Lee, Barber & Willett, *Distribution-free inference with hierarchical data*,
2023). Where each patient has one slice, that is what MAPIE and crepes compute; for several they have no such weights.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from model.calibration import LEVEL, LEVELS, Calibration, softmax
from model.labels import LABELS
from training.manifest import Row, label_indices
from training.metrics import RESAMPLES, Probabilities, by_institution, by_patient, cross_entropy, interval

FEWEST: Final = 20
"""Patients of a class from which it gets thresholds of its own. With eight, no label could be kept out at 0.9."""

BINS: Final = 10

TEMPERATURES: Final = (0.1, 10.0)


def fit(logits: NDArray[np.floating[Any]], rows: Sequence[Row]) -> dict[str, Any]:
    """A card's `calibration` from the network's answers for the validation rows: logits (n, 3)."""
    temperature = fit_temperature(logits, label_indices(rows))
    sets, marginal, patients = fit_sets(softmax(logits, temperature), rows)
    note = "A threshold a class, calibrated over validation patients. It holds for patients of the same sources."
    if marginal:
        note += f" Too few patients for a threshold of their own, so with that of all classes: {', '.join(marginal)}."
    return {
        "temperature": round(temperature, 4),
        "sets": {f"{level:.2f}": row for level, row in sets.items()},
        "marginal": marginal,
        "patients": patients,
        "note": note,
    }


def fit_temperature(logits: NDArray[np.floating[Any]], labels: NDArray[np.intp]) -> float:
    """The temperature with the least cross-entropy, as scikit-learn's `method="temperature"` finds it.

    Not by scikit-learn itself, which cannot fit where a class of the network has no slice.
    """

    def loss(logarithm: float) -> float:
        return cross_entropy(softmax(logits, float(np.exp(logarithm))), labels)

    return float(np.exp(minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded").x))


def fit_sets(
    probabilities: Probabilities, rows: Sequence[Row]
) -> tuple[dict[float, dict[str, float]], list[str], dict[str, int]]:
    """Level -> label -> threshold; the labels that have the marginal one; and how many patients each label had."""
    labels = label_indices(rows)
    true = probabilities[np.arange(len(rows)), labels]
    patients = {label: len({row.patient for row in rows if row.label == label}) for label in LABELS}
    marginal = [label for label, number in patients.items() if number < FEWEST]
    of = {
        label: np.arange(len(rows)) if label in marginal else np.flatnonzero(labels == index)
        for index, label in enumerate(LABELS)
    }
    sets = {
        level: {label: least(true[at], [rows[int(i)] for i in at], level) for label, at in of.items()}
        for level in LEVELS
    }
    return sets, marginal, patients


def least(true: NDArray[np.floating[Any]], rows: Sequence[Row], level: float) -> float:
    """The probability that the true label has in a share `level` of the patients, and in one patient more.

    Args:
        true: (n,), the probability of the true label, of each of `rows`.
        rows: whose patients count once each, shared among their slices.
        level: the share.

    Returns:
        0 where there are too few patients for that level: then the label is always in the set.
    """
    patients = by_patient(rows)
    weights = np.empty(len(rows))
    for at in patients.values():
        weights[at] = 1 / len(at)
    order = np.argsort(-true)
    reached = np.cumsum(weights[order])
    enough = np.flatnonzero(reached >= level * (len(patients) + 1) - 1e-9)
    # Rounded down, so that the slice that sets the threshold stays in.
    return float(np.floor(true[order[int(enough[0])]] * 1e6) / 1e6) if len(enough) else 0.0


def membership(calibration: Calibration, probabilities: Probabilities, level: float = LEVEL) -> NDArray[np.bool_]:
    """Which labels are in the sets: (n, 3) -> (n, 3)."""
    return probabilities >= np.array([calibration.thresholds[level][label] for label in LABELS])


def judge(calibration: Calibration, logits: NDArray[np.floating[Any]], rows: Sequence[Row]) -> dict[str, Any]:
    """What calibration and sets are worth on patients who had no part in them, overall and a source at a time."""
    places = {"all": np.arange(len(rows)), **by_institution(rows)}
    return {name: _judged(calibration, logits[at], [rows[int(i)] for i in at]) for name, at in places.items()}


def _judged(calibration: Calibration, logits: NDArray[np.floating[Any]], rows: Sequence[Row]) -> dict[str, Any]:
    labels, patients = label_indices(rows), list(by_patient(rows).values())
    before, after = softmax(logits), calibration.probabilities(logits)
    inside = membership(calibration, after)
    covered, sizes = inside[np.arange(len(rows)), labels], inside.sum(axis=1)
    random = np.random.default_rng(0)
    draws = [random.integers(len(patients), size=len(patients)) for _ in range(RESAMPLES)]

    def over_slices(measure: Callable[[NDArray[np.intp]], float]) -> dict[str, float | None]:
        drawn = [measure(np.concatenate([patients[i] for i in draw])) for draw in draws]
        return interval(measure(np.arange(len(rows))), drawn)

    def over_patients(values: NDArray[Any]) -> dict[str, float | None]:
        means = np.array([values[at].mean() for at in patients])
        return interval(float(means.mean()), [float(means[draw].mean()) for draw in draws])

    return {
        "slices": len(rows),
        "patients": len(patients),
        "error_before": over_slices(lambda at: calibration_error(before[at], labels[at])),
        "error_after": over_slices(lambda at: calibration_error(after[at], labels[at])),
        "level": LEVEL,
        "coverage": over_patients(covered),
        "set_size": over_patients(sizes),
        "single": over_patients(sizes == 1),
    }


def calibration_error(probabilities: Probabilities, labels: NDArray[np.intp]) -> float:
    """Expected calibration error of the most probable class, over `BINS` bins with as many slices each.

    It is never 0, even of perfect probabilities: few slices in a bin differ from its mean by chance.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.array_split(np.argsort(confidence, kind="stable"), BINS)
    gaps = [len(at) * abs(float(confidence[at].mean() - right[at].mean())) for at in bins if len(at)]
    return sum(gaps) / len(labels)


def sources_left_out(
    logits: NDArray[np.floating[Any]], rows: Sequence[Row], test_logits: NDArray[np.floating[Any]], test: Sequence[Row]
) -> dict[str, Any]:
    """Coverage and set size on each source when thresholds come from the others: what a new hospital does to them.

    The network itself has learned from the source, so that a hospital that is new to it, too, may be worse.
    """
    found = {}
    for name, at in by_institution(test).items():
        others = [i for i, row in enumerate(rows) if row.institution != name]
        left = [rows[i] for i in others]
        if len({row.label for row in left}) > 1:
            fitted = Calibration.from_card(fit(logits[others], left), LABELS)
            assert fitted
            judged = _judged(fitted, test_logits[at], [test[int(i)] for i in at])
            found[name] = {key: judged[key] for key in ("patients", "coverage", "set_size")}
    return found
