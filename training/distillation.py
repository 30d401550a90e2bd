"""A teacher's opinion of the very pictures that the student learns from, asked once and kept.

Source: G. Hinton et al., *Distilling the knowledge in a neural network* (2015); that both must see the same changed
picture, and many of them: L. Beyer et al., *Knowledge distillation: A good teacher is patient and consistent* (CVPR
2022); that the opinions may be kept: F. Faghri et al., *Reinforce data, multiply impact* (ICCV 2023); that features
teach more than probabilities: A. Romero et al., *FitNets* (ICLR 2015).
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
from training import pixels, scan
from training.augmentation import Augment
from training.batches import Examples, balanced_weights, one_hot
from training.errors import TrainingError
from training.experiment import Experiment
from training.manifest import Row

BATCH = 32
TINY = 1e-7


@dataclass(frozen=True)
class View:
    """Slices, each changed at random, and what the teacher says of them.

    pixels: uint8 (n, size, size); probabilities: float32 (n, 3); features: float16 (n, d), pooled.
    """

    pixels: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    features: NDArray[np.float16]


class Lessons:
    """The training slices as the teacher saw them: view after view, made when first asked for and then kept.

    Args:
        experiment: names the teacher, and how slices are changed.
        rows: the labelled training slices; those of the unlabelled folder come after them.
        size: of the views in pixels.
        cache: the folder where views are kept.

    Raises:
        TrainingError: the teacher is not there or is no network.
    """

    def __init__(self, experiment: Experiment, rows: Sequence[Row], size: int, cache: Path) -> None:
        if experiment.distillation is None:
            raise ValueError("the experiment has no teacher")
        self.plan = experiment.distillation
        self._experiment, self._size, self._cache = experiment, size, cache
        self._teacher = load_teacher(self.plan.teacher)
        unlabelled = scan.unlabelled(Path(self.plan.unlabelled)) if self.plan.unlabelled else []
        self._rows = [*rows, *unlabelled]
        trusted = [not self.plan.institutions or row.institution in self.plan.institutions for row in rows]
        self._trust = np.array([self.plan.trust if t else 0.0 for t in trusted] + [1.0] * len(unlabelled), np.float32)
        smooth = experiment.label_smoothing
        self._labels = one_hot(self._rows) * (1 - smooth) + smooth / len(one_hot(self._rows)[0])
        weights = balanced_weights(rows, experiment.balance, experiment.balance_limit)
        self._weights = np.concatenate([weights, np.ones(len(unlabelled), np.float32)])
        # The features are told in standard deviations of the first view, so that each counts alike.
        first = self.view(0).features.astype(np.float32)
        self._mean, self._deviation = first.mean(axis=0), first.std(axis=0) + 1e-3

    def examples(self, epoch: int) -> Examples:
        """What to learn from in an epoch."""
        view = self.view(epoch % self.plan.views)
        softened = np.maximum(view.probabilities, TINY) ** (1 / self.plan.temperature)
        opinion = softened / softened.sum(axis=1, keepdims=True)
        trust = self._trust[:, np.newaxis]
        return Examples(
            view.pixels,
            trust * opinion + (1 - trust) * self._labels,
            self._weights,
            (view.features - self._mean) / self._deviation,
        )

    def view(self, number: int) -> View:
        """One view of every slice, from the cache where it is there."""
        path = self._cache / f"view-{self._key()}-{number}.npz"
        slices = path.with_suffix(".npy")
        if not path.is_file():
            slices.parent.mkdir(parents=True, exist_ok=True)
            self._make(number, slices, path)
        with np.load(path) as opinions:
            return View(np.load(slices, mmap_mode="r"), opinions["probabilities"], opinions["features"])

    def _key(self) -> str:
        facts = (
            file_sha256(Path(self.plan.teacher)),
            [row.sha256 for row in self._rows],
            self._experiment.augmentation,
            self._experiment.seed,
            self._experiment.preprocessing(self._size),
        )
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def _make(self, number: int, slices: Path, path: Path) -> None:
        plain = pixels.load(self._rows, self._experiment.preprocessing(self._size), self._cache)
        seed = np.random.default_rng((self._experiment.seed, number)).integers(2**31)
        augment = Augment(self._experiment.augmentation, Preprocessing(self._size), int(seed))
        partial = slices.with_suffix(f".{os.getpid()}.partial")
        changed = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=plain.shape)
        said: list[dict[str, Any]] = []
        for start in tqdm(range(0, len(plain), BATCH), desc=f"view {number}, seen by the teacher", disable=None):
            seen = augment(plain[start : start + BATCH, ..., np.newaxis], training=True)
            gray = np.rint(ops.convert_to_numpy(seen)[..., 0] / Preprocessing.scale).astype(np.uint8)
            changed[start : start + BATCH] = gray
            said.append(self._teacher.predict_on_batch(_for_teacher(gray, self._teacher.input_shape[1])))
        changed.flush()
        partial.replace(slices)
        with path.with_suffix(f".{os.getpid()}.partial").open("wb") as file:
            np.savez(
                file,
                probabilities=np.concatenate([s["probabilities"] for s in said]),
                features=np.concatenate([s["features"] for s in said]).astype(np.float16),
            )
        # Last, so that a view that was interrupted is never taken for one.
        path.with_suffix(f".{os.getpid()}.partial").replace(path)


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
