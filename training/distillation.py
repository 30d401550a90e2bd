"""Teachers' opinions of the very pictures that the student learns from, asked once and kept.

Source: G. Hinton et al., *Distilling the knowledge in a neural network* (2015); that both must see the same changed
picture, and many of them: L. Beyer et al., *Knowledge distillation: A good teacher is patient and consistent* (CVPR
2022); that the opinions may be kept: F. Faghri et al., *Reinforce data, multiply impact* (ICCV 2023); that features
teach more than probabilities: A. Romero et al., *FitNets* (ICLR 2015). That slices laid over each other, with the
teachers' word for a label, make more of few slices is Beyer's, too.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from tqdm import tqdm

from model.architecture import FEATURES
from model.bundle import file_sha256
from model.preprocessing import Preprocessing
from training import manifest, pixels, scan
from training.augmentation import Augment
from training.batches import Examples, balanced_weights, one_hot
from training.errors import TrainingError
from training.experiment import Experiment, Teacher
from training.manifest import Row
from training.splits import Split

BATCH = 32
TINY = 1e-7


@dataclass(frozen=True)
class View:
    """Slices, each changed at random: pixels, uint8 (n, size, size); mixed, bool (n,): those with another laid over."""

    pixels: NDArray[np.uint8]
    mixed: NDArray[np.bool_]


@dataclass(frozen=True)
class Opinion:
    """What a teacher says of a view: probabilities, float32 (n, 3); features, float16 (n, d), pooled."""

    probabilities: NDArray[np.float32]
    features: NDArray[np.float16]


class Lessons:
    """The training slices as the teachers saw them: view after view, made when first asked for and then kept.

    Args:
        experiment: names the teachers, and how slices are changed.
        rows: the labelled training slices; those of the unlabelled folder come after them.
        size: of the views in pixels.
        cache: the folder where views are kept.

    Raises:
        TrainingError: a teacher is not there or is no network.
    """

    def __init__(self, experiment: Experiment, rows: Sequence[Row], size: int, cache: Path) -> None:
        if experiment.distillation is None:
            raise ValueError("the experiment has no teacher")
        self.plan = experiment.distillation
        self._experiment, self._size, self._cache = experiment, size, cache
        self._teachers = {teacher.path: load_teacher(teacher.path) for teacher in self.plan.teachers}
        unlabelled = scan.unlabelled(Path(self.plan.unlabelled)) if self.plan.unlabelled else []
        self._rows = [*rows, *unlabelled]
        self._trusted = np.array([_trusted(teacher, rows) + [True] * len(unlabelled) for teacher in self.plan.teachers])
        self._trust = np.array([self.plan.trust] * len(rows) + [1.0] * len(unlabelled), np.float32)
        self._trust *= self._trusted.any(axis=0)
        smooth = experiment.label_smoothing
        self._labels = one_hot(self._rows) * (1 - smooth) + smooth / len(one_hot(self._rows)[0])
        weights = balanced_weights(rows, experiment.balance, experiment.balance_limit)
        self._weights = np.concatenate([weights, np.ones(len(unlabelled), np.float32)])
        # The features are told in standard deviations of the first view, so that each counts alike.
        first = np.concatenate([o.features for o in self.opinions(0)], axis=1).astype(np.float32)
        self._mean, self._deviation = first.mean(axis=0), first.std(axis=0) + 1e-3

    def examples(self, epoch: int) -> Examples:
        """What to learn from in an epoch."""
        view, opinions = self.view(epoch % self.plan.views), self.opinions(epoch % self.plan.views)
        trust = np.where(view.mixed & self._trusted.any(axis=0), 1.0, self._trust).astype(np.float32)[:, np.newaxis]
        features = np.concatenate([opinion.features for opinion in opinions], axis=1)
        return Examples(
            view.pixels,
            trust * self._shared(opinions) + (1 - trust) * self._labels,
            self._weights,
            (features - self._mean) / self._deviation,
        )

    def view(self, number: int) -> View:
        """One view of every slice, from the cache where it is there."""
        path = self._cache / f"view-{self._key()}-{number}.npy"
        mixing = np.random.default_rng((self._experiment.seed, number))
        mixed = mixing.random(len(self._rows)) < self.plan.mixup
        if not path.is_file():
            self._make(number, path, np.flatnonzero(mixed), mixing)
        return View(np.load(path, mmap_mode="r"), mixed)

    def opinions(self, number: int) -> list[Opinion]:
        """What each teacher says of a view, in the order of the plan, from the cache where it is there."""
        return [self._opinion(number, path) for path in self._teachers]

    def _shared(self, opinions: Sequence[Opinion]) -> NDArray[np.float32]:
        """The mean of what the trusted teachers say, float32 (n, 3), softened; zeros where none is trusted."""
        total = np.zeros_like(opinions[0].probabilities)
        for trusted, opinion in zip(self._trusted, opinions, strict=True):
            softened = np.maximum(opinion.probabilities, TINY) ** (1 / self.plan.temperature)
            total += trusted[:, np.newaxis] * softened / softened.sum(axis=1, keepdims=True)
        shared: NDArray[np.float32] = total / np.maximum(self._trusted.sum(axis=0), 1)[:, np.newaxis]
        return shared.astype(np.float32)

    def _key(self) -> str:
        facts = (
            [row.sha256 for row in self._rows],
            self._experiment.augmentation,
            self._experiment.seed,
            self._experiment.preprocessing(self._size),
            self.plan.mixup,
        )
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def _make(self, number: int, path: Path, mixed: NDArray[np.intp], mixing: np.random.Generator) -> None:
        plain = pixels.load(self._rows, self._experiment.preprocessing(self._size), self._cache)
        seed = np.random.default_rng((self._experiment.seed, number)).integers(2**31)
        augment = Augment(self._experiment.augmentation, Preprocessing(self._size), int(seed))
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        changed = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=plain.shape)
        for start in tqdm(range(0, len(plain), BATCH), desc=f"view {number}", disable=None):
            seen = augment(plain[start : start + BATCH, ..., np.newaxis], training=True)
            gray = np.rint(ops.convert_to_numpy(seen)[..., 0] / Preprocessing.scale)
            changed[start : start + BATCH] = gray.astype(np.uint8)
        for index, other in zip(mixed, mixing.integers(len(plain), size=len(mixed)), strict=True):
            share = mixing.uniform(0.5, 1.0)
            changed[index] = np.rint(share * changed[index] + (1 - share) * changed[other]).astype(np.uint8)
        changed.flush()
        # Renamed only when complete, so that a view that was interrupted is never taken for one.
        partial.replace(path)

    def _opinion(self, number: int, teacher: str) -> Opinion:
        path = self._cache / f"view-{self._key()}-{number}-{file_sha256(Path(teacher))[:16]}.npz"
        if not path.is_file():
            said = _ask(self._teachers[teacher], self.view(number).pixels, f"view {number}, seen by {teacher}")
            partial = path.with_suffix(f".{os.getpid()}.partial")
            with partial.open("wb") as file:
                np.savez(file, probabilities=said.probabilities, features=said.features)
            partial.replace(path)
        with np.load(path) as kept:
            return Opinion(kept["probabilities"], kept["features"])


def check_unseen(experiment: Experiment, split: Split) -> None:
    """See that no teacher learned from the patients that its student is chosen by or judged on.

    Raises:
        TrainingError: one did, as far as the folder of its run tells.
    """
    unseen = {row.patient for row in (*split.validation, *split.test)}
    for teacher in experiment.distillation.teachers if experiment.distillation else []:
        learned_from = Path(teacher.path).parent / "train.csv"
        if learned_from.is_file() and unseen & {row.patient for row in manifest.read(learned_from)}:
            raise TrainingError(
                f"The teacher {teacher.path} learned from patients that its student shall be judged on. "
                "Train both on the same split: same manifest, same seed."
            )


def _trusted(teacher: Teacher, rows: Sequence[Row]) -> list[bool]:
    return [not teacher.institutions or row.institution in teacher.institutions for row in rows]


def _ask(teacher: keras.Model, slices: NDArray[np.uint8], title: str) -> Opinion:
    size = teacher.input_shape[1]
    said: list[dict[str, Any]] = [
        teacher.predict_on_batch(_for_teacher(slices[start : start + BATCH], size))
        for start in tqdm(range(0, len(slices), BATCH), desc=title, disable=None)
    ]
    features = np.concatenate([s["features"] for s in said]).astype(np.float16)
    return Opinion(np.concatenate([s["probabilities"] for s in said]), features)


def _for_teacher(gray: NDArray[np.uint8], size: int) -> keras.KerasTensor:
    batch = ops.repeat(ops.cast(gray[..., np.newaxis], "float32") * Preprocessing.scale, 3, axis=-1)
    if gray.shape[1] == size:
        return batch
    return ops.image.resize(batch, (size, size), antialias=True, data_format="channels_last")


def load_teacher(path_of_h5: str) -> keras.Model:
    """The teacher, with its probabilities and pooled features as outputs.

    Raises:
        TrainingError: its file is not there or is no network.
    """
    path = Path(path_of_h5)
    if not path.is_file():
        raise TrainingError(f"The teacher {path} is not there. Train it first; its experiment says how.")
    try:
        teacher: keras.Model = keras.models.load_model(path, compile=False)
        features = teacher.get_layer(FEATURES).output
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(f"The teacher {path} cannot be read: {error}") from error
    return keras.Model(teacher.input, {"probabilities": teacher.output, "features": features}, name="teacher")
