"""Results -> the members of a JSON answer. The contract stands in `app.openapi`."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from flask import g

from app.classification import DISCLAIMER, Result, predictor
from model.heatmap import Heatmap
from model.predictor import Prediction
from model.selection import Progress
from model.series import Note, Series
from model.study import Seen, Study, StudySlice

NDJSON: Final = "application/x-ndjson"
"""The type of a study's answer that comes line by line."""

NIFTI: Final = "application/x-nifti"
"""The type of a volume."""

DECIMALS: Final = 6
"""Of a probability in an answer; the network computes in float32."""

HEAT_DECIMALS: Final = 3


def answer(results: Sequence[Result]) -> dict[str, Any]:
    """The answer for slices, each by itself."""
    return {"model": model(), "predictions": [_result(result) for result in results], **_closing()}


def study(result: Study) -> dict[str, Any]:
    """The answer for a study."""
    rule = predictor().bundle.study_rule
    return {
        "model": model(),
        "label": result.label,
        "abstained": result.abstained,
        "probabilities": _probabilities(result.probabilities),
        **_doubts(result),
        "rule": {
            "name": rule.name,
            "threshold": rule.threshold,
            "slice_threshold": rule.slice_threshold,
            "positive_share": round(result.positive_share, DECIMALS),
            "lung_slices": len(result.slices),
        },
        "series": _series(result.series),
        "set_aside": [_note(note) for note in result.set_aside],
        "slices": [_slice(one) for one in result.slices],
        "skipped": [_note(note) for note in result.skipped],
        **_closing(),
    }


def line(event: Progress | Seen | Study) -> dict[str, Any]:
    """A line of a streamed study."""
    if isinstance(event, Study):
        return study(event)
    if isinstance(event, Seen):
        return {"slice": _slice(event.slice, ranked=False), "progress": vars(event.progress)}
    return {"progress": vars(event)}


def model() -> dict[str, str]:
    """Which network answers."""
    bundle = predictor().bundle
    return {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256}


def _closing() -> dict[str, Any]:
    return {"request_id": g.request_id, "disclaimer": DISCLAIMER}


def _result(result: Result) -> dict[str, Any]:
    if result.problem:
        return {"filename": result.filename, "error": result.problem.brief()}
    assert result.prediction
    return {"filename": result.filename, **_prediction(result.prediction)}


def _prediction(prediction: Prediction) -> dict[str, Any]:
    return {
        "label": prediction.label,
        "abstained": prediction.abstained,
        "probabilities": _probabilities(prediction.probabilities),
        **_doubts(prediction),
        **({"heatmap": _heatmap(prediction.heatmap)} if prediction.heatmap else {}),
    }


def _doubts(of: Prediction | Study) -> dict[str, Any]:
    """What a bundle without calibration or gate cannot tell is left out."""
    members: dict[str, Any] = {}
    if of.prediction_set is not None:
        members |= {"prediction_set": list(of.prediction_set), "level": of.level}
    if of.gate:
        score = round(of.gate.score, DECIMALS)
        members["gate"] = {"accepted": of.gate.accepted, "score": score, "reason": of.gate.reason}
    return members


def _heatmap(heatmap: Heatmap) -> dict[str, Any]:
    image = base64.b64encode(heatmap.png()).decode()
    values = np.round(heatmap.values.astype(np.float64), HEAT_DECIMALS).tolist()
    return {"label": heatmap.label, "image": f"data:image/png;base64,{image}", "values": values}


def _series(series: Series) -> dict[str, Any]:
    return {
        "uid": series.uid,
        "description": series.title,
        "slices": len(series.frames),
        "spacing_mm": series.spacing_mm,
        "thickness_mm": series.header.thickness_mm,
        "gaps": series.gaps,
    }


def _slice(one: StudySlice, ranked: bool = True) -> dict[str, Any]:
    members = {"index": one.index, "position_mm": one.position_mm, **_prediction(one.prediction)}
    return {**members, "rank": one.rank} if ranked else members


def _note(note: Note) -> dict[str, Any]:
    return {"what": note.what, "reason": note.reason, **({"series": note.series} if note.series else {})}


def _probabilities(probabilities: Mapping[str, float]) -> dict[str, float]:
    return {label: round(probability, DECIMALS) for label, probability in probabilities.items()}
