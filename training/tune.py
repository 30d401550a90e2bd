"""The search for hyperparameters: the paper's random one, and a better informed one beside it.

Source: the paper's ranges; TPE: J. Bergstra et al., *Algorithms for hyper-parameter optimization* (NeurIPS 2011);
Hyperband: L. Li et al. (JMLR 2018). A search lives in a data base (SQLite, or PostgreSQL for several machines), so that
it can be stopped, gone on with, and shared: every process that is given the same storage takes the next trial.
"""

import csv
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import keras
import optuna
import tomli_w
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, Trial, TrialState
from pydantic import Field, model_validator
from sqlalchemy.exc import IntegrityError, ProgrammingError

from training.experiment import Count, Experiment, Positive, Share, Table
from training.fit import fit
from training.logs import Log
from training.run_folder import RunFolder
from training.splits import Split

FOLDER: Final = "folder"
"""Attribute of a trial: its run's folder, which a trial that takes over from a lost one goes on with."""
HEARTBEAT: Final = 60
"""Seconds between signs of life of a trial; after five without one it counts as lost, and is taken over."""

ATTEMPTS: Final = 5

Sampler = Literal["random", "tpe"]


class Ranges(Table):
    """Where to search, both ends included; the defaults are the paper's. Rates and steps are drawn on a log scale."""

    epochs: tuple[Count, Count] = (25, 100)
    learning_rate: tuple[Positive, Positive] = (1e-5, 0.1)
    batch_size: tuple[Count, Count] = (2, 256)
    decay_steps: tuple[Count, Count] = (100, 100_000)
    decay_rate: tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(gt=0, le=1)]] = (0.7, 0.96)
    dropout: tuple[Share, Share] = (0.1, 0.5)

    @model_validator(mode="after")
    def _ordered(self) -> "Ranges":
        for name, (low, high) in self:
            if low > high:
                raise ValueError(f"{name} ends before it begins")
        return self

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """One draw of everything."""
        return {
            "epochs": trial.suggest_int("epochs", *self.epochs),
            "learning_rate": trial.suggest_float("learning_rate", *self.learning_rate, log=True),
            "batch_size": trial.suggest_int("batch_size", *self.batch_size, log=True),
            "decay_steps": trial.suggest_int("decay_steps", *self.decay_steps, log=True),
            "decay_rate": trial.suggest_float("decay_rate", *self.decay_rate),
            "dropout": trial.suggest_float("dropout", *self.dropout),
        }


def tune(
    base: Experiment,
    ranges: Ranges,
    split: Split,
    folder: Path,
    cache: Path,
    trials: int,
    sampler: Sampler = "random",
    storage: str = "",
    weights_dir: Path | None = None,
) -> optuna.Study:
    """Go on with a search until it has so many trials, whoever ran them, and write what it found.

    Args:
        base: what every trial has in common: its network, data and first stage, in which the draws are put.
        ranges: what is drawn.
        split: what to learn from, and what to judge a trial by: its test part is not looked at.
        folder: where trials are kept, ``trials.csv`` and the best experiment, ``best.toml``, are written.
        cache: the folder of decoded slices.
        trials: how many finished or pruned trials there shall be in all.
        sampler: ``random``, every trial to its end; or ``tpe``, which learns from the trials before, with Hyperband,
            which stops the hopeless early.
        storage: URL of a data base of SQLAlchemy, such as ``postgresql+psycopg://user@host/name``; a SQLite file in
            the folder by default.
        weights_dir: the folder of ImageNet weights.

    Returns:
        The search.
    """
    # Taking over lost trials has been "experimental" in Optuna for years, and is said so at every start.
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    folder.mkdir(parents=True, exist_ok=True)
    study = _study(base, ranges, sampler, storage or f"sqlite:///{folder / 'study.db'}")

    def objective(trial: Trial) -> float:
        name = trial.user_attrs.get(FOLDER) or f"trial-{trial.number:04}"
        trial.set_user_attr(FOLDER, name)
        experiment = _drawn(base, ranges.suggest(trial))
        run = RunFolder(folder / name)
        keras.backend.clear_session()
        try:
            fit(experiment, split, run, cache, resume=True, weights_dir=weights_dir, logs=[lambda _: _pruning(trial)])
        except KeyboardInterrupt:
            study.enqueue_trial(trial.params, user_attrs={FOLDER: name})
            raise
        return min(float(epoch["val_loss"]) for epoch in run.state().history)

    finished = (TrialState.COMPLETE, TrialState.PRUNED)
    if len(study.get_trials(deepcopy=False, states=finished)) < trials:
        study.optimize(objective, callbacks=[optuna.study.MaxTrialsCallback(trials, finished)])
    _write(study, base, folder)
    return study


def _study(base: Experiment, ranges: Ranges, sampler: Sampler, storage: str) -> optuna.Study:
    random = sampler == "random"
    return optuna.create_study(
        study_name=f"{base.network.name} {sampler}",
        storage=_storage(storage),
        sampler=optuna.samplers.RandomSampler() if random else optuna.samplers.TPESampler(),
        pruner=optuna.pruners.NopPruner() if random else optuna.pruners.HyperbandPruner(1, ranges.epochs[1]),
        load_if_exists=True,
    )


def _storage(url: str) -> RDBStorage:
    """Connect, and make the tables where there are none; processes that start at once do so in each other's way."""
    for left in reversed(range(ATTEMPTS)):
        try:
            return RDBStorage(
                url,
                heartbeat_interval=HEARTBEAT,
                grace_period=5 * HEARTBEAT,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(),
            )
        except (IntegrityError, ProgrammingError):
            if not left:
                raise
            time.sleep(1)
    raise AssertionError


def _drawn(base: Experiment, draw: Mapping[str, Any]) -> Experiment:
    """The experiment with a draw put into its first stage and its network."""
    stage = {name: value for name, value in draw.items() if name != "dropout"}
    return base.model_copy(
        update={
            "network": base.network.model_copy(update={"dropout": draw["dropout"]}),
            "stages": [base.stages[0].model_copy(update=stage), *base.stages[1:]],
        }
    )


def _pruning(trial: Trial) -> Log:
    def report(epoch: int, figures: Mapping[str, float]) -> None:
        # A trial that takes over begins with epochs that were reported before.
        trial.report(figures["val_loss"], epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    return report


def _write(study: optuna.Study, base: Experiment, folder: Path) -> None:
    finished = study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))
    with (folder / "trials.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["trial", "state", "val_loss", *Ranges.model_fields])
        writer.writerows(_line(trial) for trial in finished)
    if any(trial.state == TrialState.COMPLETE for trial in finished):
        best = _drawn(base, study.best_params).model_dump(mode="json", exclude_none=True)
        (folder / "best.toml").write_text(tomli_w.dumps(best), encoding="utf-8")


def _line(trial: FrozenTrial) -> list[Any]:
    return [trial.number, trial.state.name.lower(), trial.value, *(trial.params[name] for name in Ranges.model_fields)]
