import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from training import experiment, fit, splits
from training.errors import TrainingError
from training.experiment import Experiment
from training.manifest import Row
from training.run_folder import RunFolder

QUICK = experiment.load(Path(__file__).parents[2] / "training" / "configs" / "quick.toml")


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
