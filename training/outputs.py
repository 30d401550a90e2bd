"""What the compiled network makes of labelled files, once, for all that is fitted to it and measured on it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.images import read
from model.predictor import Predictor
from training.manifest import Row


def logits(predictor: Predictor, rows: Sequence[Row]) -> NDArray[np.float32]:
    """Read every file as the server would, and run the network on it: (n, classes), in the order of the rows."""
    preprocessing = predictor.bundle.preprocessing
    found = []
    for row in tqdm(rows, desc="running the network", unit="slice", disable=None):
        picture = read(Path(row.path).read_bytes(), window=preprocessing.window)
        found.append(predictor.engine.run(preprocessing.batch([picture.pixels])).logits[0])
    return np.stack(found)
