"""A trained ``.h5`` -> the bundle that is served. The only writer of a bundle."""

import datetime
import importlib.metadata
import json
import platform
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from model import bundle
from model.architecture import with_all_outputs
from model.calibration import Calibration
from model.drawn_cases import CASES
from model.engine import KerasEngine, OnnxEngine
from model.labels import LABELS
from model.predictor import Predictor
from model.preprocessing import Preprocessing
from training import calibration, gate, head, manifest, outputs, quantize, shortcuts, study_rule
from training.errors import TrainingError
from training.evaluate import evaluate
from training.experiment import Experiment
from training.run_folder import RunFolder
from training.splits import PARTS, Split

LARGEST_DIFFERENCE = 1e-4
"""Of a probability, between the ``.h5`` and what is compiled from it."""

PACKAGES = ("keras", "numpy", "onnxruntime", "pillow", "tf2onnx")


def publish_run(
    folder: RunFolder, destination: Path, command: str, unlabelled: Sequence[manifest.Row] = ()
) -> dict[str, Any]:
    """Compile a finished run, judge it on its test patients, and replace the bundle in `destination`.

    Args:
        folder: the run.
        destination: the folder of the bundle.
        command: what the user ran; the card tells it beside the figures.
        unlabelled: slices of training patients without a label, which the gate takes for usual, too.

    Returns:
        The card.

    Raises:
        TrainingError: the run is not finished, or the compiled network does not agree with the ``.h5``.
    """
    if not folder.result().is_file():
        raise TrainingError(f"{folder.path} is not finished. Go on with: python -m training fit … --resume")
    split = folder.split()
    parts = {part: getattr(split, part) for part in PARTS}
    provenance = {
        "experiment": folder.experiment().model_dump(mode="json"),
        "history": folder.state().history,
        "data": {
            part: {"sha256": manifest.digest(rows), "sources": manifest.counts(rows)} for part, rows in parts.items()
        },
    }
    return _publish(folder.result(), destination, provenance, command, split, unlabelled)


def publish_h5(network: Path, destination: Path, command: str) -> dict[str, Any]:
    """Compile a bare ``.h5`` of one of our architectures and replace the bundle in `destination`.

    The card then says nothing of training data and figures: they are not known. Returns and raises as `publish_run`.
    """
    if not network.is_file():
        raise TrainingError(f"{network} is not there.")
    return _publish(network, destination, None, command, None)


def tell_left_out(destination: Path, others: Sequence[Path]) -> None:
    """Add to a card what calibration and sets were worth where a network had not learned from the institution.

    Args:
        destination: the folder of the bundle whose card it is.
        others: bundles of the same recipe, each of which held an institution out.

    Raises:
        TrainingError: one of them held none out, or is not calibrated.
    """
    card, found = bundle.load(destination).card, {}
    for folder in others:
        other = bundle.load(folder).card
        held_out = ((other["training"] or {}).get("experiment") or {"split": {}})["split"].get("held_out")
        judged = (other.get("calibration") or {}).get("test")
        if not held_out or not judged:
            raise TrainingError(f"{folder} held no institution out, or is not calibrated.")
        found[held_out] = judged["all"]
    card["calibration"]["institutions_left_out"] = found
    _write_card(card, destination)


def _publish(
    h5: Path,
    destination: Path,
    provenance: dict[str, Any] | None,
    command: str,
    split: Split | None,
    unlabelled: Sequence[manifest.Row] = (),
) -> dict[str, Any]:
    network = _load(h5)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".publish-") as temporary:
        new = Path(temporary)
        name = network.name
        shutil.copyfile(h5, new / f"{name}.h5")
        _compile(network, new / f"{name}.onnx")
        head.write(network, new / bundle.HEAD)
        card = {
            "name": name,
            "version": datetime.date.today().isoformat(),
            "labels": list(LABELS),
            "preprocessing": _preprocessing(network, provenance).to_card(),
            "files": {file: bundle.file_sha256(new / file) for file in (f"{name}.h5", f"{name}.onnx", bundle.HEAD)},
            "parameters": network.count_params(),
            "versions": _versions(),
            "published_by": command,
            "training": provenance,
            "metrics": None,
        }
        _write_card(card, new)
        _check_agreement(bundle.load(new))
        if split:
            _try_int8(card, new, split)
            _fit(card, new, split, unlabelled)
            predictor = Predictor(bundle.load(new))
            card["study_rule"] = study_rule.fit(predictor, split.validation)
            card["metrics"] = {"command": command, "test": evaluate(predictor, split.test)}
            card["drawn"] = _drawn(predictor)
            card["shortcuts"] = shortcuts.judge(predictor, split)
            _write_card(card, new)
        destination.mkdir(exist_ok=True)
        # The card last: in between, the old card refuses the new files.
        for file in (*card["files"], bundle.CARD):
            (new / file).replace(destination / file)
    return card


