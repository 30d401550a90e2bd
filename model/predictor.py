"""Bytes in, prediction out: the one call that page, API and evaluation make."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from model.bundle import Bundle
from model.calibration import LEVEL
from model.engine import Engine, Outputs, create_engine
from model.errors import BundleError
from model.gate import Decision
from model.heatmap import Heatmap, grad_cam, scaled
from model.images import MAX_PIXELS, Picture, Slice, read
from model.preprocessing import Batch

Abstained = Literal["not_chest_ct", "poor_quality", "uncertain"]
"""Why there is no label: the gate refused the picture, or the prediction set is not one label."""


@dataclass(frozen=True)
class Options:
    """What a caller may ask for."""

    abstain: bool = True
    """Give no label where there is reason to doubt it."""
    explain: bool = False
    """Add the heatmap."""
    label: str | None = None
    """Whose heatmap; by default that of the most probable class."""
    level: float = LEVEL
    """How often the prediction set shall hold the true label; one of `model.calibration.LEVELS`."""


DEFAULT = Options()


@dataclass(frozen=True)
class Prediction:
    """What the network says of one slice. What its bundle has no calibration or gate for is ``None``."""

    label: str | None
    """The most probable class, or ``None`` where the network abstains."""
    probabilities: dict[str, float]
    """Class -> probability, in the order of the network's outputs; they sum to 1."""
    abstained: Abstained | None = None
    prediction_set: tuple[str, ...] | None = None
    """The labels that stay possible at the level asked for."""
    level: float | None = None
    """That level, where there is such a set."""
    gate: Decision | None = None
    heatmap: Heatmap | None = None
    """Where it was asked for."""


class Predictor:
    """A bundle and the engine that runs it. Holds no state between calls; may be called from several threads."""

    def __init__(self, bundle: Bundle, engine: str = "onnx", max_pixels: int = MAX_PIXELS) -> None:
        self.bundle = bundle
        self.engine: Engine = create_engine(bundle, engine)
        self._max_pixels = max_pixels

    def warm_up(self) -> None:
        """Run the network once on a black slice, so that the first request does not pay for it.

        Raises:
            BundleError: the network's outputs are not those that its gate and its head were made for.
        """
        size = self.bundle.preprocessing.size
        outputs = self.engine.run(self.bundle.preprocessing.batch([np.zeros((size, size), dtype=np.uint8)]))
        head = self.bundle.head
        if head and outputs.features.shape[1] != head.inputs:
            raise BundleError("The head for heatmaps is not made for this network: it asks for other features.")

    def run(self, batch: Batch) -> Outputs:
        """One pass of the network over what is preprocessed already, with calibrated probabilities."""
        outputs, calibration = self.engine.run(batch), self.bundle.calibration
        if calibration is None:
            return outputs
        return replace(outputs, probabilities=calibration.probabilities(outputs.logits).astype(np.float32))

    def predict(self, data: bytes, options: Options = DEFAULT) -> Prediction:
        """Classify the content of one picture file.

        Raises:
            ImageError: the bytes are not a picture that can be classified; see `model.images.read`.
        """
        return self._predict([read(data, self._max_pixels, self.bundle.preprocessing.window)], options)[0]

    def predict_slice(self, pixels: Slice, options: Options = DEFAULT) -> Prediction:
        """Classify one decoded slice: uint8 (height, width)."""
        return self.predict_slices([pixels], options)[0]

    def predict_slices(self, slices: Sequence[Slice], options: Options = DEFAULT) -> list[Prediction]:
        """Classify decoded slices in one pass of the network; each uint8 (height, width), of any size."""
        return self._predict([Picture(pixels) for pixels in slices], options)

    def _predict(self, pictures: Sequence[Picture], options: Options) -> list[Prediction]:
        preprocessing, gate = self.bundle.preprocessing, self.bundle.gate
        resized = [preprocessing.resize(picture.pixels) for picture in pictures]
        decisions = [
            gate.decide(picture, given) if gate else None for picture, given in zip(pictures, resized, strict=True)
        ]
        outputs = self.run(preprocessing.scaled(resized))
        return [self._prediction(outputs, at, decision, options) for at, decision in enumerate(decisions)]

    def _prediction(self, outputs: Outputs, at: int, gate: Decision | None, options: Options) -> Prediction:
        """The prediction for the slice at place `at` of the batch."""
        bundle = self.bundle
        probabilities = dict(zip(bundle.labels, outputs.probabilities[at].tolist(), strict=True))
        label = max(probabilities, key=lambda label: probabilities[label])
        possible = bundle.possible(probabilities, options.level)
        abstained = why_not(label, possible, gate) if options.abstain else None
        heatmap = self._heatmap(outputs, at, options.label or label) if options.explain else None
        level = None if possible is None else options.level
        return Prediction(None if abstained else label, probabilities, abstained, possible, level, gate, heatmap)

    def _heatmap(self, outputs: Outputs, at: int, label: str) -> Heatmap | None:
        head = self.bundle.head
        if head is None:
            return None
        fine = None if outputs.fine_map is None else outputs.fine_map[at]
        index = self.bundle.labels.index(label)
        return Heatmap(label, scaled(grad_cam(head, outputs.features[at], outputs.feature_map[at], index, fine)))


def why_not(label: str, possible: tuple[str, ...] | None, gate: Decision | None) -> Abstained | None:
    """Why `label` is not to be given: the gate's reason first, then that it is not alone in the prediction set."""
    if gate and gate.refusal:
        return gate.refusal
    return "uncertain" if possible is not None and possible != (label,) else None
