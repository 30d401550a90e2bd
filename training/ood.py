"""Judge the gate on folders of pictures that are no axial chest CT, against labelled slices that are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from model.errors import ImageError
from model.predictor import Predictor
from training.errors import TrainingError
from training.manifest import Row
from training.metrics import auc


def judge(predictor: Predictor, folder: Path, rows: Sequence[Row]) -> dict[str, Any]:
    """Share refused and AUROC of each folder of `folder`, and the share of the slices of `rows` that is kept.

    Raises:
        TrainingError: there is no folder of pictures in it, or the bundle has no gate.
    """
    kinds = sorted(path for path in folder.iterdir() if path.is_dir())
    if not kinds or not predictor.bundle.gate:
        raise TrainingError(f"{folder} needs a folder a kind of picture, and the bundle a gate.")
    kept = _scores(predictor, [Path(row.path) for row in rows], "chest CT")
    figures: dict[str, Any] = {"chest_ct": {"pictures": len(kept), "kept": round(float((kept <= 0.5).mean()), 4)}}
    for kind in kinds:
        scores = _scores(predictor, sorted(path for path in kind.iterdir() if path.is_file()), kind.name)
        strange = np.repeat([False, True], [len(kept), len(scores)])
        figures[kind.name] = {
            "pictures": len(scores),
            "refused": round(float((scores > 0.5).mean()), 4),
            "auroc": round(auc(strange, np.concatenate([kept, scores])), 4),
        }
    return figures


def markdown(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    lines = ["| pictures | number | kept | refused | AUROC |", "|---|---:|---:|---:|---:|"]
    for kind, row in figures.items():
        refused = row["refused"] if "refused" in row else round(1 - row["kept"], 4)
        kept = row["kept"] if "kept" in row else round(1 - row["refused"], 4)
        lines.append(f"| {kind} | {row['pictures']} | {kept} | {refused} | {row.get('auroc', '–')} |")
    return "\n".join(lines)


def _scores(predictor: Predictor, paths: Sequence[Path], what: str) -> Any:
    """The gate's scores; a file that the server refuses to read at all counts as refused."""
    scores = []
    for path in tqdm(paths, desc=what, unit="picture", disable=None):
        try:
            gate = predictor.predict(path.read_bytes()).gate
            scores.append(gate.score if gate else 0.0)
        except ImageError:
            scores.append(1.0)
    return np.array(scores)
