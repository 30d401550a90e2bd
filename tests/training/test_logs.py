import importlib.util
import sys
from pathlib import Path

import pytest

from tests.conftest import absent
from tests.training.test_fit import QUICK
from training import logs
from training.errors import TrainingError
from training.manifest import Row
from training.run_folder import RunFolder

FIGURES = {"loss": 0.5, "val_auc": 0.75}


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = logs.tensorboard(RunFolder(tmp_path))
    log(1, FIGURES)
    log(2, {"loss": 0.25, "val_auc": 0.875})
    read = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert sorted(read.Tags()["tensors"]) == ["loss", "val_auc"]
    assert [event.step for event in read.Tensors("loss")] == [1, 2]


def test_epochs_count_on_from_stage_to_stage(rows: list[Row], tmp_path: Path) -> None:
    told: list[tuple[int, float]] = []
    from training import fit, splits

    split = splits.by_patient(rows, QUICK.seed)
    log = lambda _: lambda epoch, figures: told.append((epoch, figures["val_loss"]))  # noqa: E731
    fit.fit(QUICK, split, RunFolder(tmp_path / "run"), tmp_path / "cache", logs=[log])
    assert [epoch for epoch, _ in told] == [1, 2, 3]


def test_weights_and_biases_works_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("wandb") is None:
        absent("the package wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    log = logs.wandb(RunFolder(tmp_path / "run"))
    log(1, FIGURES)
    import wandb

    wandb.finish()
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb"))


def test_weights_and_biases_that_is_not_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(TrainingError, match="pip install wandb"):
        logs.wandb(RunFolder(tmp_path))
