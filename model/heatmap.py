"""Where the network looked: Grad-CAM (Selvaraju et al. 2017) from the forward pass that gave the answer.

The layers after the last map are a few small dense ones, so that the gradient of a logit is some matrix products here,
exactly and without automatic differentiation.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.errors import BundleError

SIDE: Final = 64
"""Pixels on a side of the picture of a heatmap."""

FLOOR: Final = 1e-6
"""Heat below which there is none, rather than noise that is stretched."""

_COLOURS: Final = [part for heat in range(256) for part in (255, max(0, 2 * heat - 255), 0)]
"""Red, green and blue of each heat from 0 to 255: from red to yellow."""

_CLEARNESS: Final = bytes(heat * 4 // 5 for heat in range(256))
"""Alpha of each heat."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Heatmap:
    """What spoke for one class."""

    label: str
    values: Floats
    """(height, width), from 0 to 1; it lies over the whole slice. All 0 where nothing spoke for the class."""

    def png(self) -> bytes:
        """A small picture to lay over the slice: clear where it is cold, from red to yellow where it is hot."""
        picture = Image.fromarray((self.values * 255).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.putpalette(_COLOURS)
        buffer = io.BytesIO()
        # Colours of a palette, and little effort: four bytes a pixel would cost as much time as all else of a heatmap.
        picture.save(buffer, "PNG", transparency=_CLEARNESS, compress_level=1)
        return buffer.getvalue()


class Head:
    """The layers between the features and the logits: affine ones with ReLU between them, BatchNorms folded in."""

    def __init__(self, weights: list[Floats], biases: list[Floats]) -> None:
        self._layers = list(zip(weights, biases, strict=True))

    @classmethod
    def load(cls, path: Path, classes: int) -> "Head":
        """Read the head of a bundle.

        Raises:
            BundleError: it is no file of a head, or its layers do not fit each other or the classes.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                number = len(file.files) // 2
                weights, biases = ([file[f"{part}{n}"] for n in range(number)] for part in ("weight", "bias"))
            sizes = [weight.shape[0] for weight in weights] + [classes]
            if not weights or any(
                (w.ndim, w.shape[1:], b.shape) != (2, (size,), (size,))
                for w, b, size in zip(weights, biases, sizes[1:], strict=True)
            ):
                raise ValueError("the shapes of its layers do not fit")
        except (OSError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise BundleError(f"{path} is no head of this network: {error}") from error
        return cls(weights, biases)

    @property
    def inputs(self) -> int:
        """How many features it takes."""
        return len(self._layers[0][0])

    def shuffled(self, random: np.random.Generator) -> "Head":
        """A head of the same sizes that has learned nothing: the weights of each layer in another order."""
        layers = [(random.permutation(w.ravel()).reshape(w.shape), random.permutation(b)) for w, b in self._layers]
        return Head([weight for weight, _ in layers], [bias for _, bias in layers])

    def logits(self, features: Floats) -> Floats:
        """(n, features) -> (n, classes)."""
        x = features
        for number, (weight, bias) in enumerate(self._layers):
            x = np.maximum(x, 0) @ weight + bias if number else x @ weight + bias
        return x

    def gradient(self, features: Floats, label: int) -> Floats:
        """Of the logit of class `label` with respect to the features of one slice: (features,) -> (features,)."""
        inner, x = [], features
        for weight, bias in self._layers[:-1]:
            x = np.maximum(x @ weight + bias, 0)
            inner.append(x)
        gradient: Floats = self._layers[-1][0][:, label]
        for (weight, _), active in zip(self._layers[-2::-1], inner[::-1], strict=True):
            gradient = weight @ (gradient * (active > 0))
        return gradient


def grad_cam(head: Head, features: Floats, feature_map: Floats, label: int, fine_map: Floats | None = None) -> Floats:
    """The heat of one class in one slice, not scaled.

    Args:
        head: of the network.
        features: (features,), what `feature_map` became.
        feature_map: (height, width, channels), the last map.
        label: the class, as an index.
        fine_map: (2 height, 2 width, channels), of which `feature_map` is the maximum over 2 × 2. The gradient of
            a maximum goes whole to where it is, so the weights of Grad-CAM are the same up to a quarter.

    Returns:
        (height, width) of the finest map, at least 0.
    """
    height, width, channels = feature_map.shape
    gradient = head.gradient(features, label)
    if gradient.size == channels:
        weights = gradient / (height * width)  # the features are the means of the channels
    else:
        weights = gradient.reshape(feature_map.shape).mean(axis=(0, 1))
    heat: Floats = np.maximum((feature_map if fine_map is None else fine_map) @ weights, 0)
    return heat


def scaled(heat: Floats) -> Floats:
    """Heat from 0 to 1, its hottest place 1."""
    hottest = float(heat.max())
    return np.zeros_like(heat) if hottest < FLOOR else heat / np.float32(hottest)
