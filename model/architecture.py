"""The paper's custom CNN, written as its Table 1.

Source: A. Sahu, *Deep Learning based Detection of Covid 19 using CT scan lung images* (2021), Table 1.
The paper's prose speaks of three groups of separable convolutions; its table and its parameter count
(616,739) have four, and so does this module.

Only stock Keras layers: a ``.h5`` with custom layers or ``Lambda`` does not reload by itself.
"""

from typing import Final

import keras
from keras import initializers, layers

from model.labels import LABELS

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


def custom_cnn(size: int = INPUT_SIZE, dropout: float = DROPOUT) -> keras.Model:
    """Build the custom CNN with fresh weights.

    Args:
        size: height and width of the input in pixels; a multiple of 32.
        dropout: rate of the two dropout layers of the head.

    Returns:
        A model from float32 (batch, size, size, 3) in [0, 1] to float32 (batch, 3) probabilities,
        classes in the order of ``model.labels.LABELS``.
    """
    inputs = keras.Input((size, size, 3), name="slice")
    x = layers.Conv2D(STEM_FILTERS, 3, padding="same", activation="relu", name="stem")(inputs)
    for number, filters in enumerate(GROUP_FILTERS, start=1):
        x = _separable_group(x, filters, f"group{number}")
    x = layers.MaxPooling2D(name="last_map")(x)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    for number, units in enumerate(HEAD_UNITS, start=1):
        x = _dense_group(x, units, dropout, f"head{number}")
    outputs = layers.Dense(len(LABELS), activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, outputs, name="custom_cnn")


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


def _dense_group(x: keras.KerasTensor, units: int, dropout: float, name: str) -> keras.KerasTensor:
    x = layers.Dense(units, activation="relu", name=f"{name}_dense")(x)
    x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return layers.BatchNormalization(momentum=NORM_MOMENTUM, name=f"{name}_norm")(x)


def with_all_outputs(network: keras.Model) -> keras.Model:
    """The same network with the outputs that serving needs, as a dictionary named by `model.engine.OUTPUTS`.

    Logits are had by splitting the last layer into its linear part and its softmax, with the same weights.
    """
    last = network.get_layer("probabilities")
    linear = layers.Dense(last.units, name="logits")
    logits = linear(last.input)
    linear.set_weights(last.get_weights())
    return keras.Model(
        network.input,
        {
            "probabilities": layers.Softmax(name="probabilities")(logits),
            "logits": logits,
            "features": network.get_layer("features").output,
            "feature_map": network.get_layer("last_map").output,
        },
        name=network.name,
    )
