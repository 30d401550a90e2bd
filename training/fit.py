"""Train one network as an experiment says: stages, epochs, best checkpoint, early stopping, exact resume."""

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from model import bundle, zoo
from model.architecture import FEATURES
from model.preprocessing import Preprocessing
from training import imagenet, pixels
from training.augmentation import Augment
from training.batches import Batches, Examples, balanced_weights, epoch_order, one_hot, steps_per_epoch
from training.devices import computing
from training.distillation import Lessons, check_unseen
from training.errors import TrainingError
from training.experiment import Augmentation, Experiment, Stage
from training.logs import Log
from training.manifest import Row, label_indices
from training.metrics import Probabilities, accuracy, cross_entropy, institution_aucs
from training.run_folder import AUC_OF, RunFolder, State
from training.splits import Split

VALIDATION_BATCH = 32
SETTLING_STEPS, SETTLING_BATCH = 100, 32
"""A hundred steps leave less than a hundredth of the old statistics (`model.architecture.NORM_MOMENTUM`)."""
UNCHANGED = Augmentation(flip=False, shift=0.0, brightness=0.0)
VERBOSITY = 1 if sys.stdout.isatty() else 0
"""Keras' progress bar where a person watches."""


def fit(
    experiment: Experiment,
    split: Split,
    folder: RunFolder,
    cache: Path,
    resume: bool = False,
    weights_dir: Path | None = None,
    logs: Sequence[Callable[[RunFolder], Log]] = (),
    devices: int = 1,
) -> Path:
    """Train, or go on training, and save the best network.

    Ctrl-C loses the epoch it falls into, no more; `resume` repeats that epoch with the same order and the same random
    numbers.

    Args:
        experiment: what to train, and how.
        split: what to learn from, and what to choose the best epoch by.
        folder: where the run is kept.
        cache: the folder of decoded slices, shared by all runs.
        resume: go on with the run in the folder.
        weights_dir: the folder of ImageNet weights; ``None`` for Keras' own download.
        logs: each is opened for the run, and told of every epoch.
        devices: how many accelerators share each batch.

    Returns:
        The path of the ``.h5``.

    Raises:
        TrainingError: the folder holds another run, or weights or devices that the experiment needs are not there.
    """
    check_unseen(experiment, split)
    keras.utils.set_random_seed(experiment.seed)
    state = folder.open(experiment, split, resume)
    if state.stage == len(experiment.stages) and folder.result().is_file():
        return folder.result()
    opened = [log(folder) for log in logs]
    with computing(experiment.precision, devices):
        while state.stage < len(experiment.stages):
            for epoch in _stage(experiment, split, folder, cache, state, weights_dir):
                for log in opened:
                    log(len(state.history), epoch)
            state = State(stage=state.stage + 1, history=state.history)
            folder.save_state(state)
    network = make_network(experiment, experiment.stages[-1])
    network.load_weights(folder.best_weights(len(experiment.stages) - 1))
    if experiment.stages[-1].average:
        _settle(network, experiment, split, cache)
    network.save(folder.result())
    return folder.result()


def make_network(experiment: Experiment, stage: Stage) -> keras.Model:
    """The network of an experiment, fresh, at the size of a stage."""
    n = experiment.network
    return zoo.build(n.name, stage.size, n.dropout, n.head, n.pooling, n.head_norm, n.channels)


def _stage(
    experiment: Experiment, split: Split, folder: RunFolder, cache: Path, state: State, weights_dir: Path | None
) -> Iterator[dict[str, float]]:
    """Train the epochs of a stage that are left; gives the figures of each when it is saved."""
    stage = experiment.stages[state.stage]
    lessons = _lessons(experiment, stage, split.train, cache)
    network = make_network(experiment, stage)
    if state.stage > 0:
        network.load_weights(folder.best_weights(state.stage - 1))
    else:
        _start_from(network, experiment, weights_dir)
    trainer = make_trainer(network, lessons(0), experiment, stage)
    if state.epoch > 0:
        trainer.load_weights(folder.last_weights(state))

    while state.epoch < stage.epochs and state.waited < experiment.patience:
        figures = _fit_epoch(trainer, lessons(state.epoch), stage, experiment, state)
        figures |= _validate(
            network, split, experiment.preprocessing(stage.size), cache, experiment.augmentation.darken
        )
        if state.record(figures, experiment.monitored(figures)):
            folder.save_best(state.stage, network.save_weights)
        folder.save(state, trainer.save_weights)
        print(f"epoch {state.epoch} of {stage.epochs}: {state.history[-1]}", flush=True)
        yield figures


