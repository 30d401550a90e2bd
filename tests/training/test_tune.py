import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from tests.conftest import ROOT, absent
from tests.training.test_fit import QUICK
from training import experiment, fit, splits
from training.errors import TrainingError
from training.manifest import Row, write
from training.tune import Ranges, tune

RANGES = """
epochs = [1, 2]
batch_size = [8, 16]
"""
BASE = QUICK.model_copy(update={"stages": QUICK.stages[:1]})


@pytest.fixture
def ranges(tmp_path: Path) -> Ranges:
    path = tmp_path / "ranges.toml"
    path.write_text(RANGES)
    return experiment.read(path, Ranges)


def search(rows: list[Row], ranges: Ranges, folder: Path, trials: int, **options: str) -> optuna.Study:
    split = splits.make(rows, BASE.split, BASE.seed)
    return tune(BASE, ranges, split, folder / "tune", folder / "cache", trials, **options)  # type: ignore[arg-type]


def trials_csv(folder: Path) -> list[dict[str, str]]:
    with (folder / "tune" / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_ranges_are_the_papers_unless_others_are_given(ranges: Ranges) -> None:
    assert Ranges().epochs == (25, 100)
    assert Ranges().decay_steps == (100, 100_000)
    assert (ranges.epochs, ranges.learning_rate) == ((1, 2), (1e-5, 0.1))


def test_a_range_that_ends_before_it_begins_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ranges.toml").write_text("dropout = [0.5, 0.1]")
    with pytest.raises(TrainingError, match="dropout ends before it begins"):
        experiment.read(tmp_path / "ranges.toml", Ranges)


def test_a_search_goes_on_where_it_was_and_leaves_the_best_as_an_experiment(
    rows: list[Row], ranges: Ranges, tmp_path: Path
) -> None:
    search(rows, ranges, tmp_path, 1)
    first = trials_csv(tmp_path)
    study = search(rows, ranges, tmp_path, 2)
    lines = trials_csv(tmp_path)
    assert lines[:1] == first
    assert len(lines) == 2
    assert all(8 <= int(line["batch_size"]) <= 16 for line in lines)
    best = experiment.load(tmp_path / "tune" / "best.toml")
    assert best.stages[0].learning_rate == study.best_params["learning_rate"]
    assert best.network.dropout == study.best_params["dropout"]


def test_an_interrupted_trial_is_taken_up_where_it_was(
    rows: list[Row], ranges: Ranges, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(fit, "_fit_epoch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            search(rows, ranges, tmp_path, 1)
    study = search(rows, ranges, tmp_path, 1)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE"]
    assert study.trials[0].params == study.trials[1].params
    assert [path.name for path in (tmp_path / "tune").glob("trial-*")] == ["trial-0000"]


def test_tpe_stops_the_hopeless_early(
    rows: list[Row], ranges: Ranges, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: trial.number == 1)
    study = search(rows, ranges, tmp_path, 2, sampler="tpe")
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED"]
    assert [line["state"] for line in trials_csv(tmp_path)] == ["complete", "pruned"]


@pytest.fixture
def postgresql() -> Iterator[str]:
    """URL of an empty data base of a server of our own."""
    programs = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None) or absent("PostgreSQL")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        as_user: list[str] = []
        if os.geteuid() == 0:  # as whom it refuses to run
            shutil.chown(folder, "postgres")
            as_user = ["runuser", "-u", "postgres", "--"]

        def run(program: str, *words: str) -> None:
            command = [*as_user, str(programs / program), *words]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)

        data = f"{folder}/data"
        run("initdb", "--pgdata", data, "--username", "tuner", "--auth", "trust")
        # No TCP port: a socket in the folder.
        options = f"-c listen_addresses='' -k {folder}"
        run("pg_ctl", "start", "--pgdata", data, "--wait", "-o", options, "-l", f"{folder}/log")
        try:
            run("createdb", "--host", folder, "--username", "tuner", "search")
            yield f"postgresql+psycopg://tuner@/search?host={folder}"
        finally:
            run("pg_ctl", "stop", "--pgdata", data, "--mode", "immediate")


def test_two_processes_share_one_search_in_postgresql(
    postgresql: str, rows: list[Row], ranges: Ranges, tmp_path: Path
) -> None:
    write(rows, tmp_path / "manifest.csv")
    quick = ROOT / "training" / "configs" / "quick" / "mobilenet.toml"
    words = ["tune", str(quick), "--manifest", "manifest.csv", "--trials", "3", "--ranges", "ranges.toml"]
    shared = ["--storage", postgresql, "--cache", "cache"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "training", *words, *shared, "--out", f"out{number}"], cwd=tmp_path, env=environment
        )
        for number in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0]
    folders = [{path.name for path in (tmp_path / f"out{number}").glob("trial-*")} for number in range(2)]
    assert folders[0]
    assert folders[1]
    assert not folders[0] & folders[1]
    assert max(len((tmp_path / f"out{number}" / "trials.csv").read_text().splitlines()) for number in range(2)) > 3
