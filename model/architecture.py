"""The paper's custom CNN, written as its Table 1.

Source: A. Sahu, *Deep Learning based Detection of Covid 19 using CT scan lung images* (2021), Table 1.
The paper's prose speaks of three groups of separable convolutions; its table and its parameter count
(616,739) have four, and so does this module.

Only stock Keras layers: a ``.h5`` with custom layers or ``Lambda`` does not reload by itself.
"""

from typing import Final, Literal

import keras
from keras import initializers, layers

from model.labels import LABELS

LAST_MAP: Final = "last_map"
FEATURES: Final = "features"
PROBABILITIES: Final = "probabilities"
"""Names of the layers that every network has, whose outputs are served."""

Pooling = Literal["gap", "flatten"]

STEM_FILTERS: Final = 32
GROUP_FILTERS: Final = (64, 128, 256, 512)
HEAD_UNITS: Final = (128, 64)
DROPOUT: Final = 0.2455
INPUT_SIZE: Final = 256
NORM_MOMENTUM: Final = 0.95
"""Of the BatchNorms' moving averages: Keras' 0.99 takes some 1,000 steps, ten epochs here, to forget its start."""

DEPTHWISE_STDDEV: Final = 1 / 3
"""1 / sqrt(3 × 3). Keras' default counts every channel as an input of a depthwise filter, so the signal fades to below
the epsilon of the BatchNorms, and the network begins by learning nothing but the class frequencies."""


def custom_cnn(
    size: int = INPUT_SIZE,
    dropout: float = DROPOUT,
    pooling: Pooling = "gap",
    head_norm: bool = True,
    channels: int = 3,
) -> keras.Model:
    """Build the custom CNN with fresh weights.

    Args:
        size: height and width of the input in pixels; a multiple of 32.
        dropout: rate of the two dropout layers of the head.
        pooling: how the last map becomes a vector; the paper compares ``flatten`` with its choice ``gap``.
        head_norm: whether a BatchNorm follows each dropout, as in Table 1.
        channels: of the input; the paper tries one, gray, beside its three.

    Returns:
        A model from float32 (batch, size, size, channels) in [0, 1] to float32 (batch, 3) probabilities,
        classes in the order of ``model.labels.LABELS``.
    """
    inputs = keras.Input((size, size, channels), name="slice")
    x = layers.Conv2D(STEM_FILTERS, 3, padding="same", activation="relu", name="stem")(inputs)
    for number, filters in enumerate(GROUP_FILTERS, start=1):
        x = _separable_group(x, filters, f"group{number}")
    x = layers.MaxPooling2D(name=LAST_MAP)(x)
    return keras.Model(inputs, paper_head(x, dropout, pooling, head_norm), name="custom_cnn")


def paper_head(
    x: keras.KerasTensor, dropout: float = DROPOUT, pooling: Pooling = "gap", head_norm: bool = True
) -> keras.KerasTensor:
    """The head of Table 1 on a feature map: pooling, twice {Dense, Dropout, BatchNorm}, softmax."""
    x = _pool(x, pooling)
    for number, units in enumerate(HEAD_UNITS, start=1):
        x = layers.Dense(units, activation="relu", name=f"head{number}_dense")(x)
        x = layers.Dropout(dropout, name=f"head{number}_dropout")(x)
        if head_norm:
            x = layers.BatchNormalization(momentum=NORM_MOMENTUM, name=f"head{number}_norm")(x)
    return _softmax(x)


def short_head(x: keras.KerasTensor, dropout: float, pooling: Pooling = "gap") -> keras.KerasTensor:
    """The paper's other head, for its transfer networks: pooling, Dropout, BatchNorm, softmax."""
    x = _pool(x, pooling)
    x = layers.Dropout(dropout, name="head_dropout")(x)
    return _softmax(layers.BatchNormalization(momentum=NORM_MOMENTUM, name="head_norm")(x))


def _pool(x: keras.KerasTensor, pooling: Pooling) -> keras.KerasTensor:
    layer = layers.GlobalAveragePooling2D if pooling == "gap" else layers.Flatten
    return layer(name=FEATURES)(x)


def _softmax(x: keras.KerasTensor) -> keras.KerasTensor:
    # float32 also where the rest is trained in 16 bits, which a softmax does not bear.
    return layers.Dense(len(LABELS), activation="softmax", dtype="float32", name=PROBABILITIES)(x)


def _separable_group(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    x = layers.MaxPooling2D(name=f"{name}_pool")(x)
    for part in ("a", "b"):
        x = layers.SeparableConv2D(
            filters,
            3,
            padding="same",
            activation="relu",
            depthwise_initializer=initializers.RandomNormal(stddev=DEPTHWISE_STDDEV),
            pointwise_initializer="he_normal",
            name=f"{name}_conv_{part}",
        )(x)
    return layers.BatchNormalization(momentum=NORM_MOMENTUM, name=f"{name}_norm")(x)


def convolutions(network: keras.Model) -> keras.Model:
    """The part of a network up to its last map; it shares the network's layers."""
    return keras.Model(network.input, network.get_layer(LAST_MAP).output)


def with_all_outputs(network: keras.Model) -> keras.Model:
    """The same network with the outputs that serving needs, as a dictionary named by `model.engine`.

    Logits are had by splitting the last layer into its linear part and its softmax, with the same weights.
    """
    last = network.get_layer(PROBABILITIES)
    linear = layers.Dense(last.units, name="logits")
    logits = linear(last.input)
    linear.set_weights(last.get_weights())
    last_map = network.get_layer(LAST_MAP)
    outputs = {
        "probabilities": layers.Softmax(name=PROBABILITIES)(logits),
        "logits": logits,
        "features": network.get_layer(FEATURES).output,
        "feature_map": last_map.output,
    }
    if isinstance(last_map, layers.MaxPooling2D):
        outputs["fine_map"] = last_map.input
    return keras.Model(network.input, outputs, name=network.name)
