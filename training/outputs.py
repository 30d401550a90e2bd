"""What the compiled network makes of labelled files, once, for all that is fitted to it and measured on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.gate import seen
from model.images import read
from model.predictor import Predictor
from training.manifest import Row


@dataclass(frozen=True)
class Raw:
    """The network's outputs for some rows, in their order."""

    logits: NDArray[np.float32]
    """(n, classes)"""
    seen: NDArray[np.float32]
    """(n, d), what the gate looks at; see `model.gate.seen`."""

    def at(self, rows: NDArray[np.intp]) -> "Raw":
        """Those of some of the rows, by their place."""
        return Raw(self.logits[rows], self.seen[rows])


def run(predictor: Predictor, rows: Sequence[Row]) -> Raw:
    """Read every file as the server would, and run the network on it."""
    preprocessing = predictor.bundle.preprocessing
    logits, numbers = [], []
    for row in tqdm(rows, desc="running the network", unit="slice", disable=None):
        picture = read(Path(row.path).read_bytes(), window=preprocessing.window)
        outputs = predictor.engine.run(preprocessing.batch([picture.pixels]))
        logits.append(outputs.logits[0])
        numbers.append(seen(picture.pixels))
    return Raw(np.stack(logits), np.stack(numbers))
