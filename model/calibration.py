"""Logits -> probabilities one can take at their word, and the set of labels that holds the true one as often as asked.

Temperature scaling (Guo et al. 2017) divides the logits by one number. The sets are those of split conformal
prediction, a class at a time (Mondrian; Vovk et al. 2005): a label is in the set when its probability is at least that
which, of validation patients with that label, all but the allowed share have. `training.calibration` fits both; the
guarantee holds for patients like those, and ends where the hospital changes.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import BundleError

LEVEL: Final = 0.9
"""How often the set shall hold the true label, by default."""

LEVELS: Final = tuple(round(percent / 100, 2) for percent in range(50, 100))
"""The levels for which a card has thresholds."""


@dataclass(frozen=True)
class Calibration:
    """What a card says of the network's probabilities."""

    temperature: float
    thresholds: dict[float, dict[str, float]]
    """Level -> label -> the probability from which the label is in the set."""
    marginal: tuple[str, ...]
    """Labels with too few patients for a threshold of their own: theirs is that of all classes together."""

    @classmethod
    def from_card(cls, card: dict[str, Any] | None, labels: tuple[str, ...]) -> "Calibration | None":
        """Read a card's `calibration`; ``None`` where there is none.

        Raises:
            BundleError: it lacks or garbles a part.
        """
        if card is None:
            return None
        try:
            sets = card["sets"].items()
            table = {float(level): {label: float(row[label]) for label in labels} for level, row in sets}
            read = cls(float(card["temperature"]), table, tuple(card["marginal"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(f"The card's calibration lacks or garbles a part: {error}") from error
        if not read.temperature > 0 or set(table) != set(LEVELS):
            raise BundleError(f"The card's calibration needs a temperature above 0 and the levels {LEVELS}.")
        return read

    def probabilities(self, logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Softmax of the scaled logits: (n, classes) -> (n, classes)."""
        return softmax(logits, self.temperature)

    def prediction_set(self, probabilities: dict[str, float], level: float = LEVEL) -> tuple[str, ...]:
        """The labels that stay possible at one of `LEVELS`, in the order of the network; may be none or all."""
        least = self.thresholds[level]
        return tuple(label for label, probability in probabilities.items() if probability >= least[label])


def softmax(logits: NDArray[np.floating[Any]], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities from logits that are divided by `temperature`: (n, classes) -> (n, classes)."""
    scaled = logits.astype(np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    shares: NDArray[np.float64] = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return shares
