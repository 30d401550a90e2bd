"""What is compiled from a network."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from model import bundle
from model.architecture import custom_cnn, with_all_outputs
from model.engine import OnnxEngine
from model.phantom import lung_phantom
from model.preprocessing import Preprocessing
from model.reporting import NEVER_SEEN
from training import publish
from training.__main__ import main

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
    made: Any = SimpleNamespace(onnx=tmp_path / "network.onnx")
    engine = OnnxEngine(made)
    batch = Preprocessing(SIZE, channels=channels).batch([lung_phantom("covid", seed) for seed in range(4)])
    given, expected = engine.run(batch), with_all_outputs(network).predict_on_batch(np.array(batch))
    assert engine._session.get_inputs()[0].shape[1:] == [SIZE, SIZE, 1]
    for name, value in expected.items():
        scale = max(1.0, float(np.abs(value).max()))
        np.testing.assert_allclose(getattr(given, name), value, rtol=0, atol=1e-5 * scale)


def test_a_card_tells_what_calibration_is_worth_where_the_network_has_not_learned(tmp_path: Path) -> None:
    ours, other = (Path(shutil.copytree(bundle.DEFAULT_FOLDER, tmp_path / name)) for name in ("ours", "other"))
    card = bundle.load(other).card
    card["training"]["experiment"]["split"] |= {"kind": "institution", "held_out": "soares"}
    (other / bundle.CARD).write_text(json.dumps(card))
    assert main(["card", "--bundle", str(ours), "--left-out", str(other), "--out", str(tmp_path / "card.md")]) == 0
    told = bundle.load(ours).card["calibration"]["institutions_left_out"]
    assert told == {"soares": card["calibration"]["test"]["all"]}
    assert NEVER_SEEN in (tmp_path / "card.md").read_text()


def test_a_network_that_held_no_institution_out_is_not_taken_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = shutil.copytree(bundle.DEFAULT_FOLDER, tmp_path / "ours")
    assert main(["card", "--bundle", str(ours), "--left-out", str(bundle.DEFAULT_FOLDER)]) == 1
    assert "held no institution out" in capsys.readouterr().err
