"""Train one network as an experiment says: stages, epochs, best checkpoint, early stopping, exact resume."""

import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from model.architecture import custom_cnn
from model.preprocessing import Preprocessing
from training import pixels
from training.augmentation import Augment
from training.batches import Batches, Examples, balanced_weights, epoch_order, one_hot, steps_per_epoch
from training.experiment import Experiment, Stage
from training.manifest import label_indices
from training.metrics import Probabilities, accuracy, cross_entropy, mean_institution_auc
from training.run_folder import RunFolder, State
from training.splits import Split

VALIDATION_BATCH = 32
VERBOSITY = 1 if sys.stdout.isatty() else 0
"""Keras' progress bar where a person watches."""


def fit(experiment: Experiment, split: Split, folder: RunFolder, cache: Path, resume: bool = False) -> Path:
    """Train, or go on training, and save the best network.

    Ctrl-C loses the epoch it falls into, no more; `resume` repeats that epoch with the same order and the same random
    numbers.

    Returns:
        The path of the ``.h5``.

    Raises:
        TrainingError: the folder holds another run.
    """
    keras.utils.set_random_seed(experiment.seed)
    state = folder.open(experiment, split, resume)
    while state.stage < len(experiment.stages):
        _fit_stage(experiment, split, folder, cache, state)
        state = State(stage=state.stage + 1, history=state.history)
        folder.save_state(state)
    network = _network(experiment, experiment.stages[-1])
    network.load_weights(folder.best_weights(len(experiment.stages) - 1))
    network.save(folder.result())
    return folder.result()


def _network(experiment: Experiment, stage: Stage) -> keras.Model:
    return custom_cnn(stage.size, experiment.network.dropout)


def _fit_stage(experiment: Experiment, split: Split, folder: RunFolder, cache: Path, state: State) -> None:
    stage = experiment.stages[state.stage]
    preprocessing = Preprocessing(size=stage.size)
    examples = Examples(
        pixels.load(split.train, preprocessing, cache),
        one_hot(split.train),
        balanced_weights(split.train, experiment.balance, experiment.balance_limit),
    )
    network = _network(experiment, stage)
    if state.stage > 0:
        network.load_weights(folder.best_weights(state.stage - 1))
    trainer = _trainer(network, experiment, stage, preprocessing, len(split.train))
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
    network: keras.Model, experiment: Experiment, stage: Stage, preprocessing: Preprocessing, slices: int
) -> keras.Model:
    """The network behind its augmentation: takes uint8 (n, size, size, 1)."""
    inputs = keras.Input((stage.size, stage.size, 1), dtype="uint8")
    augment = Augment(experiment.augmentation, preprocessing.scale, experiment.seed)
    trainer = keras.Model(inputs, network(augment(inputs)))
    trainer.compile(
        optimizer=_optimizer(stage, steps_per_epoch(slices, stage.batch_size)),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=experiment.label_smoothing),
        metrics=["accuracy"],
    )
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer


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
