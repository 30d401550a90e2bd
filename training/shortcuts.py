"""What a network could know without looking at lungs, and whether this one does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from tqdm import tqdm

from model.images import read
from model.lungs import body_mask, lung_mask
from model.pictures import Slice
from model.predictor import Predictor
from model.window import Window
from training.doctor import institution_baseline
from training.manifest import Row
from training.metrics import summary
from training.splits import Split


def judge(predictor: Predictor, split: Split) -> dict[str, Any]:
    """What of the test patients is told by the institution alone, and with what the network sees taken away.

    A network that reads lungs is hardly worse without what lies around the body, letters and table among it, and knows
    nothing without the lungs (an AUC of 0.5).
    """
    window, rows = predictor.bundle.preprocessing.window, split.test
    answers = np.stack([_answers(predictor, row, window) for row in tqdm(rows, desc="shortcuts", disable=None)], axis=1)
    found: dict[str, Any] = {"institution_alone": round(institution_baseline(split), 4)}
    for name, probabilities in zip(TAKEN_AWAY, answers, strict=True):
        figures = summary(probabilities, rows)["all"]
        found[name] = {measure: figures[measure] for measure in ("accuracy", "covid_auc")}
    return found


def _answers(predictor: Predictor, row: Row, window: Window) -> Any:
    pixels = read(Path(row.path).read_bytes(), window=window).pixels
    batch = predictor.bundle.preprocessing.batch([take(pixels, window) for take in TAKEN_AWAY.values()])
    return predictor.run(batch).probabilities


def _without_surroundings(pixels: Slice, window: Window) -> Slice:
    return np.where(body_mask(pixels, window), pixels, np.uint8(0))


def _without_lungs(pixels: Slice, window: Window) -> Slice:
    """Their place filled with the mean gray of the rest of the body."""
    lungs = lung_mask(pixels, window)
    rest = pixels[body_mask(pixels, window) & ~lungs]
    return np.where(lungs, np.uint8(rest.mean() if rest.size else 0), pixels)


TAKEN_AWAY: Final[dict[str, Callable[[Slice, Window], Slice]]] = {
    "without_surroundings": _without_surroundings,
    "without_lungs": _without_lungs,
}
