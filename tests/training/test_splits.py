from collections import Counter

import pytest

from training import splits
from training.errors import TrainingError
from training.experiment import SplitPlan
from training.manifest import Row


def people(number: int, label: str, institution: str = "north", slices: int = 2) -> list[Row]:
    return [
        Row(f"{label}{patient}_{n}.png", label, f"{institution}/{label}{patient}", institution, f"{label}{patient}{n}")
        for patient in range(number)
        for n in range(slices)
    ]


ROWS = people(40, "covid") + people(60, "noncovid") + people(20, "covid", "south") + people(2, "cap")


def test_no_patient_stands_on_two_sides_and_no_slice_is_lost() -> None:
    split = splits.by_patient(ROWS, seed=1)
    parts = [split.train, split.validation, split.test]
    patients = [{row.patient for row in part} for part in parts]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 122
    assert sum(map(len, parts)) == len(ROWS)


def test_every_institution_and_class_is_shared_out_by_its_patients() -> None:
    split = splits.by_patient(ROWS, seed=1)
    tested = Counter((row.institution, row.label) for row in split.test)
    assert tested == {("north", "covid"): 12, ("north", "noncovid"): 18, ("south", "covid"): 6}


def test_more_to_choose_by_is_taken_from_training_and_leaves_the_test_as_it_is() -> None:
    usual, wide = splits.make(ROWS, SplitPlan(), 1), splits.make(ROWS, SplitPlan(validation=0.2), 1)
    assert wide.test == usual.test
    assert {row.patient for row in usual.validation} < {row.patient for row in wide.validation}
    assert len(wide.validation) == 2 * len(usual.validation)


@pytest.mark.parametrize("patients", [1, 2])
def test_a_class_too_small_to_share_stays_in_training(patients: int) -> None:
    split = splits.by_patient(ROWS[:-4] + people(patients, "cap"), seed=1)
    assert {row.label for row in split.validation + split.test} == {"covid", "noncovid"}
    assert sum(row.label == "cap" for row in split.train) == 2 * patients


def test_the_seed_decides_and_the_order_of_rows_does_not() -> None:
    assert splits.by_patient(ROWS, seed=1) == splits.by_patient(ROWS[::-1], seed=1)
    assert splits.by_patient(ROWS, seed=1) != splits.by_patient(ROWS, seed=2)


def test_too_few_patients_is_an_error() -> None:
    with pytest.raises(TrainingError, match="nobody is left for validation"):
        splits.by_patient(people(3, "covid") + people(3, "noncovid"), seed=1)


def test_one_class_only_is_an_error() -> None:
    with pytest.raises(TrainingError, match="one class only"):
        splits.by_patient(people(40, "covid"), seed=1)
