"""Table 1 of the paper, row by row."""

from pathlib import Path

import keras
import numpy as np
import pytest

from model.architecture import custom_cnn, with_all_outputs

TABLE_1 = [
    # layer, output shape, parameters
    ("InputLayer", (256, 256, 3), 0),
    ("Conv2D", (256, 256, 32), 896),
    ("MaxPooling2D", (128, 128, 32), 0),
    ("SeparableConv2D", (128, 128, 64), 2_400),
    ("SeparableConv2D", (128, 128, 64), 4_736),
    ("BatchNormalization", (128, 128, 64), 256),
    ("MaxPooling2D", (64, 64, 64), 0),
    ("SeparableConv2D", (64, 64, 128), 8_896),
    ("SeparableConv2D", (64, 64, 128), 17_664),
    ("BatchNormalization", (64, 64, 128), 512),
    ("MaxPooling2D", (32, 32, 128), 0),
    ("SeparableConv2D", (32, 32, 256), 34_176),
    ("SeparableConv2D", (32, 32, 256), 68_096),
    ("BatchNormalization", (32, 32, 256), 1_024),
    ("MaxPooling2D", (16, 16, 256), 0),
    ("SeparableConv2D", (16, 16, 512), 133_888),
    ("SeparableConv2D", (16, 16, 512), 267_264),
    ("BatchNormalization", (16, 16, 512), 2_048),
    ("MaxPooling2D", (8, 8, 512), 0),
    ("GlobalAveragePooling2D", (512,), 0),
    ("Dense", (128,), 65_664),
    ("Dropout", (128,), 0),
    ("BatchNormalization", (128,), 512),
    ("Dense", (64,), 8_256),
    ("Dropout", (64,), 0),
    ("BatchNormalization", (64,), 256),
    ("Dense", (3,), 195),
]


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return custom_cnn()


@pytest.mark.parametrize("row", range(len(TABLE_1)))
def test_each_row_of_table_1(network: keras.Model, row: int) -> None:
    layer = network.layers[row]
    assert (type(layer).__name__, tuple(layer.output.shape[1:]), layer.count_params()) == TABLE_1[row]


def test_the_number_of_layers_and_parameters(network: keras.Model) -> None:
    assert len(network.layers) == len(TABLE_1)
    assert network.count_params() == 616_739
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == 614_435


def test_activations_padding_and_dropout_are_the_papers(network: keras.Model) -> None:
    configs = [layer.get_config() for layer in network.layers]
    convolutions = [c for c in configs if "kernel_size" in c]
    assert {(c["kernel_size"], c["padding"], c["activation"]) for c in convolutions} == {((3, 3), "same", "relu")}
    assert [c["activation"] for c in configs if "units" in c] == ["relu", "relu", "softmax"]
    assert [c["rate"] for c in configs if "rate" in c] == [0.2455, 0.2455]


def test_a_fresh_network_tells_inputs_apart(network: keras.Model) -> None:
    """With Keras' default initialisation the features are some 1e-4: the signal has died on the way."""
    features = with_all_outputs(network)(np.random.default_rng(0).random((2, 256, 256, 3), np.float32))["features"]
    assert 0.01 < float(np.std(features)) < 100


def test_saved_and_loaded_it_answers_the_same(network: keras.Model, tmp_path: Path) -> None:
    batch = np.random.default_rng(0).random((2, 256, 256, 3), np.float32)
    network.save(tmp_path / "network.h5")
    loaded = keras.models.load_model(tmp_path / "network.h5", compile=False)
    np.testing.assert_array_equal(loaded.predict_on_batch(batch), network.predict_on_batch(batch))


def test_the_outputs_for_serving_agree_with_the_network(network: keras.Model) -> None:
    batch = np.random.default_rng(0).random((2, 256, 256, 3), np.float32)
    outputs = with_all_outputs(network).predict_on_batch(batch)
    np.testing.assert_allclose(outputs["probabilities"], network.predict_on_batch(batch), atol=1e-6)
    np.testing.assert_allclose(outputs["feature_map"].mean(axis=(1, 2)), outputs["features"], rtol=1e-4)
    odds = np.exp(outputs["logits"])
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), outputs["probabilities"], rtol=1e-4)
