"""What is wrong with a data set, or may be: duplicates, contradictions, shortcuts, and too few patients."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.manifest import Row, counts
from training.splits import PARTS, Split

NEAR = 12
"""Bits of 256 in which the fingerprints of two pictures of the same thing may differ."""

FEW_PATIENTS = 10
"""Patients of a class in a part, below which its figures say little."""

BLOCK = 512


@dataclass(frozen=True)
class Pair:
    """Two slices that look the same."""

    one: Row
    other: Row
    bits: int
    """In how many bits of 256 their fingerprints differ."""


def exact_duplicates(rows: Sequence[Row]) -> list[list[Row]]:
    """Groups of rows with the same bytes."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.sha256].append(row)
    return [group for group in groups.values() if len(group) > 1]


def label_conflicts(rows: Sequence[Row]) -> list[list[Row]]:
    """Groups of rows with the same bytes and different labels."""
    return [group for group in exact_duplicates(rows) if len({row.label for row in group}) > 1]


def near_duplicates(ones: Sequence[Row], others: Sequence[Row], bits: int = NEAR) -> list[Pair]:
    """Pairs of a row of `ones` and one of `others` whose fingerprints differ in at most `bits` bits."""
    ones, others = ([row for row in rows if row.fingerprint] for rows in (ones, others))
    if not ones or not others:
        return []
    left, right = _bits(ones), _bits(others)
    pairs = []
    for start in range(0, len(left), BLOCK):
        differences = (left.shape[1] - left[start : start + BLOCK] @ right.T) / 2
        for i, j in np.argwhere(differences <= bits):
            pairs.append(Pair(ones[start + i], others[j], int(differences[i, j])))
    return [pair for pair in pairs if pair.one.path != pair.other.path]


def institution_baseline(split: Split) -> float:
    """Accuracy on the test part of one who sees the institution only, and names its most frequent class in training.

    A network that is not clearly better than this may have learned the scanners and not the disease.
    """
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for row in split.train:
        seen[row.institution][row.label] += 1
    most = Counter(row.label for row in split.train).most_common(1)[0][0]
    guesses = [seen[row.institution].most_common(1)[0][0] if seen[row.institution] else most for row in split.test]
    return sum(guess == row.label for guess, row in zip(guesses, split.test, strict=True)) / len(split.test)


def split_warnings(split: Split) -> list[str]:
    """What a reader of the figures must know of the split, a sentence each."""
    warnings = []
    shared = split.shared_patients()
    if shared:
        tested = {row.patient for row in split.test}
        leaked = sum(row.patient in shared for row in split.test) / len(split.test)
        warnings.append(
            f"{len(shared & tested)} of {len(tested)} test patients stand in other parts, too: "
            f"{leaked:.1%} of the test slices. The figures are of people who were seen before."
        )
    for part in PARTS:
        rows = getattr(split, part)
        for label in sorted({row.label for row in split.train}):
            patients = len({row.patient for row in rows if row.label == label})
            if patients < FEW_PATIENTS:
                warnings.append(f"{part} has {patients} patients with {label}: its figures for {label} say little.")
    twins = near_duplicates(split.test, split.train)
    if twins:
        slices = len({pair.one.path for pair in twins})
        warnings.append(f"{slices} test slices look the same as a training slice (fingerprints within {NEAR} bits).")
    return warnings


def histogram_distance(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Total variation distance of two histograms of grays: the share of pixels that would have to change, 0 to 1."""
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def report(rows: Sequence[Row], histograms: Mapping[str, NDArray[np.int64]]) -> str:
    """The state of a data set as text: sources, classes, patients, duplicates, contradictions, grays.

    Args:
        rows: the manifest.
        histograms: institution -> pixels of each gray.
    """
    lines = [f"{'institution':>20} {'label':>9} {'slices':>7} {'patients':>9}"]
    for institution, classes in counts(rows).items():
        for label, number in classes.items():
            lines.append(f"{institution:>20} {label:>9} {number['slices']:7} {number['patients']:9}")
    lines.append(f"{len(exact_duplicates(rows))} groups of slices with the same bytes")
    lines.extend(
        f"conflict of label: {', '.join(f'{row.path} ({row.label})' for row in group)}"
        for group in label_conflicts(rows)
    )
    lines.append(f"{len(_twins(rows))} slices look the same as another (fingerprints within {NEAR} bits)")
    everything = np.sum(list(histograms.values()), axis=0)
    for institution, grays in sorted(histograms.items()):
        mean = (grays * np.arange(len(grays))).sum() / grays.sum()
        others = everything - grays
        apart = f", {histogram_distance(grays, others):.2f} apart from the other sources'" if others.any() else ""
        lines.append(f"grays of {institution}: mean {mean:.0f}{apart}")
    return "\n".join(lines)


def _twins(rows: Sequence[Row]) -> set[str]:
    return {pair.one.path for pair in near_duplicates(rows, rows)}


def _bits(rows: Sequence[Row]) -> NDArray[np.float32]:
    """The fingerprints as rows of -1 and 1, so that a product of matrices counts the bits that agree."""
    fingerprints = np.array([list(bytes.fromhex(row.fingerprint)) for row in rows], dtype=np.uint8)
    return np.unpackbits(fingerprints.reshape(len(rows), -1), axis=1).astype(np.float32) * 2 - 1
