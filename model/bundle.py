"""The artefact that is shipped: a network, its compiled form, and the card that says what they are.

    custom_cnn.h5      the network, as Keras saves it
    custom_cnn.onnx    the same, compiled for ONNX Runtime
    head.npz           the dense layers at its end once more, for the heatmap's gradient (`model.heatmap`)
    gate.npz           what usual slices look like to it (`model.gate`)
    card.json          labels, preprocessing, calibration, training data, metrics, versions, SHA-256 of the files

A bundle of before there were heatmaps and gates lacks those two, and its card their parts; it is served without them.

Only `training.publish` writes a bundle. Loading checks every hash: a network and a card that do not belong
together would give wrong numbers without a sign.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from model.calibration import Calibration
from model.dense import Dense
from model.errors import BundleError
from model.gate import Gate
from model.preprocessing import Preprocessing
from model.study_rule import StudyRule

CARD: Final = "card.json"
HEAD: Final = "head.npz"
GATE: Final = "gate.npz"
DEFAULT_FOLDER: Final = Path(__file__).parent / "bundle"
"""The network that comes with the project."""


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files match its card."""

    folder: Path
    name: str
    version: str
    sha256: str
    """Of the .h5: it names the network, whichever engine runs it."""
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    study_rule: StudyRule
    """How the slices of a study become one answer."""
    calibration: Calibration | None
    gate: Gate | None
    head: Dense | None
    """The end of the network, for heatmaps."""
    card: dict[str, Any]
    """The whole card, as read."""

    @property
    def lacks(self) -> list[str]:
        """What answers go without, because the bundle is of before there was such a thing."""
        parts = {"calibration": self.calibration, "gate": self.gate, "heatmap": self.head}
        return [name for name, part in parts.items() if part is None]

    def possible(self, probabilities: dict[str, float], level: float) -> tuple[str, ...] | None:
        """The prediction set at a level; ``None`` without calibration."""
        return self.calibration.prediction_set(probabilities, level) if self.calibration else None

    @property
    def h5(self) -> Path:
        """The network as Keras saved it."""
        return self.folder / f"{self.name}.h5"

    @property
    def onnx(self) -> Path:
        """The compiled network."""
        return self.folder / f"{self.name}.onnx"


def load(folder: Path = DEFAULT_FOLDER) -> Bundle:
    """Read a bundle and check it.

    Raises:
        BundleError: the card or a file is missing, a hash differs, or the card does not fit this version.
    """
    card = _read_card(folder)
    try:
        name, hashes = card["name"], card["files"]
        labels = tuple(card["labels"])
        _check_files(folder, hashes, f"{name}.h5", f"{name}.onnx")
        return Bundle(
            folder=folder,
            name=name,
            version=card["version"],
            sha256=hashes[f"{name}.h5"],
            labels=labels,
            preprocessing=Preprocessing.from_card(card["preprocessing"]),
            study_rule=StudyRule.from_card(card.get("study_rule")),
            calibration=Calibration.from_card(card.get("calibration"), labels),
            gate=Gate.load(folder / GATE, card["gate"]) if card.get("gate") else None,
            head=Dense.load(folder / HEAD, len(labels)) if HEAD in hashes else None,
            card=card,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{folder / CARD} lacks or garbles a field: {error}") from error


def _read_card(folder: Path) -> dict[str, Any]:
    path = folder / CARD
    if not path.is_file():
        networks = sorted(folder.glob("*.h5"))
        hint = _how_to_compile(networks[0]) if networks else "Make one with: make train"
        raise BundleError(f"{path} is missing. {hint}")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BundleError(f"{path} is not JSON: {error}") from error
    if not isinstance(card, dict):
        raise BundleError(f"{path} is not a JSON object.")
    return card


def _check_files(folder: Path, hashes: dict[str, str], h5: str, onnx: str) -> None:
    for name in {h5: 0, onnx: 0, **hashes}:
        _check(folder / name, hashes[name], folder / h5)


def _check(path: Path, sha256: str, h5: Path) -> None:
    if not path.is_file():
        raise BundleError(f"{path} is missing. {_how_to_compile(h5)}")
    if file_sha256(path) != sha256:
        raise BundleError(f"{path} is not the file that {CARD} describes. {_how_to_compile(h5)}")


def _how_to_compile(network: Path) -> str:
    return f"If {network} is the network to serve, compile it with: python -m training publish --h5 {network}"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
