"""From the probabilities of a study's slices to one answer for the patient.

`training.study_rule` fits the thresholds on validation patients and keeps them in the card, beside a comparison of the
ways to combine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import BundleError
from model.labels import LABELS

Probabilities = NDArray[np.float64]
"""Shape (slices, classes) or (classes,); the last axis sums to 1."""

COVID: Final = LABELS.index("covid")


def mean_of_logits(slices: Probabilities) -> Probabilities:
    """Softmax of the mean of the logits. Logits are the logarithms of probabilities up to a constant a slice, which
    the softmax takes out again: this is the normalised geometric mean.
    """
    logits = np.log(np.maximum(slices, 1e-12)).mean(axis=0)
    exponentials = np.exp(logits - logits.max())
    combined: Probabilities = exponentials / exponentials.sum()
    return combined


def maximum(slices: Probabilities) -> Probabilities:
    """The slice most suspicious of COVID-19 speaks for all."""
    most: Probabilities = slices[slices[:, COVID].argmax()]
    return most


def top_tenth(slices: Probabilities) -> Probabilities:
    """Mean over the tenth of the slices, at least one, that is most suspicious of COVID-19."""
    number = max(1, round(len(slices) / 10))
    top: Probabilities = slices[np.argsort(slices[:, COVID])[-number:]].mean(axis=0)
    return top


def mean_of_probabilities(slices: Probabilities) -> Probabilities:
    """Mean over all slices."""
    mean: Probabilities = slices.mean(axis=0)
    return mean


COMBINATIONS: Final[dict[str, Callable[[Probabilities], Probabilities]]] = {
    function.__name__: function for function in (mean_of_logits, maximum, top_tenth, mean_of_probabilities)
}


@dataclass(frozen=True)
class StudyRule:
    """How slices become a study's answer. A card without one, of before there were studies, has these defaults."""

    name: str = "mean_of_logits"
    """A key of `COMBINATIONS`."""
    threshold: float = 0.5
    """The study's probability of COVID-19 from which its label is that; below, the most probable other class is."""
    slice_threshold: float = 0.5
    """A slice's probability of COVID-19 from which it counts as positive."""

    @classmethod
    def from_card(cls, card: dict[str, Any] | None) -> "StudyRule":
        """Read the rule from a card's `study_rule`, which may say more.

        Raises:
            BundleError: the card names a combination that this version does not have.
        """
        rule = cls(**{name: card[name] for name in cls.__dataclass_fields__ if name in card}) if card else cls()
        if rule.name not in COMBINATIONS:
            raise BundleError(f"The card's study rule {rule.name!r} is none of: {', '.join(COMBINATIONS)}.")
        return rule

    def combine(self, slices: Probabilities) -> Probabilities:
        """The study's probabilities: (slices, classes) -> (classes,)."""
        return COMBINATIONS[self.name](slices)

    def label_index(self, study: Probabilities) -> int:
        """The class that a study with these probabilities gets."""
        if study[COVID] >= self.threshold:
            return COVID
        return int(np.where(np.arange(len(study)) == COVID, -1, study).argmax())

    def positive_share(self, slices: Probabilities) -> float:
        """Share of the slices, of 1, that are positive."""
        return float((slices[:, COVID] >= self.slice_threshold).mean())
