"""Would the compiled network do as well in 8-bit integers? `publish` tries it on validation patients; the card tells.

Static quantization: scales of the activations from training slices, of the weights a channel at a time. The first
convolution, which sees the picture, and the head stay in floating point.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import onnx
from onnxruntime import quantization

from model.bundle import Bundle
from model.engine import OnnxEngine
from model.preprocessing import Batch
from training import outputs
from training.manifest import Row, label_indices
from training.metrics import covid_auc
from training.splits import Split

CALIBRATION: Final = 128
"""Training slices that tell the range of the activations."""

AGREEMENT: Final = 0.995
"""Least share of validation slices that must be called the same."""

AUC_LOSS: Final = 0.002
"""Most that the AUC of COVID-19 may lose."""

TIMED: Final = 50
"""Slices whose time is taken, by both in turn."""


def trial(usual: Bundle, split: Split) -> tuple[dict[str, Any], Path]:
    """Compile the network in 8-bit integers, beside itself, and compare the two.

    Returns:
        A part of the card, and the file.
    """
    preprocessing, small = usual.preprocessing, replace(usual, name="int8")
    quantize(usual.onnx, outputs.batches(preprocessing, _spread(split.train), "8-bit scales"), small.onnx)
    slices = list(outputs.batches(preprocessing, split.validation, "8-bit trial"))
    both = OnnxEngine(usual), OnnxEngine(small)
    answers = [np.concatenate([engine.run(one).probabilities for one in slices]) for engine in both]
    agreement = float(np.equal(*(probabilities.argmax(axis=1) for probabilities in answers)).mean())
    before, after = (covid_auc(probabilities, label_indices(split.validation)) for probabilities in answers)
    faster = _times_faster(*both, slices[:TIMED])
    figures = {
        "slices": len(slices),
        "agreement": round(agreement, 4),
        "covid_auc": {"fp32": round(before, 4), "int8": round(after, 4)},
        "times_faster": round(faster, 2),
        "passes": agreement >= AGREEMENT and before - after <= AUC_LOSS and faster > 1,
    }
    return figures, small.onnx


def quantize(compiled: Path, batches: Iterator[Batch], made: Path) -> None:
    """Write the network of `compiled` in 8-bit integers to `made`."""
    prepared = made.with_suffix(".prepared.onnx")
    quantization.quant_pre_process(compiled, prepared, skip_symbolic_shape=True)
    graph = onnx.load(prepared).graph
    first = next(node.name for node in graph.node if node.op_type == "Conv")
    quantization.quantize_static(
        prepared,
        made,
        _Reader(batches, graph.input[0]),
        per_channel=True,
        nodes_to_exclude=[first, *(node.name for node in graph.node if node.op_type in ("MatMul", "Gemm", "Softmax"))],
    )
    prepared.unlink()


class _Reader(quantization.CalibrationDataReader):
    """Slices, in the form in which the library asks for them."""

    def __init__(self, batches: Iterator[Batch], wanted: onnx.ValueInfoProto) -> None:
        self._batches, self._name = batches, wanted.name
        self._channels = wanted.type.tensor_type.shape.dim[-1].dim_value

    def get_next(self) -> dict[str, Batch] | None:
        batch = next(self._batches, None)
        return None if batch is None else {self._name: np.ascontiguousarray(batch[..., : self._channels])}


def _spread(rows: Sequence[Row]) -> Sequence[Row]:
    """So many of the rows, from all over."""
    return rows[:: max(1, len(rows) // CALIBRATION)][:CALIBRATION]


def _times_faster(usual: OnnxEngine, small: OnnxEngine, slices: Sequence[Batch]) -> float:
    """The median over slices, one thread each."""

    def seconds(engine: OnnxEngine, batch: Batch) -> float:
        began = time.perf_counter()
        engine.run(batch)
        return time.perf_counter() - began

    return median(seconds(usual, batch) / seconds(small, batch) for batch in slices)
