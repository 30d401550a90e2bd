from dataclasses import replace

import numpy as np
import pytest

from tests.training.test_splits import people
from training import metrics

LABELS = np.array([0, 0, 1, 1, 2])
PROBABILITIES = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.9, 0.0], [0.5, 0.4, 0.1], [0.2, 0.2, 0.6]])


def test_the_measures_on_an_example_worked_by_hand() -> None:
    assert metrics.accuracy(PROBABILITIES, LABELS) == pytest.approx(3 / 5)
    assert [metrics.recall(PROBABILITIES, LABELS, label) for label in range(3)] == [0.5, 0.5, 1.0]
    assert metrics.macro(metrics.recall)(PROBABILITIES, LABELS) == pytest.approx(2 / 3)
    # Called: 0 1 1 0 2. Of two called non-COVID one is, of two called COVID-19 one is.
    assert [metrics.precision(PROBABILITIES, LABELS, label) for label in range(3)] == [0.5, 0.5, 1.0]
    assert metrics.macro(metrics.f1)(PROBABILITIES, LABELS) == pytest.approx(2 / 3)
    assert metrics.confusion(PROBABILITIES, LABELS).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    # Of the six pairs of a COVID-19 slice and another, one (0.4 against 0.6) is in the wrong order.
    assert metrics.covid_auc(PROBABILITIES, LABELS) == pytest.approx(5 / 6)
    assert metrics.cross_entropy(PROBABILITIES, LABELS) == pytest.approx(-np.log([0.8, 0.3, 0.9, 0.4, 0.6]).mean())


def test_a_measure_that_is_not_defined_is_nan() -> None:
    assert np.isnan(metrics.covid_auc(PROBABILITIES[:2], LABELS[:2]))
    assert np.isnan(metrics.recall(PROBABILITIES[:2], LABELS[:2], 2))


def test_scores_that_are_no_numbers_have_no_auc() -> None:
    with pytest.raises(ValueError, match="nan"):
        metrics.auc(LABELS == 1, np.array([0.1, np.nan, 0.9, 0.4, 0.2]))


def test_institutions_have_an_auc_where_they_have_both_covid_and_other_slices() -> None:
    rows = people(2, "covid", "a", 1) + people(2, "noncovid", "a", 1) + people(2, "covid", "b", 1)
    probabilities = np.array([[0.1, 0.9, 0], [0.2, 0.8, 0], [0.9, 0.1, 0], [0.8, 0.2, 0], [0.9, 0.1, 0], [0.9, 0.1, 0]])
    assert metrics.institution_aucs(probabilities, rows) == {"a": 1.0}


def test_the_summary_has_each_institution_with_intervals() -> None:
    rows = people(20, "covid", "a") + people(20, "noncovid", "a") + people(5, "covid", "b")
    random = np.random.default_rng(0)
    probabilities = random.dirichlet((2, 2, 0.5), len(rows))
    figures = metrics.summary(probabilities, rows)
    assert list(figures["institutions"]) == ["a", "b"]
    assert (figures["all"]["slices"], figures["all"]["patients"]) == (90, 45)
    accuracy = figures["institutions"]["a"]["accuracy"]
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert figures["institutions"]["b"]["covid_auc"] == {"value": None, "low": None, "high": None}
    assert figures["all"]["recall_cap"]["value"] is None
    assert metrics.summary(probabilities, rows) == figures


def test_the_bootstrap_draws_patients_not_slices() -> None:
    rows = people(8, "covid", "a", 1) + people(8, "noncovid", "a", 1)
    probabilities = np.random.default_rng(0).dirichlet((1, 1, 1), len(rows))
    repeated = [replace(row, path=f"{row.path}{copy}") for row in rows for copy in range(9)]
    one = metrics.summary(probabilities, rows)["all"]["accuracy"]
    nine = metrics.summary(np.repeat(probabilities, 9, axis=0), repeated)["all"]["accuracy"]
    assert nine == pytest.approx(one)
