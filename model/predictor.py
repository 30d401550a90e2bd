"""Bytes in, prediction out: the one call that page, API and evaluation make."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.bundle import Bundle
from model.engine import Engine, create_engine
from model.images import MAX_PIXELS, Slice, decode


@dataclass(frozen=True)
class Prediction:
    """What the network says of one slice."""

    label: str
    """The most probable class."""
    probabilities: dict[str, float]
    """Class -> probability, in the order of the network's outputs; they sum to 1."""


class Predictor:
    """A bundle and the engine that runs it. Holds no state between calls; may be called from several threads."""

    def __init__(self, bundle: Bundle, engine: str = "onnx", max_pixels: int = MAX_PIXELS) -> None:
        self.bundle = bundle
        self.engine: Engine = create_engine(bundle, engine)
        self._max_pixels = max_pixels

    def warm_up(self) -> None:
        """Run the network once on a black slice, so that the first request does not pay for it."""
        size = self.bundle.preprocessing.size
        self.predict_slice(np.zeros((size, size), dtype=np.uint8))

    def predict(self, data: bytes) -> Prediction:
        """Classify the content of one picture file.

        Raises:
            ImageError: the bytes are not a picture that can be classified; see `model.images.decode`.
        """
        return self.predict_slice(decode(data, self._max_pixels, self.bundle.preprocessing.window))

    def predict_slice(self, pixels: Slice) -> Prediction:
        """Classify one decoded slice: uint8 (height, width)."""
        return self.predict_slices([pixels])[0]

    def predict_slices(self, slices: Sequence[Slice]) -> list[Prediction]:
        """Classify decoded slices in one pass of the network; each uint8 (height, width), of any size."""
        outputs = self.engine.run(self.bundle.preprocessing.batch(slices))
        return [self._prediction(row) for row in outputs.probabilities.tolist()]

    def _prediction(self, row: list[float]) -> Prediction:
        probabilities = dict(zip(self.bundle.labels, row, strict=True))
        return Prediction(max(probabilities, key=lambda label: probabilities[label]), probabilities)
