from pathlib import Path

import keras
import numpy as np
import pytest

from model import zoo
from training import imagenet
from training.errors import TrainingError

SIZE = 32


@pytest.fixture
def mobilenet() -> keras.Model:
    return zoo.build("mobilenet", SIZE, head="short")


def test_a_file_as_keras_names_it_gives_the_convolutions_its_weights(mobilenet: keras.Model, tmp_path: Path) -> None:
    given = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
    given.save(tmp_path / imagenet.FILES["mobilenet"].name)
    imagenet.load(mobilenet, tmp_path)
    kernel = "conv_pw_13"
    np.testing.assert_array_equal(
        mobilenet.get_layer(kernel).get_weights()[0], given.get_layer(kernel).get_weights()[0]
    )


def test_a_file_that_is_missing_is_named_with_where_to_get_it(mobilenet: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"mobilenet_1_0_224_tf_no_top\.h5 is missing.*https://"):
        imagenet.load(mobilenet, tmp_path)


def test_a_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / imagenet.FILES["resnet50"].name).write_bytes(b"not the weights")
    with pytest.raises(TrainingError, match="MD5"):
        imagenet.load(zoo.build("resnet50", SIZE, head="short"), tmp_path)


def test_without_a_network_the_folder_is_proposed(mobilenet: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> str:
        raise OSError("no route to host")

    monkeypatch.setattr(keras.utils, "get_file", unreachable)
    with pytest.raises(TrainingError, match="--weights-dir"):
        imagenet.load(mobilenet, None)


def test_the_custom_cnn_has_none() -> None:
    with pytest.raises(TrainingError, match="no ImageNet weights for custom_cnn"):
        imagenet.load(zoo.build("custom_cnn", SIZE), None)
