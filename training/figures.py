"""The figures of the paper, and those that it does not show: as matplotlib figures, drawn without a screen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from model.labels import LABELS, TITLES
from training.manifest import Row, label_indices
from training.metrics import COVID, Probabilities, by_institution, confusion, covid_auc

BINS = 10


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


def reliability(probabilities: Probabilities, rows: Sequence[Row]) -> Figure:
    """How often slices are right that the network is so sure of: a point a bin of confidence, sized by its slices."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == label_indices(rows)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    figure = Figure(figsize=(4.4, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], ":", color="gray")
    for number in np.unique(bins):
        at = bins == number
        axes.scatter(confidence[at].mean(), right[at].mean(), s=20 + 300 * at.mean(), color="tab:blue")
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.02), ylim=(0, 1.02))
    return figure
