"""EfficientNet-Lite0, which ImageNet weights exist for in a package: the teacher of the custom CNN.

Source: M. Tan and Q. Le, *EfficientNet* (ICML 2019), and R. Liu, *Higher accuracy on vision models with
EfficientNet-Lite* (2020): EfficientNet-B0 without squeeze-and-excitation, with ReLU6, stem and head not scaled.
"""

from typing import Final

import keras
from keras import layers

BLOCKS: Final = (
    # repeats, kernel, stride of the first, expansion, filters
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_FILTERS: Final = 32
TOP_FILTERS: Final = 1280
NORM_EPSILON: Final = 1e-3


def efficientnet_lite0(inputs: keras.KerasTensor) -> keras.KerasTensor:
    """The convolutions of EfficientNet-Lite0.

    Args:
        inputs: (n, height, width, 3), values in [0, 1]; the scaling to the weights' (x - 127) / 128 is inside.

    Returns:
        The last feature map, (n, height / 32, width / 32, 1280), before any pooling.
    """
    x = layers.Rescaling(255 / 128, offset=-127 / 128, name="rescale")(inputs)
    x = layers.Conv2D(STEM_FILTERS, 3, 2, padding="same", use_bias=False, name="stem_conv")(x)
    x = _norm_and_relu6(x, "stem")
    number = 0
    for repeats, kernel, stride, expansion, filters in BLOCKS:
        for repeat in range(repeats):
            x = _block(x, f"block{number}", kernel, stride if repeat == 0 else 1, expansion, filters)
            number += 1
    x = layers.Conv2D(TOP_FILTERS, 1, use_bias=False, name="top_conv")(x)
    return _norm_and_relu6(x, "top")


def _block(
    x: keras.KerasTensor, name: str, kernel: int, stride: int, expansion: int, filters: int
) -> keras.KerasTensor:
    """An inverted residual: expand, filter each channel, project; added to its input where the shapes agree."""
    before = x
    if expansion > 1:
        x = layers.Conv2D(before.shape[-1] * expansion, 1, use_bias=False, name=f"{name}_expand_conv")(x)
        x = _norm_and_relu6(x, f"{name}_expand")
    x = layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv")(x)
    x = _norm_and_relu6(x, f"{name}_depthwise")
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = layers.BatchNormalization(epsilon=NORM_EPSILON, name=f"{name}_project_norm")(x)
    return layers.Add(name=f"{name}_add")([before, x]) if before.shape == x.shape else x


def _norm_and_relu6(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    x = layers.BatchNormalization(epsilon=NORM_EPSILON, name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)
