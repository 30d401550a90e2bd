"""Who is learned from, who chooses, who judges.

Three kinds: ``patient`` never cuts through a patient, and is the one whose figures mean something; ``random`` shuffles
slices, as the paper did, so that most test slices share a patient with the training set; ``institution`` tests on a
source of which nothing was seen.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.errors import TrainingError
from training.experiment import SplitPlan
from training.manifest import Row

PARTS = ("train", "validation", "test")
VALIDATION, TEST = SplitPlan().validation, 0.15
RANDOM_FRACTIONS = (0.80, 0.10, 0.10)
"""The paper's."""


@dataclass(frozen=True)
class Split:
    """Three lists of rows."""

    train: list[Row]
    validation: list[Row]
    test: list[Row]

    def shared_patients(self) -> set[str]:
        """Patients who stand in more than one part."""
        train, validation, test = ({row.patient for row in getattr(self, part)} for part in PARTS)
        return (train & validation) | (train & test) | (validation & test)


def make(rows: Sequence[Row], plan: SplitPlan, seed: int) -> Split:
    """Split as an experiment says.

    Raises:
        TrainingError: a part would be empty, training would have fewer than two classes, or an institution that the
            plan names is not in the rows.
    """
    rows = _of_institutions(rows, plan.institutions) if plan.institutions else list(rows)
    if plan.kind == "random":
        split = by_slice(rows, seed)
    elif plan.kind == "institution":
        split = by_institution(rows, plan.held_out, seed)
    else:
        split = by_fold(rows, seed, plan.fold, plan.folds) if plan.folds else by_patient(rows, seed, plan.validation)
    return split


def by_patient(rows: Sequence[Row], seed: int, validation: float = VALIDATION, test: float = TEST) -> Split:
    """Split patients (not slices) at random, separately in each (institution, label) group.

    A patient with slices of several labels counts in the group of the first. A group gives each part its share of
    *patients*, rounded down for validation and test, so a group too small to share stays in training as a whole.

    Args:
        rows: the manifest.
        seed: the same seed and the same patients give the same split, in whatever order the rows come.
        validation: the share to choose by.
        test: the share to judge by; who is in it does not depend on the other share. Training has the rest.

    Raises:
        TrainingError: a part would be empty, or training would have fewer than two classes.
    """

    def part(position: int, members: int) -> str:
        tested, validated = int(test * members), int(validation * members)
        return "test" if position < tested else "validation" if position < tested + validated else "train"

    return _checked(_share_out(rows, seed, part))


def by_fold(rows: Sequence[Row], seed: int, fold: int, folds: int) -> Split:
    """One of `folds` splits by patient, whose test parts together are everybody who is in a group of that many.

    The next fold's test part is this one's validation part. Raises as `by_patient`.
    """

    def part(position: int, members: int) -> str:
        if members < folds:
            return "train"
        return {fold % folds: "test", (fold + 1) % folds: "validation"}.get(position % folds, "train")

    return _checked(_share_out(rows, seed, part))


def by_institution(rows: Sequence[Row], held_out: str, seed: int) -> Split:
    """Test on all of one institution; train and choose, by patient, on the others. Raises as `by_patient`."""
    test = _of_institutions(rows, [held_out])
    others = [row for row in rows if row.institution != held_out]
    share = VALIDATION / (1 - TEST)
    split = _share_out(
        others, seed, lambda position, members: "validation" if position < int(share * members) else "train"
    )
    return _checked(Split(split.train, split.validation, _ordered(test)))


def by_slice(rows: Sequence[Row], seed: int, fractions: tuple[float, float, float] = RANDOM_FRACTIONS) -> Split:
    """Shuffle slices, whoever's they are: the paper's split, and its leak. Raises as `by_patient`."""
    shuffled = _ordered(rows)
    random.Random(seed).shuffle(shuffled)
    tested, validated = (int(fraction * len(shuffled)) for fraction in (fractions[2], fractions[1]))
    parts = shuffled[tested + validated :], shuffled[tested : tested + validated], shuffled[:tested]
    return _checked(Split(*parts), leaks=True)


def _share_out(rows: Sequence[Row], seed: int, part: Callable[[int, int], str]) -> Split:
    """Put each patient whole into the part that `part` gives for its place in its shuffled group, and its size."""
    patients: dict[str, list[Row]] = defaultdict(list)
    for row in _ordered(rows):
        patients[row.patient].append(row)
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for patient, slices in patients.items():
        groups[slices[0].institution, slices[0].label].append(patient)
    parts: dict[str, list[Row]] = {name: [] for name in PARTS}
    for group in sorted(groups):
        members = groups[group]
        random.Random(f"{seed} {group}").shuffle(members)
        for position, patient in enumerate(members):
            parts[part(position, len(members))].extend(patients[patient])
    return Split(**parts)


def _ordered(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row.patient, row.sha256))


def _of_institutions(rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
    known = {row.institution for row in rows}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise TrainingError(f"There is no institution {unknown[0]!r}; there are: {', '.join(sorted(known))}.")
    return [row for row in rows if row.institution in names]


def _checked(split: Split, leaks: bool = False) -> Split:
    for part in PARTS:
        if not getattr(split, part):
            raise TrainingError(f"Too few patients: nobody is left for {part}. Bring more, or name their patients.")
    if len({row.label for row in split.train}) < 2:
        raise TrainingError("The training part has one class only; there is nothing to tell apart.")
    if not leaks and split.shared_patients():
        raise AssertionError("a patient stands on both sides of the split")
    return split
