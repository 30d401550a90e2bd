"""Train one network as an experiment says: stages, epochs, best checkpoint, early stopping, exact resume."""

import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from model import zoo
from model.architecture import convolutions
from model.preprocessing import Preprocessing
from training import imagenet, pixels
from training.augmentation import Augment
from training.batches import Batches, Examples, balanced_weights, epoch_order, one_hot, steps_per_epoch
from training.distillation import Imitate, load_teacher
from training.errors import TrainingError
from training.experiment import Experiment, Stage
from training.manifest import label_indices
from training.metrics import Probabilities, accuracy, cross_entropy, mean_institution_auc
from training.run_folder import RunFolder, State
from training.splits import Split

VALIDATION_BATCH = 32
VERBOSITY = 1 if sys.stdout.isatty() else 0
"""Keras' progress bar where a person watches."""


def fit(
    experiment: Experiment,
    split: Split,
    folder: RunFolder,
    cache: Path,
    resume: bool = False,
    weights_dir: Path | None = None,
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

    Returns:
        The path of the ``.h5``.

    Raises:
        TrainingError: the folder holds another run, or weights that the experiment needs are not there.
    """
    keras.utils.set_random_seed(experiment.seed)
    state = folder.open(experiment, split, resume)
    while state.stage < len(experiment.stages):
        _fit_stage(experiment, split, folder, cache, state, weights_dir)
        state = State(stage=state.stage + 1, history=state.history)
        folder.save_state(state)
    network = _network(experiment, experiment.stages[-1])
    network.load_weights(folder.best_weights(len(experiment.stages) - 1))
    network.save(folder.result())
    return folder.result()


def _network(experiment: Experiment, stage: Stage) -> keras.Model:
    wanted = experiment.network
    return zoo.build(wanted.name, stage.size, wanted.dropout, wanted.head, wanted.pooling, wanted.head_norm)


def _fit_stage(
    experiment: Experiment, split: Split, folder: RunFolder, cache: Path, state: State, weights_dir: Path | None
) -> None:
    stage = experiment.stages[state.stage]
    preprocessing = Preprocessing(size=stage.size)
    teacher = load_teacher(experiment.distillation) if experiment.distillation else None
    examples = Examples(
        pixels.load(split.train, Preprocessing(size=_seen_size(stage, teacher)), cache),
        one_hot(split.train),
        balanced_weights(split.train, experiment.balance, experiment.balance_limit),
    )
    network = _network(experiment, stage)
    if state.stage > 0:
        network.load_weights(folder.best_weights(state.stage - 1))
    elif experiment.network.weights == "imagenet":
        imagenet.load(network, weights_dir)
    trainer = _trainer(network, teacher, experiment, stage, len(split.train))
    if state.epoch > 0:
        trainer.load_weights(folder.last_weights(state))

    while state.epoch < stage.epochs and state.waited < experiment.patience:
        figures = _fit_epoch(trainer, examples, stage, experiment, state) | _validate(
            network, split, preprocessing, cache
        )
        monitored = figures["val_loss"] if experiment.monitor == "loss" else -figures["val_auc"]
        if state.record(figures, monitored):
            network.save_weights(folder.best_weights(state.stage))
        folder.save(state, trainer.save_weights)
        print(f"epoch {state.epoch} of {stage.epochs}: {state.history[-1]}", flush=True)


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
    return {
        "seconds": time.monotonic() - started,
        "loss": history["loss"][0],
        "accuracy": history["accuracy"][0],
    }


def _trainer(
    network: keras.Model, teacher: keras.Model | None, experiment: Experiment, stage: Stage, slices: int
) -> keras.Model:
    """The network behind its augmentation, and beside its teacher: takes uint8 (n, size, size, 1)."""
    convolutions(network).trainable = stage.trainable == "all"
    size = _seen_size(stage, teacher)
    inputs = keras.Input((size, size, 1), dtype="uint8")
    seen = Augment(experiment.augmentation, Preprocessing.scale, experiment.seed)(inputs)
    answer = network(keras.layers.AveragePooling2D(size // stage.size)(seen) if size > stage.size else seen)
    if teacher and experiment.distillation:
        plan = experiment.distillation
        answer = Imitate(plan.weight, plan.temperature)(answer, teacher(seen, training=False))
    trainer = keras.Model(inputs, answer)
    trainer.compile(
        optimizer=_optimizer(stage, steps_per_epoch(slices, stage.batch_size)),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=experiment.label_smoothing),
        metrics=["accuracy"],
    )
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer


def _seen_size(stage: Stage, teacher: keras.Model | None) -> int:
    """Size of the augmented slices: the teacher's where there is one, and the student sees them shrunk."""
    if teacher is None:
        return stage.size
    size = int(teacher.input_shape[1])
    if size % stage.size:
        raise TrainingError(f"The teacher sees {size} pixels, which is no multiple of the stage's {stage.size}.")
    return size


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
    if stage.weight_decay:
        return keras.optimizers.AdamW(rate, weight_decay=stage.weight_decay)
    return keras.optimizers.Adam(rate)


def _reseed(trainer: keras.Model, seed: tuple[int, ...]) -> None:
    """Give every random layer fresh numbers that only `seed` decides, so that an epoch can be repeated."""
    generator = np.random.default_rng(seed)
    for layer in trainer._flatten_layers():
        random = getattr(layer, "seed_generator", None)
        if random is not None:
            random.state.assign(generator.integers(0, 2**31, size=2).astype("uint32"))


def _validate(network: keras.Model, split: Split, preprocessing: Preprocessing, cache: Path) -> dict[str, float]:
    rows = split.validation
    probabilities = _probabilities(network, pixels.load(rows, preprocessing, cache), preprocessing)
    labels = label_indices(rows)
    return {
        "val_loss": cross_entropy(probabilities, labels),
        "val_accuracy": accuracy(probabilities, labels),
        "val_auc": mean_institution_auc(probabilities, rows),
    }


def _probabilities(network: keras.Model, slices: Any, preprocessing: Preprocessing) -> Probabilities:
    parts = range(0, len(slices), VALIDATION_BATCH)
    return np.concatenate(
        [network.predict_on_batch(preprocessing.batch(slices[i : i + VALIDATION_BATCH])) for i in parts]
    )
