"""Experiments side by side: the paper's Table 3.1, and with it what the same networks reach on new patients."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
from matplotlib.figure import Figure

from model.card_text import cell, table_row
from training import doctor, experiment, figures, report, splits
from training.errors import TrainingError
from training.experiment import Experiment, SplitPlan
from training.manifest import Row
from training.run_folder import AUC_OF, RunFolder

CONFIGS: Final = Path(__file__).parent / "configs"

Train = Callable[[Experiment, splits.Split, RunFolder], object]
"""Trains, or goes on training, what a folder lacks."""

Judge = Callable[[RunFolder], object]
"""Publishes a finished run to the folder ``bundle`` in its own."""

HEADINGS: Final = {
    "name": "experiment",
    "split": "split",
    "runtime": "runtime, s",
    "rate": "images/s",
    "parameters": "parameters",
    "train_accuracy": "training accuracy",
    "validation_accuracy": "validation accuracy",
    "validation_auc": "validation AUC COVID-19, mean of institutions",
    "validation_aucs": "of each",
    "accuracy": "test accuracy",
    "precision_macro": "precision",
    "recall_macro": "recall",
    "f1_macro": "F1",
    "baseline": "accuracy from the institution alone",
    "patient_accuracy": "test accuracy, patients held out",
    "patient_auc": "AUC COVID-19, patients held out",
}
"""Column -> its heading in the table."""


TESTED: Final = {
    "accuracy": "accuracy",
    "precision_macro": "precision_macro",
    "recall_macro": "balanced_accuracy",
    "f1_macro": "f1_macro",
}
"""Column -> the measure of the test patients that stands in it."""

UNSEEN: Final = "–"
"""In the place of a figure of test patients that nobody looked at."""


@dataclass(frozen=True)
class Entry:
    """One experiment of a comparison, run."""

    name: str
    line: dict[str, str]
    """Column of `HEADINGS` -> cell."""
    history: list[dict[str, Any]]


def find(words: Iterable[str]) -> dict[str, Experiment]:
    """Experiments by name, from TOML files, folders of them, or the names of those in ``training/configs``.

    Raises:
        TrainingError: a word names none, or two files have one name.
    """
    found: dict[str, Experiment] = {}
    for path in [path for word in words for path in _files(word)]:
        if path.stem in found:
            raise TrainingError(f"Two experiments are named {path.stem}.")
        found[path.stem] = experiment.load(path)
    return found


def _files(word: str) -> list[Path]:
    for path in (Path(word), CONFIGS / word, CONFIGS / f"{word}.toml"):
        if path.is_dir() and list(path.glob("*.toml")):
            return sorted(path.glob("*.toml"))
        if path.is_file():
            return [path]
    raise TrainingError(f"{word} is no experiment, nor a folder of them.")


def compare(
    experiments: Mapping[str, Experiment],
    rows: Sequence[Row],
    folder: Path,
    train: Train,
    judge: Judge | None,
    command: str,
) -> list[Entry]:
    """Run what has not been run, and write ``comparison.md``, ``comparison.csv`` and the figures after each.

    An experiment whose split cuts through patients is run once more with one that does not, for the last column.

    Args:
        experiments: name -> what to run.
        rows: the manifest.
        folder: each run is kept in a folder of its name in there.
        train: how to train.
        judge: how to judge what was trained; ``None`` leaves the test patients unseen, for choosing among recipes.
        command: what the user ran; the table tells it.

    Returns:
        What was run, in the order given.
    """
    entries = []
    for name, wanted in experiments.items():
        print(f"== {name}", flush=True)
        entries.append(_entry(name, wanted, rows, folder, train, judge))
        _write(entries, folder, command)
    return entries


def _entry(
    name: str, wanted: Experiment, rows: Sequence[Row], folder: Path, train: Train, judge: Judge | None
) -> Entry:
    run = RunFolder(folder / name)
    card = _card(wanted, rows, run, train, judge)
    by_patient = card
    if wanted.split.kind == "random":
        plan = SplitPlan(institutions=wanted.split.institutions)
        honest = wanted.model_copy(update={"split": plan})
        by_patient = _card(honest, rows, RunFolder(folder / f"{name}-patient"), train, judge)
    history = run.state().history
    return Entry(name, _line(name, wanted, run, history, card, by_patient), history)


def _card(
    wanted: Experiment, rows: Sequence[Row], run: RunFolder, train: Train, judge: Judge | None
) -> dict[str, Any] | None:
    """The card of a run, which is trained and judged where it has not been; none without a judge."""
    split = splits.make(rows, wanted.split, wanted.seed)
    keras.backend.clear_session()
    train(wanted, split, run)
    if judge is None:
        return None
    path = run.path / "bundle" / "card.json"
    if not path.is_file():
        judge(run)
    card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return card


def _line(
    name: str,
    wanted: Experiment,
    run: RunFolder,
    history: Sequence[Mapping[str, Any]],
    card: Mapping[str, Any] | None,
    by_patient: Mapping[str, Any] | None,
) -> dict[str, str]:
    split = run.split()
    seconds = sum(epoch["seconds"] for epoch in history)
    best = min((e for e in history if e["stage"] == history[-1]["stage"]), key=wanted.monitored)
    return {
        "name": name,
        "split": wanted.split.kind,
        "runtime": f"{seconds:.0f}",
        "rate": f"{len(split.train) * len(history) / seconds:.1f}",
        "parameters": f"{card['parameters']:,}" if card else UNSEEN,
        "train_accuracy": f"{best['accuracy']:.3f}",
        "validation_accuracy": f"{best['val_accuracy']:.3f}",
        "validation_auc": f"{best['val_auc']:.3f}",
        "validation_aucs": ", ".join(
            f"{name.removeprefix(AUC_OF)} {value:.3f}" for name, value in best.items() if name.startswith(AUC_OF)
        ),
        **{column: _tested(card, measure) for column, measure in TESTED.items()},
        "baseline": f"{doctor.institution_baseline(split):.3f}",
        "patient_accuracy": _tested(by_patient, "accuracy"),
        "patient_auc": _tested(by_patient, "covid_auc"),
    }


def _tested(card: Mapping[str, Any] | None, measure: str) -> str:
    return cell(card["metrics"]["test"]["all"][measure]) if card else UNSEEN


def markdown(entries: Sequence[Entry], command: str) -> str:
    """The comparison as a Markdown table."""
    columns = [column for column in HEADINGS if any(entry.line[column] != UNSEEN for entry in entries)]
    lines = [
        f"Made by `{command}`. Value, and 95 % interval by bootstrap over patients; training accuracy is that of "
        "augmented slices, in the epoch that was chosen.",
        "",
        table_row(HEADINGS[column] for column in columns),
        "|---" * len(columns) + "|",
        *(table_row(entry.line[column] for column in columns) for entry in entries),
    ]
    return "\n".join(lines) + "\n"


def _write(entries: Sequence[Entry], folder: Path, command: str) -> None:
    (folder / "comparison.md").write_text(markdown(entries, command), encoding="utf-8")
    with (folder / "comparison.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(HEADINGS), lineterminator="\n")
        writer.writeheader()
        writer.writerows(entry.line for entry in entries)
    drawn: dict[str, Figure] = {"histories": figures.histories({entry.name: entry.history for entry in entries})}
    drawn |= {f"history_{entry.name}": figures.history(entry.history, entry.name) for entry in entries}
    for name, figure in drawn.items():
        report.save(figure, folder / f"{name}.png")
