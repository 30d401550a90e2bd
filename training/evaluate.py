"""Judge a bundle through `model.Predictor`, on the files themselves: what is measured is what is served."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from model.calibration import softmax
from model.card_text import COLUMNS, figures_table, table_row
from model.labels import LABELS
from model.predictor import Predictor
from training.manifest import Row
from training.metrics import Probabilities, summary


def evaluate(predictor: Predictor, rows: Sequence[Row], seed: int = 0) -> dict[str, Any]:
    """Classify every file of `rows` as the server would and return `training.metrics.summary` of the answers."""
    return summary(probabilities(predictor, rows), rows, seed)


def probabilities(predictor: Predictor, rows: Sequence[Row]) -> Probabilities:
    """The predictor's answers for the files of `rows`: shape (n, 3), classes in the order of `LABELS`."""
    answers = []
    for row in tqdm(rows, desc="evaluating", unit="slice", disable=None):
        prediction = predictor.predict(Path(row.path).read_bytes())
        answers.append([prediction.probabilities[label] for label in LABELS])
    return np.array(answers)


def before_scaling(predictor: Predictor, probabilities: Probabilities) -> Probabilities | None:
    """What the network's own softmax would have said instead of these (n, 3); ``None`` where nothing is scaled.

    A temperature divides the logits, and logits are the logarithms of the probabilities up to a constant a slice.
    """
    calibration = predictor.bundle.calibration
    if calibration is None:
        return None
    return softmax(calibration.temperature * np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)))


def markdown(figures: dict[str, Any]) -> str:
    """The figures of `evaluate` as a Markdown table: value (95 % interval), a row a source."""
    table = figures_table(figures)
    (_, *of_all), *sources = table.rows
    rows = [["**all**", *of_all], *sources]
    return "\n".join([table_row(table.headings), "|---|---:|---:|" + "---|" * len(COLUMNS), *map(table_row, rows)])
