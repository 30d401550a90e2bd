"""An experiment: everything that decides what a training run makes, read from a TOML file.

An unknown key, a wrong type or a value out of range is an error that names the key. ``extends = "other.toml"``
(a path from the file's own folder) takes from there, key by key, what the file does not say itself; lists as a whole.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model.preprocessing import Preprocessing
from training.errors import TrainingError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]


class Table(BaseModel):
    """A table of TOML; an unknown key or a wrong type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


AnyTable = TypeVar("AnyTable", bound=Table)


class Network(Table):
    """Which network, and what may be chosen in it."""

    name: Literal[
        "custom_cnn",
        "densenet121",
        "efficientnet_lite0",
        "efficientnetb0",
        "mobilenet",
        "resnet50",
        "vgg16",
        "xception",
    ] = "custom_cnn"
    head: Literal["paper", "short"] = "paper"
    pooling: Literal["gap", "flatten"] = "gap"
    head_norm: bool = True
    dropout: Share = 0.2455
    weights: Literal["none", "imagenet"] = "none"
    """What the convolutions start from."""
    init_from: str = ""
    """Folder of a bundle, or an .h5, whose network, all of it, this one starts from, at whatever size."""
    channels: Literal[1, 3] = 3
    """Three, all gray, as ImageNet weights need them; or one."""

    @model_validator(mode="after")
    def _channels(self) -> "Network":
        if self.channels == 1 and self.name != "custom_cnn":
            raise ValueError("of the networks, only custom_cnn takes one channel")
        return self


class SplitPlan(Table):
    """How the slices are split; see `training.splits`."""

    kind: Literal["patient", "random", "institution"] = "patient"
    institutions: list[str] = []
    """Only these; all by default."""
    held_out: str = ""
    """The institution to test on, where the kind is ``institution``."""
    folds: Annotated[int, Field(ge=0)] = 0
    """By patient: 0 for one split by shares, else how many folds."""
    fold: Annotated[int, Field(ge=0)] = 0
    validation: Annotated[float, Field(ge=0.05, le=0.4)] = 0.10
    """Share of the patients to choose by; the more, the surer the choice. 15 % are tested on, whatever this is."""

    @model_validator(mode="after")
    def _whole(self) -> "SplitPlan":
        if (self.kind == "institution") != bool(self.held_out):
            raise ValueError('held_out goes with kind = "institution"')
        if self.folds in (1, 2) or (self.folds and self.fold >= self.folds):
            raise ValueError("folds is 0 or at least 3, and fold is less")
        return self


class Augmentation(Table):
    """Ranges of the random changes to a training slice; 0 switches one off. See `training.augmentation`."""

    flip: bool = True
    shift: Share = 0.1
    zoom: Share = 0.0
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    brightness: Share = 0.2
    darken: Share = 0.0
    """The paper's fault, at 0.2: training *and* validation slices keep a random share of their brightness, at most
    this; what is served keeps all of it."""
    offset: Share = 0.0
    contrast: Share = 0.0
    gamma: Share = 0.0
    kernel: Share = 0.0
    noise: Share = 0.0
    erase: Share = 0.0


class Stage(Table):
    """A run of epochs at one input size. The next stage starts from the best weights of this one."""

    size: Annotated[int, Field(ge=32, multiple_of=32)] = 256
    epochs: Count = 100
    batch_size: Count = 32
    learning_rate: Positive = 0.001886
    schedule: Literal["exponential", "cosine"] = "exponential"
    decay_rate: Share = 0.936
    decay_steps: Count = 99_855
    weight_decay: Share = 0.0
    average: Share = 0.0
    """Decay of a moving average of the weights, which each epoch ends with and the next starts from; 0 for none."""
    trainable: str = "all"
    """``head`` keeps the convolutions as they are: the first phase of fine-tuning. The name of a layer keeps all that
    comes before it: the first layers know edges, which are the same on every picture, and cost most of a step."""


class Teacher(Table):
    """A network to imitate."""

    path: str
    """Of its .h5; it sees the slice at its own input size."""
    institutions: list[str] = []
    """Those it was trained on: elsewhere it has no say; all by default."""


class Distillation(Table):
    """Teachers to imitate; see `training.distillation`."""

    teachers: Annotated[list[Teacher], Field(min_length=1)]
    """Of several, the mean of what they say is the target, and the features of all are to be imitated."""
    views: Count = 10
    """How often each slice is changed at random and shown to the teachers. An epoch learns from one view of each."""
    size: Annotated[int, Field(ge=0)] = 0
    """Of the views in pixels; 0 for that of the last stage."""
    trust: Share = 0.7
    """The teachers' share in the target; the label has the rest."""
    temperature: Positive = 1.0
    """Above 1, the teachers' probabilities are softened."""
    features: Annotated[float, Field(ge=0)] = 1.0
    """Weight of imitating the teachers' pooled features, too."""
    mixup: Share = 0.0
    """Share of the slices that have another slice laid over them; where a teacher is trusted, its word alone is
    the target of those, and elsewhere the label of the slice below."""
    unlabelled: str = ""
    """Folder of further slices, on which the teachers alone are the target. Their patients must not be tested on."""


class Experiment(Table):
    """One training run. The defaults are the paper's tuned network with its augmentation as it was meant."""

    seed: int = 1
    patience: Count = 10
    monitor: Literal["loss", "auc"] = "loss"
    label_smoothing: Share = 0.0
    precision: Precision = "float32"
    """Mixed: arithmetic in 16 bits, on accelerators that have it; the result is float32 all the same."""
    balance: Literal["none", "class", "class_within_institution", "institution"] = "class"
    balance_limit: Positive = 10.0
    lungs_only: bool = False
    """Whether the network sees nothing but the lungs; see `model.lungs`."""
    network: Network = Network()
    split: SplitPlan = SplitPlan()
    augmentation: Augmentation = Augmentation()
    distillation: Distillation | None = None
    stages: Annotated[list[Stage], Field(min_length=1)] = [Stage()]

    def monitored(self, figures: Mapping[str, float]) -> float:
        """The figure of an epoch by which the best is chosen; lower is better."""
        return figures["val_loss"] if self.monitor == "loss" else -figures["val_auc"]

    def preprocessing(self, size: int) -> Preprocessing:
        """How slices become what the network takes at an input size, in training and in service."""
        return Preprocessing(size, channels=self.network.channels, lungs_only=self.lungs_only)


def load(path: Path) -> Experiment:
    """Read an experiment. Raises as `read`."""
    return read(path, Experiment)


def read(path: Path, table: type[AnyTable]) -> AnyTable:
    """Read a TOML file.

    Raises:
        TrainingError: no such file, not TOML, an unknown key, a wrong type or a value out of range.
    """
    try:
        # As JSON, of which pydantic takes a list for a tuple even where it is strict.
        return table.model_validate_json(json.dumps(_extended(path), default=str))
    except RecursionError:
        raise TrainingError(f"{path} extends itself.") from None
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise TrainingError(f"{path}: {problems}") from None


def _extended(path: Path) -> dict[str, Any]:
    """What a file says, over what the file says that it extends."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TrainingError(f"{path} is not there.") from None
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{path} is not valid TOML: {error}") from None
    base = said.pop("extends", None)
    return _over(_extended(path.parent / str(base)), said) if base else said


def _over(base: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    changed = {
        key: _over(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in said.items()
    }
    return base | changed
