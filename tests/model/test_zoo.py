import numpy as np
import pytest

from model import zoo
from model.architecture import with_all_outputs

# keras.applications documents the parameters of each network without its top.
PARAMETERS = {
    "densenet121": 7_037_504,
    "efficientnetb0": 4_049_571,
    "mobilenet": 3_228_864,
    "resnet50": 23_587_712,
    "vgg16": 14_714_688,
    "xception": 20_861_480,
    # EfficientNet-Lite0 has 4,652,008 trainable ones with its top of 1,281,000, and 42,016 of its norms' averages.
    "efficientnet_lite0": 4_652_008 - 1_281_000 + 42_016,
}


def parameters_of_head(features: int) -> int:
    return (features + 1) * 128 + 4 * 128 + 129 * 64 + 4 * 64 + 65 * 3


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_network_has_its_parameters_and_the_served_layers(name: str) -> None:
    network = zoo.build(name, 64)
    features = network.get_layer("features").output.shape[-1]
    assert network.count_params() == PARAMETERS[name] + parameters_of_head(features)
    outputs = with_all_outputs(network).predict_on_batch(np.random.default_rng(0).random((1, 64, 64, 3), np.float32))
    assert outputs["probabilities"].shape == (1, 3)
    np.testing.assert_allclose(outputs["probabilities"].sum(), 1, atol=1e-5)
    np.testing.assert_allclose(outputs["feature_map"].mean(axis=(1, 2)), outputs["features"], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", zoo.APPLICATIONS)
def test_the_scaling_in_the_graph_is_that_of_the_weights(name: str) -> None:
    import keras

    modules = {"efficientnetb0": "efficientnet", "densenet121": "densenet"}
    preprocess = getattr(keras.applications, modules.get(name, name)).preprocess_input
    gray = np.repeat(np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(1, 64, 64, 1), 3, axis=-1)
    rescale = zoo.build(name, 64).get_layer("rescale")
    np.testing.assert_allclose(rescale(gray), preprocess(gray * 255), rtol=1e-4, atol=1e-3)


def test_the_short_head_and_flatten() -> None:
    short = zoo.build("mobilenet", 64, head="short", dropout=0.3)
    assert short.count_params() == PARAMETERS["mobilenet"] + 4 * 1024 + 1025 * 3
    flat = zoo.build("custom_cnn", 64, pooling="flatten", head_norm=False)
    assert flat.get_layer("features").output.shape == (None, 2 * 2 * 512)
