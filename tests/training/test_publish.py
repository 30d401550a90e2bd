"""What is compiled from a network."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from model.architecture import custom_cnn, with_all_outputs
from model.engine import OnnxEngine
from model.phantom import lung_phantom
from model.preprocessing import Preprocessing
from training import publish

SIZE = 64


def fresh(channels: int) -> keras.Model:
    """A network with weights of no training, its BatchNorms as far from the identity as after one."""
    keras.utils.set_random_seed(1)
    network, rng = custom_cnn(SIZE, channels=channels), np.random.default_rng(1)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return network


@pytest.mark.parametrize("channels", [1, 3])
def test_the_compiled_network_takes_gray_itself_and_gives_the_same(tmp_path: Path, channels: int) -> None:
    network = fresh(channels)
    publish._compile(network, tmp_path / "network.onnx")
    bundle: Any = SimpleNamespace(onnx=tmp_path / "network.onnx")
    engine = OnnxEngine(bundle)
    batch = Preprocessing(SIZE, channels=channels).batch([lung_phantom("covid", seed) for seed in range(4)])
    given, expected = engine.run(batch), with_all_outputs(network).predict_on_batch(np.array(batch))
    assert engine._session.get_inputs()[0].shape[1:] == [SIZE, SIZE, 1]
    for name, value in expected.items():
        scale = max(1.0, float(np.abs(value).max()))
        np.testing.assert_allclose(getattr(given, name), value, rtol=0, atol=1e-5 * scale)