def _start_from(network: keras.Model, experiment: Experiment, weights_dir: Path | None) -> None:
    """Give a fresh network the weights that its experiment starts from."""
    wanted = experiment.network
    if wanted.init_from:
        start = Path(wanted.init_from)
        try:
            network.load_weights(start if start.suffix == ".h5" else bundle.load(start).h5)
        except (OSError, ValueError) as error:
            raise TrainingError(f"{start} is no start for this network: {error}") from error
    elif wanted.weights == "imagenet":
        imagenet.load(network, weights_dir)


def _lessons(experiment: Experiment, stage: Stage, rows: Sequence[Row], cache: Path) -> Callable[[int], Examples]:
    """Epoch -> what to learn from: the labels alone, or a teacher's views, which all stages share."""
    if experiment.distillation:
        size = experiment.distillation.size or experiment.stages[-1].size
        if size % stage.size:
            raise TrainingError(f"With a teacher, the views' {size} pixels are a multiple of every stage's.")
        return Lessons(experiment, rows, size, cache).examples
    examples = Examples(
        pixels.load(rows, experiment.preprocessing(stage.size), cache),
        one_hot(rows),
        balanced_weights(rows, experiment.balance, experiment.balance_limit),
    )
    return lambda _: examples


def _fit_epoch(
    trainer: keras.Model, examples: Examples, stage: Stage, experiment: Experiment, state: State
) -> dict[str, float]:
    seed = (experiment.seed, state.stage, state.epoch)
    _reseed(trainer, seed)
    batches = Batches(examples, stage.batch_size, epoch_order(len(examples.weights), seed))
    started = time.monotonic()
    # `shuffle` would reorder the batches by a generator that a resumed run does not have.
    history = trainer.fit(
        batches, initial_epoch=state.epoch, epochs=state.epoch + 1, shuffle=False, verbose=VERBOSITY
    ).history
    if stage.average:
        # On JAX the weights would share their memory with the averages, and the next step gives it away twice.
        for variable in trainer.trainable_variables:
            variable.assign(ops.copy(variable))
    return {
        "seconds": time.monotonic() - started,
        "loss": history["loss"][0],
        "accuracy": history["label_accuracy" if "label_accuracy" in history else "accuracy"][0],
    }


def make_trainer(network: keras.Model, examples: Examples, experiment: Experiment, stage: Stage) -> keras.Model:
    """The network behind its augmentation: uint8 (n, size, size, 1) -> an answer, and a guess at a teacher's features.

    Slices that a teacher saw have been changed before, and are shrunk to the size of the stage.
    """
    _freeze(network, stage.trainable)
    size = examples.pixels.shape[1]
    taught = examples.features is not None
    inputs = keras.Input((size, size, 1), dtype="uint8")
    x = Augment(UNCHANGED if taught else experiment.augmentation, experiment.preprocessing(size), experiment.seed)(
        inputs
    )
    x = keras.layers.AveragePooling2D(size // stage.size)(x) if size > stage.size else x
    smoothing = 0.0 if taught else experiment.label_smoothing  # the targets that a teacher shares have it in them
    losses = {"label": keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)}
    outputs, importance = {}, {"label": 1.0}
    if examples.features is not None and experiment.distillation:
        answer, features = keras.Model(network.input, [network.output, network.get_layer(FEATURES).output])(x)
        outputs["features"] = keras.layers.Dense(examples.features.shape[1], name="imitation")(features)
        losses["features"] = keras.losses.MeanSquaredError()
        importance["features"] = experiment.distillation.features
    else:
        answer = network(x)
    trainer = keras.Model(inputs, outputs | {"label": answer})
    trainer.compile(
        optimizer=_optimizer(stage, steps_per_epoch(len(examples.weights), stage.batch_size)),
        loss=losses,
        loss_weights=importance,
        metrics={"label": ["accuracy"]},
    )
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer


