import io
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from model import bundle
from model.architecture import with_all_outputs
from model.dense import Dense, Floats
from model.engine import create_engine
from model.heatmap import SIDE, Heatmap, grad_cam, scaled
from model.phantom import lung_phantom


def by_automatic_differentiation(network: keras.Model, batch: Floats, label: int, layer: str) -> Floats:
    """Grad-CAM of one class at a layer's output, as Keras and TensorFlow derive it."""
    import tensorflow as tf

    maps = network.get_layer(layer).output
    logits = with_all_outputs(network).output["logits"]
    both = keras.Model(network.input, [maps, logits])
    with tf.GradientTape() as tape:
        feature_map, answer = both(batch)
        tape.watch(feature_map)
        # The rest of the network, from the watched map on.
        x = feature_map
        names = [one.name for one in network.layers]
        for one in network.layers[names.index(layer) + 1 : -1]:
            x = one(x)
        kernel, bias = network.layers[-1].weights
        logit = (tf.matmul(x, kernel) + bias)[:, label]
    np.testing.assert_allclose(logit, answer[:, label], rtol=1e-4, atol=1e-4)
    gradient = tape.gradient(logit, feature_map).numpy()
    weights = gradient.mean(axis=(1, 2), keepdims=True)
    heat: Floats = np.maximum((feature_map.numpy() * weights).sum(axis=-1), 0)
    return heat


@pytest.mark.parametrize("layer", ["last_map", "group4_norm"])
def test_it_is_grad_cam_as_automatic_differentiation_has_it(layer: str) -> None:
    shipped = bundle.load()
    assert shipped.head
    network = keras.models.load_model(shipped.h5, compile=False)
    batch = shipped.preprocessing.batch([lung_phantom(label, 1) for label in shipped.labels])
    outputs = create_engine(shipped).run(batch)
    for label in range(3):
        expected = by_automatic_differentiation(network, batch, label, layer)
        for at in range(3):
            fine = outputs.fine_map[at] if layer == "group4_norm" and outputs.fine_map is not None else None
            heat = grad_cam(shipped.head, outputs.features[at], outputs.feature_map[at], label, fine)
            quarter = 1 if fine is None else 4
            np.testing.assert_allclose(heat / quarter, expected[at], atol=1e-4)
            np.testing.assert_allclose(scaled(heat), scaled(expected[at]), atol=1e-4)


def test_the_heads_logits_are_the_networks() -> None:
    shipped = bundle.load()
    assert shipped.head
    outputs = create_engine(shipped).run(shipped.preprocessing.batch([lung_phantom("covid", 1)]))
    np.testing.assert_allclose(shipped.head.logits(outputs.features), outputs.logits, atol=1e-4)


def test_the_gradient_is_the_slope_of_the_logit() -> None:
    random = np.random.default_rng(0)
    sizes = [(5, 4), (4, 4), (4, 3)]
    head = Dense([random.normal(size=s) for s in sizes], [random.normal(size=s[1]) for s in sizes])  # type: ignore[misc]
    features, step = random.normal(size=5), 1e-6
    for label in range(3):
        steps = [head.logits((features + step * unit)[None])[0, label] for unit in np.eye(5)]  # type: ignore[arg-type]
        slope = (np.array(steps) - head.logits(features[None])[0, label]) / step  # type: ignore[arg-type]
        np.testing.assert_allclose(head.gradient(features, label), slope, atol=1e-4)  # type: ignore[arg-type]


def test_where_nothing_speaks_for_a_class_the_heatmap_is_clear() -> None:
    cold = scaled(np.full((8, 8), 1e-9, np.float32))
    assert not cold.any()
    assert not picture(Heatmap("covid", cold))[..., 3].any()


def picture(heatmap: Heatmap) -> np.ndarray:
    """Its PNG, as others read it: red, green, blue and alpha."""
    return np.asarray(Image.open(io.BytesIO(heatmap.png())).convert("RGBA"))


def test_its_picture_is_red_to_yellow_and_the_clearer_the_colder() -> None:
    pixels = picture(Heatmap("covid", np.repeat(np.linspace(0, 1, 16, dtype=np.float32)[np.newaxis], 16, axis=0)))
    assert pixels.shape == (SIDE, SIDE, 4)
    cold, hot = pixels[SIDE // 2, 0], pixels[SIDE // 2, -1]
    assert cold[3] <= 5
    assert hot.tolist() == [255, 255, 0, 204]
    assert (np.diff(pixels[SIDE // 2, :, 3].astype(int)) >= 0).all()


def test_a_head_of_another_shape_is_refused(tmp_path: Path) -> None:
    from model.errors import BundleError

    np.savez(tmp_path / "head.npz", weight0=np.ones((4, 3)), bias0=np.ones(2))
    with pytest.raises(BundleError, match="does not hold the layers that are asked for"):
        Dense.load(tmp_path / "head.npz", 3)
