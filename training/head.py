"""The end of a Keras network -> the plain matrices of `model.dense.Dense`."""

from pathlib import Path

import keras
import numpy as np

from model.architecture import FEATURES, PROBABILITIES
from model.dense import Dense, Floats
from training.errors import TrainingError


def write(network: keras.Model, path: Path) -> None:
    """Save the layers after the features, with each BatchNorm folded into the dense layer after it.

    Raises:
        TrainingError: there are layers among them of which the gradient is not known here.
    """
    names = [layer.name for layer in network.layers]
    weights: list[Floats] = []
    biases: list[Floats] = []
    scale, offset = np.float32(1), np.float32(0)
    for layer in network.layers[names.index(FEATURES) + 1 :]:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            scale = gamma / np.sqrt(variance + layer.epsilon)
            offset = beta - mean * scale
        elif isinstance(layer, keras.layers.Dense) and _fits(layer):
            kernel, bias = layer.get_weights()
            weights.append((np.broadcast_to(scale, len(kernel))[:, np.newaxis] * kernel).astype(np.float32))
            biases.append((bias + np.broadcast_to(offset, len(kernel)) @ kernel).astype(np.float32))
            scale, offset = np.float32(1), np.float32(0)
        elif not isinstance(layer, keras.layers.Dropout):
            raise TrainingError(f"The layer {layer.name} after the features is none that heatmaps can be made through.")
    Dense(weights, biases).save(path)


def _fits(layer: keras.layers.Dense) -> bool:
    return bool(layer.activation.__name__ == ("softmax" if layer.name == PROBABILITIES else "relu"))
