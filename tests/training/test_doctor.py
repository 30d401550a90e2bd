from dataclasses import replace

import numpy as np

from model.phantom import lung_phantom
from tests.training.test_splits import people
from training import doctor, manifest
from training.splits import Split

ROWS = people(3, "covid") + people(3, "noncovid")


def test_the_same_bytes_twice_are_found_and_their_conflict_of_label() -> None:
    twin, traitor = replace(ROWS[0], path="b.png"), replace(ROWS[1], path="c.png", label="cap")
    rows = [*ROWS, twin, traitor]
    assert [len(group) for group in doctor.exact_duplicates(rows)] == [2, 2]
    assert [[row.label for row in group] for group in doctor.label_conflicts(rows)] == [["covid", "cap"]]
    assert "conflict of label: covid0_1.png (covid), c.png (cap)" in doctor.report(rows, {})


def test_a_slice_resaved_smaller_and_noisier_is_a_near_duplicate_and_another_is_not() -> None:
    pixels = lung_phantom("covid", 1)
    noisy = np.clip(pixels[::2, ::2].astype(int) + np.random.default_rng(0).normal(0, 3, (128, 128)), 0, 255)
    marks = [manifest.fingerprint(p) for p in (pixels, noisy.astype(np.uint8), lung_phantom("cap", 9))]
    rows = [replace(ROWS[n], fingerprint=mark) for n, mark in enumerate(marks)]
    assert {pair.other.path for pair in doctor.near_duplicates(rows[:1], rows)} == {rows[1].path}


def test_the_baseline_knows_the_institution_only() -> None:
    train = people(4, "covid", "a") + people(4, "noncovid", "b") + people(1, "covid", "b")
    test = people(3, "covid", "a") + people(1, "noncovid", "a") + people(2, "covid", "b") + people(2, "covid", "new")
    # Right: the three of a with COVID-19, and the two of an unknown source, where covid is most frequent overall.
    assert doctor.institution_baseline(Split(train, train, test)) == (6 + 4) / 16


def test_a_split_of_slices_is_told_to_share_patients() -> None:
    rows = people(30, "covid", slices=4) + people(30, "noncovid", slices=4)
    leaky = Split(rows[::2], rows[1::4], rows[3::4])
    warnings = " ".join(doctor.split_warnings(leaky))
    assert "60 of 60 test patients stand in other parts, too: 100.0% of the test slices" in warnings


def test_a_class_with_few_patients_is_named() -> None:
    split = Split(people(40, "covid") + people(2, "cap"), people(20, "covid"), people(20, "covid"))
    assert "train has 2 patients with cap: its figures for cap say little." in doctor.split_warnings(split)
    assert "test has 0 patients with cap: its figures for cap say little." in doctor.split_warnings(split)