def _try_int8(card: dict[str, Any], folder: Path, split: Split) -> None:
    """Measure the network in 8-bit integers, and take it where it does as well."""
    made = bundle.load(folder)
    card["int8"], small = quantize.trial(made, split)
    if card["int8"]["passes"]:
        small.replace(made.onnx)
        card["files"][made.onnx.name] = bundle.file_sha256(made.onnx)
    _write_card(card, folder)


def _fit(card: dict[str, Any], folder: Path, split: Split, unlabelled: Sequence[manifest.Row]) -> None:
    """Add calibration and gate to the bundle in `folder`."""
    predictor = Predictor(bundle.load(folder))
    chosen, seen = (outputs.logits(predictor, part) for part in (split.validation, split.test))
    card["calibration"] = fitted = calibration.fit(chosen, split.validation)
    made = Calibration.from_card(fitted, LABELS)
    assert made
    fitted["test"] = calibration.judge(made, seen, split.test)
    fitted["sources_left_out"] = calibration.sources_left_out(chosen, split.validation, seen, split.test)
    examples = gate.examples([*split.train, *split.validation, *unlabelled], predictor.bundle.preprocessing)
    gate.fit(examples).save(folder / bundle.GATE)
    card["gate"] = {**gate.to_card(gate.threshold(examples)), "sources_left_out": gate.sources_left_out(examples)}
    card["files"][bundle.GATE] = bundle.file_sha256(folder / bundle.GATE)
    _write_card(card, folder)


def _drawn(predictor: Predictor) -> dict[str, Any]:
    """What the network says of drawn slices."""
    answers = {name: predictor.predict(case.file()) for name, case in CASES.items()}
    return {
        name: {"label": answer.label, "abstained": answer.abstained, "probabilities": answer.probabilities}
        for name, answer in answers.items()
    }


def _preprocessing(network: keras.Model, provenance: dict[str, Any] | None) -> Preprocessing:
    """How the network's slices were preprocessed: by its experiment, or, where there is none, as is usual."""
    size, channels = network.input_shape[2:]
    if provenance:
        return Experiment.model_validate(provenance["experiment"]).preprocessing(size)
    return Preprocessing(size, channels=channels)


def _load(h5: Path) -> keras.Model:
    try:
        network: keras.Model = keras.models.load_model(h5, compile=False)
        network.get_layer("last_map"), network.get_layer("features"), network.get_layer("probabilities")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TrainingError(f"{h5} is not a network that this version can serve: {error}") from error
    return network


def _compile(network: keras.Model, path: Path) -> None:
    served = with_all_outputs(_on_one_channel(_exportable(network)))
    served(np.zeros((1, *served.input_shape[1:]), np.float32))  # the export asks for a model that was called once
    served.export(path, format="onnx", verbose=False)


def _exportable(network: keras.Model) -> keras.Model:
    """The same network, with each Normalization (EfficientNetB0 has one) as the Rescaling that it amounts to.

    The constants of a Normalization are no weights, and the export takes them for further inputs.
    """
    if not any(isinstance(layer, keras.layers.Normalization) for layer in network.layers):
        return network

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.layers.Normalization):
            mean, variance = (np.ravel(keras.ops.convert_to_numpy(x)) for x in (layer.mean, layer.variance))
            scale = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
            return keras.layers.Rescaling(scale.tolist(), (-mean * scale).tolist(), name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    copy = keras.models.clone_model(network, clone_function=clone)
    for old, new in zip(network.layers, copy.layers, strict=True):
        if not isinstance(old, keras.layers.Normalization):
            new.set_weights(old.get_weights())
    return copy


def _on_one_channel(network: keras.Model) -> keras.Model:
    """The same network on gray itself, where it begins with a convolution of three equal channels.

    The convolution of three equal channels is that of one with the sum of the kernels: exact, and less work.
    """
    first = network.layers[1]
    if network.input_shape[-1] == 1 or type(first) is not keras.layers.Conv2D:
        return network
    gray = keras.Input((*network.input_shape[1:-1], 1), name=network.layers[0].name)
    copy = keras.models.clone_model(network, input_tensors=gray)
    for old, new in zip(network.layers[1:], copy.layers[1:], strict=True):
        weights = old.get_weights()
        if old is first:
            weights[0] = weights[0].sum(axis=2, keepdims=True)
        new.set_weights(weights)
    return copy


def _check_agreement(made: bundle.Bundle) -> None:
    size = made.preprocessing.size
    slices = np.random.default_rng(0).integers(0, 256, (4, size, size), dtype=np.uint8)
    batch = made.preprocessing.batch(list(slices))
    difference = np.abs(OnnxEngine(made).run(batch).probabilities - KerasEngine(made).run(batch).probabilities).max()
    if not difference < LARGEST_DIFFERENCE:
        raise TrainingError(f"The compiled network differs from the .h5 by {difference}; it is not published.")


def _write_card(card: dict[str, Any], folder: Path) -> None:
    (folder / bundle.CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "backend": keras.config.backend()}
    return versions | {package: importlib.metadata.version(package) for package in PACKAGES}
