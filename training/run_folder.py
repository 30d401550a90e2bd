"""The folder of a training run, and what is in it.

experiment.json                      what was asked for
train.csv validation.csv test.csv    the manifest, split
state.json                           where to resume, and the history so far
history.csv                          the history as a table, one line an epoch
last-S-E.weights.h5                  weights and optimizer after epoch E of stage S
best-S.weights.h5                    weights of the best epoch of stage S
custom_cnn.h5                        the result
"""

import csv
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from training import manifest
from training.errors import TrainingError
from training.experiment import Experiment
from training.splits import PARTS, Split

AUC_OF: Final = "val_auc_"
"""With the name of an institution behind it: the figure of an epoch that is the AUC on its validation patients."""


@dataclass
class State:
    """Where a run stands: `epoch` epochs of `stage` are done; `best` is its best monitored figure (lower is better)."""

    stage: int = 0
    epoch: int = 0
    best: float | None = None
    waited: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)

    def record(self, figures: dict[str, float], monitored: float) -> bool:
        """Count an epoch that had these figures; returns whether it is the best of its stage so far."""
        improved = self.best is None or monitored < self.best
        self.best = monitored if improved else self.best
        self.waited = 0 if improved else self.waited + 1
        self.epoch += 1
        rounded = {name: round(value, 5) for name, value in figures.items()}
        self.history.append({"stage": self.stage, "epoch": self.epoch, **rounded})
        return improved


class RunFolder:
    """Paths of a run, and its state, written so that an interruption at any moment leaves something to resume."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, experiment: Experiment, split: Split, resume: bool) -> State:
        """Start a run here, or take up the one that is here.

        Raises:
            TrainingError: a run is here and `resume` is false, or it is a run of something else.
        """
        record = {
            "experiment": experiment.model_dump(mode="json"),
            "data": {part: manifest.digest(getattr(split, part)) for part in PARTS},
        }
        file = self.path / "experiment.json"
        if file.is_file():
            if not resume:
                raise TrainingError(f"{self.path} holds a run. Add --resume to go on with it, or name another folder.")
            # As experiments, so that a key that did not exist yet counts with its default.
            data = json.loads(file.read_text(encoding="utf-8"))["data"]
            if (self.experiment(), data) != (experiment, record["data"]):
                raise TrainingError(
                    f"{self.path} holds a run of another experiment or other data. Name another folder."
                )
        self.path.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            manifest.write(getattr(split, part), self.path / f"{part}.csv")
        _replace(file, lambda partial: partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8"))
        return self.state()

    def state(self) -> State:
        """The state that was saved last, or that of a new run."""
        file = self.path / "state.json"
        return State(**json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else State()

    def save(self, state: State, write_weights: Callable[[Path], None]) -> None:
        """Save weights, then the state that names them, then drop the weights before."""
        _replace(self.last_weights(state), write_weights)
        self.save_state(state)
        for path in self.path.glob("last-*.weights.h5"):
            if path != self.last_weights(state):
                path.unlink()

    def save_best(self, stage: int, write_weights: Callable[[Path], None]) -> None:
        """Save the weights of the best epoch of a stage so far."""
        _replace(self.best_weights(stage), write_weights)

    def save_state(self, state: State) -> None:
        """Save the state, and its history as a table."""
        text = json.dumps(asdict(state), indent=2) + "\n"
        _replace(self.path / "state.json", lambda partial: partial.write_text(text, encoding="utf-8"))
        if state.history:
            with (self.path / "history.csv").open("w", encoding="utf-8", newline="") as file:
                columns = dict.fromkeys(name for epoch in state.history for name in epoch)
                writer = csv.DictWriter(file, list(columns), lineterminator="\n")
                writer.writeheader()
                writer.writerows(state.history)

    def last_weights(self, state: State) -> Path:
        """Weights and optimizer as they were at `state`."""
        return self.path / f"last-{state.stage}-{state.epoch}.weights.h5"

    def best_weights(self, stage: int) -> Path:
        """Weights of the best epoch of a stage."""
        return self.path / f"best-{stage}.weights.h5"

    def experiment(self) -> Experiment:
        """What the run was asked for.

        Raises:
            TrainingError: no run is here.
        """
        file = self.path / "experiment.json"
        if not file.is_file():
            raise TrainingError(f"{self.path} holds no run. Make one with: python -m training fit")
        return Experiment.model_validate(json.loads(file.read_text(encoding="utf-8"))["experiment"])

    def result(self) -> Path:
        """The finished network."""
        return self.path / f"{self.experiment().network.name}.h5"

    def split(self) -> Split:
        """The slices that the run learned from, chose by, and has not seen."""
        return Split(**{part: manifest.read(self.path / f"{part}.csv") for part in PARTS})


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    # The suffix stays, because Keras tells formats by it.
    partial = path.with_name(f"partial-{os.getpid()}-{path.name}")
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
