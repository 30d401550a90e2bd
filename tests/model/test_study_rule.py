import numpy as np
import pytest

from model.errors import BundleError
from model.study_rule import COMBINATIONS, COVID, StudyRule

SLICES = np.array([[0.7, 0.2, 0.1]] * 15 + [[0.1, 0.6, 0.3]] * 4 + [[0.02, 0.96, 0.02]])


@pytest.mark.parametrize(
    ("name", "covid"),
    [("maximum", 0.96), ("top_tenth", (0.96 + 0.6) / 2), ("mean_of_probabilities", (15 * 0.2 + 4 * 0.6 + 0.96) / 20)],
)
def test_combinations(name: str, covid: float) -> None:
    combined = COMBINATIONS[name](SLICES)
    assert combined.sum() == pytest.approx(1)
    assert combined[COVID] == pytest.approx(covid)


def test_the_mean_of_logits_is_that_of_the_networks_logits() -> None:
    logits = np.random.default_rng(0).normal(size=(9, 3)) * 4
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    mean = np.exp(logits.mean(axis=0))
    np.testing.assert_allclose(StudyRule().combine(softmax), mean / mean.sum())


def test_a_certain_slice_does_not_break_the_mean() -> None:
    assert np.isfinite(StudyRule().combine(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))).all()


def test_the_label_is_covid_from_the_threshold_on_and_the_best_other_below() -> None:
    rule = StudyRule(threshold=0.3)
    assert rule.label_index(np.array([0.6, 0.3, 0.1])) == COVID
    assert rule.label_index(np.array([0.2, 0.29, 0.51])) == 2


def test_the_share_of_positive_slices() -> None:
    assert StudyRule().positive_share(SLICES) == 0.25
    assert StudyRule(slice_threshold=0.9).positive_share(SLICES) == 0.05


def test_a_card_without_a_rule_has_the_default_and_one_with_more_is_read() -> None:
    assert StudyRule.from_card(None) == StudyRule("mean_of_logits", 0.5, 0.5)
    assert StudyRule.from_card({"threshold": 0.4, "comparison": {}}) == StudyRule(threshold=0.4)


def test_a_card_with_another_combination_is_refused() -> None:
    with pytest.raises(BundleError, match="'median' is none of: mean_of_logits"):
        StudyRule.from_card({"name": "median"})
