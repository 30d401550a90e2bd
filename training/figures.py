"""The figures of the paper, and those that it does not show: as matplotlib figures, drawn without a screen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from model.labels import LABELS, TITLES
from training import metrics
from training.calibration import BINS, calibration_error
from training.manifest import Row, label_indices
from training.metrics import COVID, Probabilities, by_institution, confusion, covid_auc


def history(epochs: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Loss and accuracy of one network over its epochs, in training and on the validation patients."""
    return _curves({title: epochs}, validation=True)


def histories(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Loss and accuracy of several networks over their epochs, on the validation patients."""
    return _curves(runs, validation=False)


def _curves(runs: Mapping[str, Sequence[Mapping[str, Any]]], validation: bool) -> Figure:
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for name, epochs in runs.items():
            steps = range(1, len(epochs) + 1)
            axes.plot(steps, [epoch[f"val_{measure}"] for epoch in epochs], label=f"{name}, validation")
            if validation:
                axes.plot(steps, [epoch[measure] for epoch in epochs], "--", label=f"{name}, training")
        axes.set(xlabel="epoch", ylabel=measure)
        axes.legend(fontsize="small")
    return figure


def confusion_matrix(probabilities: Probabilities, rows: Sequence[Row]) -> Figure:
    """Slices by true and by called class."""
    matrix = confusion(probabilities, label_indices(rows))
    figure = Figure(figsize=(4.4, 4), layout="constrained")
    axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (true, called), share in np.ndenumerate(shares):
        color = "white" if share > 0.5 else "black"
        axes.text(called, true, str(matrix[true, called]), ha="center", va="center", color=color)
    names = [TITLES[label] for label in LABELS]
    axes.set(xlabel="called", ylabel="is", xticks=range(len(names)), yticks=range(len(names)))
    axes.set_xticklabels(names, rotation=20)
    axes.set_yticklabels(names)
    return figure


def roc(probabilities: Probabilities, rows: Sequence[Row]) -> Figure:
    """ROC of COVID-19 against the rest, over all and a source at a time."""
    figure = Figure(figsize=(4.8, 4.4), layout="constrained")
    axes = figure.subplots()
    labels = label_indices(rows)
    groups: dict[str, NDArray[np.intp]] = {"all": np.arange(len(rows)), **by_institution(rows)}
    for name, at in groups.items():
        auc = covid_auc(probabilities[at], labels[at])
        if not np.isnan(auc):
            false, true, _ = roc_curve(labels[at] == COVID, probabilities[at, COVID])
            axes.plot(false, true, label=f"{name}: {auc:.3f}", linewidth=2.5 if name == "all" else 1.2)
    axes.plot([0, 1], [0, 1], ":", color="gray")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title="COVID-19 against the rest")
    axes.legend(fontsize="small", loc="lower right")
    return figure


def reliability(probabilities: Probabilities, rows: Sequence[Row], before: Probabilities | None = None) -> Figure:
    """How often slices are right that the network is so sure of, over all and a source at a time.

    A point a bin of confidence, sized by its share of the slices; a row of pictures a source that has at least `BINS`
    slices. With `before`, the probabilities that are not scaled, there is a column for them to the left.
    """
    labels = label_indices(rows)
    columns = {"": probabilities} if before is None else {", before scaling": before, ", after scaling": probabilities}
    groups = _groups(rows)
    figure = Figure(figsize=(3.9 * len(columns), 3.6 * len(groups)), layout="constrained")
    grid = figure.subplots(len(groups), len(columns), squeeze=False)
    for line, (group, at) in zip(grid, groups.items(), strict=True):
        for axes, (when, values) in zip(line, columns.items(), strict=True):
            _reliability(axes, values[at], labels[at])
            error = calibration_error(values[at], labels[at])
            axes.set_title(f"{group}{when}: ECE {error:.3f}", fontsize="medium")
    return figure


def _groups(rows: Sequence[Row]) -> dict[str, NDArray[np.intp]]:
    """All rows, and those of each source that has at least `BINS`."""
    return {"all": np.arange(len(rows)), **{k: at for k, at in by_institution(rows).items() if len(at) >= BINS}}


def _reliability(axes: Axes, probabilities: Probabilities, labels: NDArray[np.intp]) -> None:
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    axes.plot([0, 1], [0, 1], ":", color="gray")
    for number in np.unique(bins):
        at = bins == number
        axes.scatter(confidence[at].mean(), right[at].mean(), s=20 + 300 * at.mean(), color="tab:blue")
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.02), ylim=(0, 1.02))


def risk_coverage(probabilities: Probabilities, rows: Sequence[Row]) -> Figure:
    """Errors among the slices that the network is surest of, by the share of slices that it answers at all."""
    labels = label_indices(rows)
    figure = Figure(figsize=(4.8, 4.4), layout="constrained")
    axes = figure.subplots()
    groups = _groups(rows)
    for name, at in groups.items():
        coverage, risk = metrics.risk_coverage(probabilities[at], labels[at])
        axes.plot(coverage, risk, label=f"{name}: mean {risk.mean():.3f}", linewidth=2.5 if name == "all" else 1.2)
    axes.set(xlabel="share of slices answered, surest first", ylabel="share of them wrong", xlim=(0, 1), ylim=(0, None))
    axes.legend(fontsize="small")
    return figure


def deletion(shares: Sequence[float], changes: Mapping[str, NDArray[np.floating[Any]]]) -> Figure:
    """How far the probability of the label falls when a share of the body is wiped.

    Args:
        shares: of the pixels that are wiped.
        changes: how they were chosen -> (slices, shares), by how much the probability fell.
    """
    figure = Figure(figsize=(4.8, 4.2), layout="constrained")
    axes = figure.subplots()
    for name, change in changes.items():
        mean, error = change.mean(axis=0), 1.96 * change.std(axis=0) / np.sqrt(len(change))
        axes.plot(shares, mean, marker="o", label=name)
        axes.fill_between(shares, mean - error, mean + error, alpha=0.15)
    axes.set(xlabel="share of the body wiped", ylabel="mean fall of the probability")
    axes.legend(fontsize="small")
    return figure
