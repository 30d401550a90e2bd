import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from model import bundle, zoo
from model.engine import OnnxEngine
from model.predictor import Predictor
from tests.conftest import ROOT, absent
from training import experiment, fit, manifest, pixels, splits
from training.errors import TrainingError
from training.experiment import Experiment
from training.manifest import Row
from training.publish import publish_run
from training.run_folder import RunFolder

QUICK_FILE = ROOT / "training" / "configs" / "quick" / "custom_cnn.toml"
QUICK = experiment.load(QUICK_FILE)


def train(rows: list[Row], folder: Path, resume: bool = False, experiment: Experiment = QUICK) -> Path:
    split = splits.by_patient(rows, experiment.seed)
    return fit.fit(experiment, split, RunFolder(folder), folder.parent / "cache", resume)


def weights(network: Path) -> list[np.ndarray]:
    return [np.asarray(w) for w in keras.models.load_model(network, compile=False).get_weights()]


@pytest.fixture(scope="module")
def finished(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network of an uninterrupted run."""
    return train(rows, tmp_path_factory.mktemp("runs") / "whole")


def test_a_run_leaves_a_network_of_the_last_stages_size_and_a_history(finished: Path) -> None:
    network = keras.models.load_model(finished, compile=False)
    assert network.input_shape == (None, 64, 64, 3)
    assert network.count_params() == 616_739
    with (finished.parent / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    assert [(line["stage"], line["epoch"]) for line in history] == [("0", "1"), ("0", "2"), ("1", "1")]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "val_auc", "seconds"} <= set(history[0])


def test_the_same_experiment_gives_the_same_network(finished: Path, rows: list[Row], tmp_path: Path) -> None:
    for one, other in zip(weights(finished), weights(train(rows, tmp_path / "again")), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_averaged_weights_get_the_statistics_of_plain_slices(rows: list[Row], tmp_path: Path) -> None:
    averaged = QUICK.model_copy(update={"stages": QUICK.stages[:1]})
    assert averaged.stages[0].average
    network = keras.models.load_model(train(rows, tmp_path / "run", experiment=averaged), compile=False)
    norm = network.get_layer("group1_norm")
    preprocessing = averaged.preprocessing(network.input_shape[1])
    learned = splits.by_patient(rows, averaged.seed).train
    slices = preprocessing.batch(list(pixels.load(learned, preprocessing, tmp_path / "cache")))
    seen = keras.Model(network.input, norm.input).predict(slices, verbose=0).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(norm.moving_mean, seen, rtol=0.1, atol=0.02)


@pytest.mark.parametrize("epochs", [1, 2])
def test_interrupted_and_resumed_it_gives_the_same_network(
    finished: Path, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epochs: int
) -> None:
    started = 0
    reseed = fit._reseed

    def interrupt(trainer: keras.Model, seed: tuple[int, ...]) -> None:
        nonlocal started
        started += 1
        if started > epochs:
            raise KeyboardInterrupt
        reseed(trainer, seed)

    with monkeypatch.context() as patched:
        patched.setattr(fit, "_reseed", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(rows, tmp_path / "run")
    for one, other in zip(weights(finished), weights(train(rows, tmp_path / "run", resume=True)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    histories = [
        json.loads((path / "state.json").read_text())["history"] for path in (finished.parent, tmp_path / "run")
    ]
    for one, other in zip(*histories, strict=True):
        assert {**one, "seconds": 0} == pytest.approx({**other, "seconds": 0}, abs=1e-4)


def test_a_full_disk_is_told_and_with_room_again_the_run_goes_on(
    finished: Path, rows: list[Row], tmp_path: Path
) -> None:
    manifest.write(rows, tmp_path / "manifest.csv")
    words = ["fit", str(QUICK_FILE), "--out", "run", "--manifest", "manifest.csv", "--cache", "cache", "--log"]
    # No file may grow beyond 4 MB: enough for the weights, too little for the optimizer beside them.
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000)); "
        f"from training.__main__ import main; sys.exit(main({words}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    refused = subprocess.run(
        [sys.executable, "-c", limited], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert refused.returncode == 1, refused.stderr
    assert "error: " in refused.stderr
    assert "--resume" in refused.stderr
    assert "Traceback" not in refused.stderr
    network = fit.fit(
        QUICK, splits.by_patient(rows, QUICK.seed), RunFolder(tmp_path / "run"), tmp_path / "cache", resume=True
    )
    for one, other in zip(weights(finished), weights(network), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_one_channel_and_lungs_alone_are_served_as_they_were_trained(rows: list[Row], tmp_path: Path) -> None:
    plain = QUICK.model_copy(update={"lungs_only": True, "network": experiment.Network(channels=1)})
    network = keras.models.load_model(train(rows, tmp_path / "run", experiment=plain), compile=False)
    assert network.input_shape == (None, 64, 64, 1)
    publish_run(RunFolder(tmp_path / "run"), tmp_path / "bundle", "test")
    published = bundle.load(tmp_path / "bundle")
    assert published.preprocessing == plain.preprocessing(64)
    learned = pixels.load(rows[:4], plain.preprocessing(64), tmp_path / "cache")
    assert (learned == 0).mean() > 0.5
    expected = network.predict_on_batch(learned[..., np.newaxis] / np.float32(255))
    # Calibrated: a softmax at another temperature.
    assert published.calibration
    calibrated = np.asarray(expected) ** (1 / published.calibration.temperature)
    calibrated /= calibrated.sum(axis=1, keepdims=True)
    served = [Predictor(published).predict(Path(row.path).read_bytes()).probabilities for row in rows[:4]]
    np.testing.assert_allclose([list(one.values()) for one in served], calibrated, atol=1e-4)


def test_a_folder_that_holds_a_run_is_not_overwritten(finished: Path, rows: list[Row]) -> None:
    with pytest.raises(TrainingError, match="--resume"):
        train(rows, finished.parent)


def test_another_experiment_does_not_resume_it(finished: Path, rows: list[Row]) -> None:
    with pytest.raises(TrainingError, match="another experiment"):
        train(rows, finished.parent, resume=True, experiment=QUICK.model_copy(update={"seed": 2}))


def test_without_improvement_it_stops_early(rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "_validate", lambda *_: {"val_loss": 1.0, "val_accuracy": 0.5, "val_auc": 0.5})
    long = QUICK.model_copy(update={"patience": 2, "stages": [QUICK.stages[0].model_copy(update={"epochs": 50})]})
    train(rows, tmp_path / "run", experiment=long)
    assert len(RunFolder(tmp_path / "run").state().history) == 3


def test_the_first_phase_of_fine_tuning_changes_the_head_only(rows: list[Row], tmp_path: Path) -> None:
    stage = QUICK.stages[0].model_copy(update={"epochs": 1, "trainable": "head"})
    network = train(rows, tmp_path / "head", experiment=QUICK.model_copy(update={"stages": [stage]}))
    keras.utils.set_random_seed(QUICK.seed)
    fresh, trained = zoo.build("custom_cnn", stage.size), keras.models.load_model(network, compile=False)
    changed = {
        layer.name
        for layer in trained.layers
        for one, other in zip(layer.get_weights(), fresh.get_layer(layer.name).get_weights(), strict=True)
        if not np.array_equal(one, other)
    }
    assert changed == {"head1_dense", "head1_norm", "head2_dense", "head2_norm", "probabilities"}


def test_learning_from_a_layer_that_is_not_there_is_an_error(rows: list[Row], tmp_path: Path) -> None:
    stage = QUICK.stages[0].model_copy(update={"trainable": "group9"})
    with pytest.raises(TrainingError, match="custom_cnn has no layer 'group9'"):
        train(rows, tmp_path / "run", experiment=QUICK.model_copy(update={"stages": [stage]}))


def starting_from(folder: Path, **network: str) -> Experiment:
    stage = QUICK.stages[0].model_copy(update={"epochs": 1, "learning_rate": 1e-12})
    wanted = QUICK.network.model_copy(update={"init_from": str(folder), **network})
    return QUICK.model_copy(update={"stages": [stage], "network": wanted})


def test_a_run_starts_from_a_published_network_at_another_size(rows: list[Row], tmp_path: Path) -> None:
    shipped = keras.models.load_model(bundle.load().h5, compile=False)
    started = keras.models.load_model(
        train(rows, tmp_path / "run", experiment=starting_from(bundle.DEFAULT_FOLDER)), compile=False
    )
    assert started.input_shape == (None, 32, 32, 3)
    for one, other in zip(shipped.trainable_weights, started.trainable_weights, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=1e-6)


def test_a_published_network_of_another_architecture_is_no_start(rows: list[Row], tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no start for this network"):
        train(rows, tmp_path / "run", experiment=starting_from(bundle.DEFAULT_FOLDER, name="mobilenet"))


def test_half_precision_gives_a_network_of_whole_precision(rows: list[Row], tmp_path: Path) -> None:
    mixed = QUICK.model_copy(update={"precision": "mixed_bfloat16", "stages": QUICK.stages[:1]})
    network = keras.models.load_model(train(rows, tmp_path / "run", experiment=mixed), compile=False)
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_the_other_backend_trains_what_this_one_publishes(rows: list[Row], tmp_path: Path) -> None:
    """KERAS_BACKEND=jax, in a process of its own; its network answers the same under TensorFlow."""
    if importlib.util.find_spec("jax") is None:
        absent("JAX")
    manifest.write(rows, tmp_path / "manifest.csv")
    run = tmp_path / "run"
    words = ["fit", str(QUICK_FILE), "--manifest", "manifest.csv", "--cache", "cache", "--out", "run"]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "training", *words], cwd=tmp_path, env=environment, check=True)
    gray = np.random.default_rng(0).random((4, 64, 64, 1), dtype=np.float32)
    slices = np.repeat(gray, 3, axis=-1)
    np.save(tmp_path / "slices.npy", slices)
    answer = (
        "import keras, numpy; network = keras.models.load_model('run/custom_cnn.h5', compile=False); "
        "numpy.save('answer.npy', network.predict(numpy.load('slices.npy'), verbose=0))"
    )
    subprocess.run([sys.executable, "-c", answer], cwd=tmp_path, env=environment, check=True)
    publish_run(RunFolder(run), tmp_path / "bundle", "publish")
    published = OnnxEngine(bundle.load(tmp_path / "bundle")).run(slices).probabilities
    np.testing.assert_allclose(published, np.load(tmp_path / "answer.npy"), atol=1e-4)
