"""The artefact that is shipped: a network, its compiled form, and the card that says what they are.

    custom_cnn.h5      the network, as Keras saves it
    custom_cnn.onnx    the same, compiled for ONNX Runtime
    card.json          labels, preprocessing, training data, metrics, versions, and the SHA-256 of both files

Only `training.publish` writes a bundle. Loading checks every hash: a network and a card that do not belong
together would give wrong numbers without a sign.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from model.errors import BundleError
from model.preprocessing import Preprocessing
from model.study_rule import StudyRule

CARD: Final = "card.json"
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
    card: dict[str, Any]
    """The whole card, as read."""

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
        bundle = Bundle(
            folder=folder,
            name=name,
            version=card["version"],
            sha256=hashes[f"{name}.h5"],
            labels=tuple(card["labels"]),
            preprocessing=Preprocessing.from_card(card["preprocessing"]),
            study_rule=StudyRule.from_card(card.get("study_rule")),
            card=card,
        )
        expected = {bundle.h5: hashes[bundle.h5.name], bundle.onnx: hashes[bundle.onnx.name]}
    except (KeyError, TypeError) as error:
        raise BundleError(f"{folder / CARD} lacks or garbles a field: {error}") from error
    for path, sha256 in expected.items():
        _check(path, sha256)
    return bundle


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


def _check(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise BundleError(f"{path} is missing. {_how_to_compile(path.with_suffix('.h5'))}")
    if file_sha256(path) != sha256:
        raise BundleError(f"{path} is not the file that {CARD} describes. {_how_to_compile(path.with_suffix('.h5'))}")


def _how_to_compile(network: Path) -> str:
    return f"If {network} is the network to serve, compile it with: python -m training publish --h5 {network}"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
