import numpy as np
import pytest

from tests.training.test_splits import people
from training.batches import Batches, Examples, balanced_weights, epoch_order, one_hot

ROWS = people(30, "covid", slices=1) + people(10, "noncovid", slices=1) + people(10, "covid", "south", slices=1)


def examples(count: int) -> Examples:
    pixels = np.arange(count, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    return Examples(pixels, np.eye(3, dtype=np.float32)[np.arange(count) % 3], np.ones(count, np.float32))


def test_an_epoch_shows_each_slice_once_with_its_own_target() -> None:
    batches = Batches(examples(12), 4, epoch_order(12, (1, 0)))
    assert len(batches) == 3
    seen = []
    for index in range(len(batches)):
        slices, targets, weights = batches[index]
        shapes = slices.shape, str(slices.dtype), targets["label"].shape, weights["label"].shape
        assert shapes == ((4, 4, 4, 1), "uint8", (4, 3), (4,))
        np.testing.assert_array_equal(targets["label"].argmax(axis=1), slices[:, 0, 0, 0] % 3)
        seen += slices[:, 0, 0, 0].tolist()
    assert sorted(seen) == list(range(12))


def test_fewer_slices_than_a_batch_are_one_small_batch() -> None:
    batches = Batches(examples(3), 8, epoch_order(3, (1, 0)))
    assert len(batches) == 1
    assert batches[0][0].shape == (3, 4, 4, 1)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    np.testing.assert_array_equal(epoch_order(50, (1, 2)), epoch_order(50, (1, 2)))
    assert (epoch_order(50, (1, 2)) != epoch_order(50, (1, 3))).any()


def test_targets_are_one_hot_in_the_order_of_the_classes() -> None:
    np.testing.assert_array_equal(
        one_hot(people(1, "cap", slices=1) + people(1, "noncovid", slices=1)), np.eye(3)[[2, 0]]
    )


def weight_sums(balance: str, limit: float = 100.0) -> dict[tuple[str, str], float]:
    weights = balanced_weights(ROWS, balance, limit)
    assert weights.mean() == pytest.approx(1, abs=1e-6)
    sums: dict[tuple[str, str], float] = {}
    for row, weight in zip(ROWS, weights, strict=True):
        sums[row.institution, row.label] = sums.get((row.institution, row.label), 0) + float(weight)
    return sums


def test_balanced_by_class_each_class_weighs_alike() -> None:
    sums = weight_sums("class")
    assert sums["north", "noncovid"] == pytest.approx(25)
    assert sums["north", "covid"] + sums["south", "covid"] == pytest.approx(25)


def test_balanced_within_institutions_each_class_weighs_alike_in_each() -> None:
    sums = weight_sums("class_within_institution")
    assert sums["north", "covid"] == pytest.approx(sums["north", "noncovid"])
    assert sums["south", "covid"] == pytest.approx(10)


def test_balanced_by_institution_each_weighs_alike_and_each_class_in_it() -> None:
    sums = weight_sums("institution")
    assert sums["south", "covid"] == pytest.approx(25)
    assert sums["north", "covid"] == pytest.approx(12.5)
    assert sums["north", "noncovid"] == pytest.approx(12.5)


def test_no_weight_exceeds_the_limit() -> None:
    weights = balanced_weights(ROWS, "class", 2.0)
    assert weights.max() / weights.min() == pytest.approx(2)


def test_unbalanced_all_weigh_alike() -> None:
    assert set(balanced_weights(ROWS, "none", 10)) == {1.0}
