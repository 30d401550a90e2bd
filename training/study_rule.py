"""Fit the rule that turns slices into a study's answer, on validation patients, and compare it with the obvious others.

What the comparison is worth is in the number of patients beside it. Slices of these sources are a few a patient, chosen
by hand; a whole series, most of whose slices show no lesion even in a sick patient, is another thing.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.labels import LABELS
from model.predictor import Predictor
from model.study_rule import COMBINATIONS, COVID, Probabilities, StudyRule
from training.evaluate import probabilities
from training.manifest import Row
from training.metrics import auc

MIN_SLICES: Final = 2
"""Of a patient who can tell one way to combine slices from another."""

MIN_PATIENTS: Final = 5
"""With COVID-19, and without, from which a threshold is fitted."""

THRESHOLDS: Final = (0.1, 0.9)
"""Between which a threshold must lie: beyond, it tells of the few patients it was fitted on."""

NOTE: Final = (
    "Fitted on validation patients with several labelled slices. These slices were chosen by their sources and are no "
    "whole series: on whole series the thresholds and the order of the rules may be others."
)


def fit(predictor: Predictor, rows: Sequence[Row]) -> dict[str, Any]:
    """The study rule as it stands in the card: name, thresholds, and the comparison that they come from.

    With too few patients the thresholds are the defaults of `model.study_rule.StudyRule`.
    """
    return fitted(probabilities(predictor, rows).astype(np.float64), rows)


def fitted(answers: Probabilities, rows: Sequence[Row]) -> dict[str, Any]:
    """`fit` on the answers for `rows`: shape (n, 3)."""
    studies, sick = _patients(answers, rows)
    default = StudyRule()
    rule: dict[str, Any] = {"name": default.name, "threshold": default.threshold}
    rule |= {"slice_threshold": default.slice_threshold}
    rule["patients"] = {"covid": int(sick.sum()), "other": int((~sick).sum())}
    if min(rule["patients"].values()) < MIN_PATIENTS:
        return {**rule, "comparison": None, "note": "Too few patients to fit thresholds: these are the defaults."}
    rule["comparison"] = {name: _judged(name, studies, sick) for name in COMBINATIONS}
    rule["threshold"] = rule["comparison"][default.name]["threshold"]
    slices_sick = np.repeat(sick, [len(study) for study in studies])
    rule["slice_threshold"] = best_threshold(np.concatenate(studies)[:, COVID], slices_sick)
    return {**rule, "note": NOTE}


def best_threshold(scores: NDArray[np.float64], sick: NDArray[np.bool_]) -> float:
    """The threshold with the best balanced accuracy; of several, the nearest to one half."""
    ordered = np.unique(scores)
    candidates = np.clip(np.append((ordered[1:] + ordered[:-1]) / 2, 0.5), *THRESHOLDS)
    return round(float(max(candidates, key=lambda at: (balanced_accuracy(scores, sick, at), -abs(at - 0.5)))), 4)


def balanced_accuracy(scores: NDArray[np.float64], sick: NDArray[np.bool_], threshold: float) -> float:
    """Mean of sensitivity and specificity when COVID-19 is called from `threshold` on."""
    called = scores >= threshold
    return float((called[sick].mean() + (~called[~sick]).mean()) / 2)


def _patients(answers: Probabilities, rows: Sequence[Row]) -> tuple[list[Probabilities], NDArray[np.bool_]]:
    """The answers of each patient with several slices, and whether most of these are labelled COVID-19."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        groups[row.patient].append(index)
    kept = [indices for indices in groups.values() if len(indices) >= MIN_SLICES]
    usual = [Counter(rows[index].label for index in indices).most_common(1)[0][0] for indices in kept]
    sick = np.array([label == LABELS[COVID] for label in usual], dtype=np.bool_)
    return [np.asarray(answers[indices], np.float64) for indices in kept], sick


def _judged(name: str, studies: Sequence[Probabilities], sick: NDArray[np.bool_]) -> dict[str, float]:
    """How well one way to combine tells the patients apart."""
    scores = np.array([COMBINATIONS[name](study)[COVID] for study in studies])
    threshold = best_threshold(scores, sick)
    return {
        "auc": round(auc(sick, scores), 4),
        "threshold": threshold,
        "balanced_accuracy": round(balanced_accuracy(scores, sick, threshold), 4),
        "balanced_accuracy_left_out": round(_left_out(scores, sick), 4),
    }


def _left_out(scores: NDArray[np.float64], sick: NDArray[np.bool_]) -> float:
    """Balanced accuracy when each patient is called by a threshold that was fitted on the others."""
    others = ~np.eye(len(scores), dtype=np.bool_)
    called = np.array([scores[index] >= best_threshold(scores[rest], sick[rest]) for index, rest in enumerate(others)])
    return float((called[sick].mean() + (~called[~sick]).mean()) / 2)
