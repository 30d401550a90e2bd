"""A few dense layers, as plain matrices: the end of the network, and the gate. No library is needed to run them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.errors import BundleError

Floats = NDArray[np.float32]


class Dense:
    """Affine layers with ReLU between them."""

    def __init__(self, weights: list[Floats], biases: list[Floats]) -> None:
        self._layers = list(zip(weights, biases, strict=True))

    @classmethod
    def load(cls, path: Path, outputs: int) -> "Dense":
        """Read a file of a bundle.

        Raises:
            BundleError: it is no file of such layers, or they do not fit each other or the number of outputs.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                number = len(file.files) // 2
                weights, biases = ([file[f"{part}{n}"] for n in range(number)] for part in ("weight", "bias"))
            sizes = [weight.shape[0] for weight in weights] + [outputs]
            if not weights or any(
                (w.ndim, w.shape[1:], b.shape) != (2, (size,), (size,))
                for w, b, size in zip(weights, biases, sizes[1:], strict=True)
            ):
                raise ValueError("the shapes of its layers do not fit")
        except (OSError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise BundleError(f"{path} does not hold the layers that are asked for: {error}") from error
        return cls(weights, biases)

    def save(self, path: Path) -> None:
        """Write what `load` reads."""
        parts = {
            f"{part}{n}": x
            for n, pair in enumerate(self._layers)
            for part, x in zip(("weight", "bias"), pair, strict=True)
        }
        np.savez(path, allow_pickle=False, **parts)

    @property
    def inputs(self) -> int:
        """How many numbers it takes."""
        return len(self._layers[0][0])

    def shuffled(self, random: np.random.Generator) -> "Dense":
        """Layers of the same sizes that have learned nothing: the weights of each layer in another order."""
        layers = [(random.permutation(w.ravel()).reshape(w.shape), random.permutation(b)) for w, b in self._layers]
        return Dense([weight for weight, _ in layers], [bias for _, bias in layers])

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
