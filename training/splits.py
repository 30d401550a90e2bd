"""Who is learned from, who chooses, who judges: splits that never cut through a patient."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from training.errors import TrainingError
from training.manifest import Row

PARTS = ("train", "validation", "test")
FRACTIONS = (0.75, 0.10, 0.15)


@dataclass(frozen=True)
class Split:
    """Three lists of rows; no patient is in two of them."""

    train: list[Row]
    validation: list[Row]
    test: list[Row]


def by_patient(rows: Sequence[Row], seed: int, fractions: tuple[float, float, float] = FRACTIONS) -> Split:
    """Split patients (not slices) at random, separately in each (institution, label) group.

    A patient with slices of several labels counts in the group of the first. A group gives each part its share of
    *patients*, rounded down for validation and test, so a group too small to share stays in training as a whole.

    Args:
        rows: the manifest.
        seed: the same seed and the same patients give the same split, in whatever order the rows come.
        fractions: shares of train, validation and test; they sum to 1.

    Raises:
        TrainingError: a part would be empty, or training would have fewer than two classes.
    """
    patients: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.patient, row.sha256)):
        patients[row.patient].append(row)
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for patient, slices in patients.items():
        groups[slices[0].institution, slices[0].label].append(patient)

    parts: dict[str, list[Row]] = {part: [] for part in PARTS}
    for group in sorted(groups):
        members = groups[group]
        random.Random(f"{seed} {group}").shuffle(members)
        tested = int(fractions[2] * len(members))
        validated = int(fractions[1] * len(members))
        for position, patient in enumerate(members):
            part = "test" if position < tested else "validation" if position < tested + validated else "train"
            parts[part].extend(patients[patient])
    split = Split(**parts)
    _check(split)
    return split


def _check(split: Split) -> None:
    for part in PARTS:
        if not getattr(split, part):
            raise TrainingError(f"Too few patients: nobody is left for {part}. Bring more, or name their patients.")
    if len({row.label for row in split.train}) < 2:
        raise TrainingError("The training part has one class only; there is nothing to tell apart.")
    groups = [{row.patient for row in getattr(split, part)} for part in PARTS]
    if groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2]:
        raise AssertionError("a patient stands on both sides of the split")
