"""What the compiled network is given of labelled files, and makes of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.images import read
from model.predictor import Predictor
from model.preprocessing import Batch, Preprocessing
from training.manifest import Row


def batches(preprocessing: Preprocessing, rows: Sequence[Row], what: str) -> Iterator[Batch]:
    """Read every file as the server would: (1, size, size, channels) each, in the order of the rows.

    Args:
        preprocessing: of the network.
        rows: the files.
        what: to be shown beside the progress.
    """
    for row in tqdm(rows, desc=what, unit="slice", disable=None):
        yield preprocessing.batch([read(Path(row.path).read_bytes(), window=preprocessing.window).pixels])


def logits(predictor: Predictor, rows: Sequence[Row]) -> NDArray[np.float32]:
    """The network's answers for every file: (n, classes), in the order of the rows."""
    given = batches(predictor.bundle.preprocessing, rows, "running the network")
    return np.stack([predictor.engine.run(batch).logits[0] for batch in given])
