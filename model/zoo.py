"""The networks that may be trained and served: the paper's custom CNN, its transfer networks, and a teacher.

Each takes float32 (n, size, size, 3) in [0, 1], as every picture is preprocessed, and has the scaling that its own
weights expect inside the graph. The channels are equal (a CT slice is gray), so that the order of colours, in which
families of weights differ, is of no account; the means that belong to each place are subtracted at that place.
"""

from dataclasses import dataclass
from typing import Final, Literal

import keras
from keras import layers

from model.architecture import DROPOUT, LAST_MAP, Pooling, convolutions, custom_cnn, paper_head, short_head
from model.efficientnet_lite import efficientnet_lite0

Head = Literal["paper", "short"]


@dataclass(frozen=True)
class Scaling:
    """x -> x * scale + offset, a number or one a channel: from [0, 1] to what a family of weights was trained on."""

    scale: float | tuple[float, float, float]
    offset: float | tuple[float, float, float]


# keras.applications.imagenet_utils.preprocess_input, its modes "tf", "torch" and "caffe".
_SYMMETRIC: Final = Scaling(2.0, -1.0)
_STANDARD: Final = Scaling((1 / 0.229, 1 / 0.224, 1 / 0.225), (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225))
_MEANS: Final = Scaling(255.0, (-103.939, -116.779, -123.68))
_BYTES: Final = Scaling(255.0, 0.0)

APPLICATIONS: Final[dict[str, tuple[str, Scaling]]] = {
    "densenet121": ("DenseNet121", _STANDARD),
    "efficientnetb0": ("EfficientNetB0", _BYTES),
    "mobilenet": ("MobileNet", _SYMMETRIC),
    "resnet50": ("ResNet50", _MEANS),
    "vgg16": ("VGG16", _MEANS),
    "xception": ("Xception", _SYMMETRIC),
}
"""Our name -> its name in `keras.applications`, and its scaling."""

NETWORKS: Final = ("custom_cnn", "efficientnet_lite0", *APPLICATIONS)


def build(
    name: str,
    size: int,
    dropout: float = DROPOUT,
    head: Head = "paper",
    pooling: Pooling = "gap",
    head_norm: bool = True,
    channels: int = 3,
) -> keras.Model:
    """Build a network with fresh weights.

    Args:
        name: one of `NETWORKS`.
        size: height and width of the input in pixels; a multiple of 32.
        dropout: rate of the dropout in the head.
        head: the head of Table 1 (``paper``), or the paper's ``short`` one.
        pooling: how the last map becomes a vector.
        head_norm: whether BatchNorms stand in the paper's head.
        channels: of the input; all but the custom CNN take three.

    Returns:
        A model from float32 (n, size, size, channels) in [0, 1] to float32 (n, 3) probabilities. Its layers
        ``last_map``, ``features`` and ``probabilities`` are those whose outputs are served.
    """
    if name == "custom_cnn" and head == "paper":
        return custom_cnn(size, dropout, pooling, head_norm, channels)
    inputs = keras.Input((size, size, channels), name="slice")
    x = layers.Identity(name=LAST_MAP)(backbone(name, inputs))
    outputs = short_head(x, dropout, pooling) if head == "short" else paper_head(x, dropout, pooling, head_norm)
    return keras.Model(inputs, outputs, name=name)


def backbone(name: str, inputs: keras.KerasTensor) -> keras.KerasTensor:
    """The convolutions of a network: from [0, 1] to its last feature map."""
    if name == "custom_cnn":
        return convolutions(custom_cnn(inputs.shape[1], channels=inputs.shape[-1]))(inputs)
    if name == "efficientnet_lite0":
        return efficientnet_lite0(inputs)
    application, scaling = APPLICATIONS[name]
    x = layers.Rescaling(scaling.scale, scaling.offset, name="rescale")(inputs)
    make = getattr(keras.applications, application)
    return make(include_top=False, weights=None, input_tensor=x).output
