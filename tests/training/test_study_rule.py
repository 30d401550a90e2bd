import numpy as np
import pytest

from model.study_rule import COMBINATIONS, Probabilities, StudyRule
from training import study_rule
from training.manifest import Row


def answers(patients: int, slices: int, telling: float, seed: int = 0) -> tuple[Probabilities, list[Row]]:
    """Half the patients have COVID-19, whose slices say so more or less."""
    random = np.random.default_rng(seed)
    rows, table = [], []
    for patient in range(patients):
        sick = patient % 2 == 0
        for number in range(slices):
            covid = np.clip(random.normal(0.35 + telling * sick, 0.1), 0.01, 0.98)
            rows.append(Row(f"{patient}-{number}", "covid" if sick else "noncovid", f"p{patient}", "x", "0"))
            table.append([0.99 - covid, covid, 0.01])
    return np.array(table), rows


def test_thresholds_are_fitted_on_patients_and_every_way_is_compared() -> None:
    card = study_rule.fitted(*answers(40, 5, telling=0.2))
    assert card["patients"] == {"covid": 20, "other": 20}
    assert set(card["comparison"]) == set(COMBINATIONS)
    best = card["comparison"]["mean_of_logits"]
    assert card["threshold"] == best["threshold"]
    assert 0.36 < card["threshold"] < 0.55
    assert best["auc"] > 0.95
    assert best["balanced_accuracy_left_out"] <= best["balanced_accuracy"]
    assert StudyRule.from_card(card).threshold == card["threshold"]


def test_with_few_patients_the_thresholds_are_the_defaults() -> None:
    for patients, slices in ((6, 5), (40, 1)):
        card = study_rule.fitted(*answers(patients, slices, telling=0.2))
        assert StudyRule.from_card(card) == StudyRule()
        assert "Too few patients" in card["note"]


@pytest.mark.parametrize(("scores", "threshold"), [([0.2, 0.3, 0.6, 0.9], 0.5), ([0.7, 0.75, 0.8, 0.9], 0.775)])
def test_the_best_threshold_is_the_nearest_to_one_half(scores: list[float], threshold: float) -> None:
    sick = np.array([False, False, True, True])
    assert study_rule.best_threshold(np.array(scores), sick) == threshold