def _freeze(network: keras.Model, trainable: str) -> None:
    """Keep the layers that `training.experiment.Stage.trainable` leaves out as they are, BatchNorms included."""
    network.trainable = True
    if trainable == "all":
        return
    names = [layer.name for layer in network.layers]
    first = FEATURES if trainable == "head" else trainable
    if first not in names:
        raise TrainingError(f"{network.name} has no layer {trainable!r} from which it could learn.")
    for layer in network.layers[: names.index(first)]:
        layer.trainable = False


def _settle(network: keras.Model, experiment: Experiment, split: Split, cache: Path) -> None:
    """Take the statistics of the BatchNorms anew, on slices as they are served.

    Those at hand belong to the weights before averaging, and to slices that were changed. Source: P. Izmailov et al.,
    *Averaging weights leads to wider optima and better generalization* (UAI 2018), section 3.2.
    """
    preprocessing = experiment.preprocessing(network.input_shape[1])
    slices = pixels.load(split.train, preprocessing, cache)
    seed = (experiment.seed, len(experiment.stages))
    _reseed(network, seed)
    _freeze(network, experiment.stages[-1].trainable)  # what did not learn keeps its statistics, too
    drawn = np.random.default_rng(seed).integers(len(slices), size=(SETTLING_STEPS, SETTLING_BATCH))
    for batch in np.sort(drawn, axis=1):
        network(preprocessing.batch(slices[batch]), training=True)
    network.trainable = True


def _optimizer(stage: Stage, steps: int) -> keras.optimizers.Optimizer:
    schedules = keras.optimizers.schedules
    if stage.schedule == "cosine":
        total = stage.epochs * steps
        warm_up = total // 20
        rate = schedules.CosineDecay(
            stage.learning_rate / 25, total - warm_up, 1e-3, warmup_target=stage.learning_rate, warmup_steps=warm_up
        )
    else:
        rate = schedules.ExponentialDecay(stage.learning_rate, stage.decay_steps, stage.decay_rate, staircase=True)
    # Keras puts the average in the place of the weights at the end of each `fit`, which here is an epoch.
    averaging = {"use_ema": True, "ema_momentum": stage.average} if stage.average else {}
    if stage.weight_decay:
        return keras.optimizers.AdamW(rate, weight_decay=stage.weight_decay, **averaging)
    return keras.optimizers.Adam(rate, **averaging)


def _reseed(trainer: keras.Model, seed: tuple[int, ...]) -> None:
    """Give every random layer fresh numbers that only `seed` decides, so that an epoch can be repeated."""
    generator = np.random.default_rng(seed)
    for layer in trainer._flatten_layers():
        random = getattr(layer, "seed_generator", None)
        if random is not None:
            random.state.assign(generator.integers(0, 2**31, size=2).astype("uint32"))


def _validate(
    network: keras.Model, split: Split, preprocessing: Preprocessing, cache: Path, darken: float
) -> dict[str, float]:
    rows = split.validation
    slices = pixels.load(rows, preprocessing, cache)
    if darken:
        kept = np.random.default_rng(0).uniform(0, darken, (len(slices), 1, 1))
        slices = (slices * kept).astype(np.uint8)
    probabilities = _probabilities(network, slices, preprocessing)
    labels, aucs = label_indices(rows), institution_aucs(probabilities, rows)
    return {
        "val_loss": cross_entropy(probabilities, labels),
        "val_accuracy": accuracy(probabilities, labels),
        "val_auc": float(np.mean(list(aucs.values()))) if aucs else math.nan,
        **{f"{AUC_OF}{name}": value for name, value in aucs.items()},
    }


def _probabilities(network: keras.Model, slices: Any, preprocessing: Preprocessing) -> Probabilities:
    answers = []
    for start in range(0, len(slices), VALIDATION_BATCH):
        batch = preprocessing.batch(slices[start : start + VALIDATION_BATCH])
        # Of several devices of TensorFlow each gives an answer to all of the batch, one after the other.
        answers.append(network.predict_on_batch(batch)[: len(batch)])
    return np.concatenate(answers)
