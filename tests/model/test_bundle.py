import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from model import bundle
from model.errors import BundleError
from tests.conftest import ROOT
from training.evaluate import markdown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped bundle, to be damaged."""
    return Path(shutil.copytree(bundle.DEFAULT_FOLDER, tmp_path / "bundle"))


def test_the_shipped_bundle_loads() -> None:
    shipped = bundle.load()
    assert shipped.name == "custom_cnn"
    assert shipped.labels == ("noncovid", "covid", "cap")
    assert shipped.preprocessing.size == 256
    assert shipped.sha256 == bundle.file_sha256(shipped.h5)


def test_the_shipped_card_tells_where_its_network_and_its_figures_come_from() -> None:
    card = bundle.load().card
    assert card["parameters"] == 616_739
    assert card["metrics"]["command"].startswith("python -m training publish")
    assert set(card["training"]["data"]) == {"train", "validation", "test"}
    for part in card["training"]["data"].values():
        assert len(part["sha256"]) == 64
        assert part["sources"]
    assert {"keras", "numpy", "onnxruntime", "pillow", "python"} <= set(card["versions"])


def test_the_table_of_the_readme_is_the_cards() -> None:
    assert markdown(bundle.load().card["metrics"]["test"]) in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("file", ["custom_cnn.h5", "custom_cnn.onnx", "gate.npz", "head.npz"])
def test_a_changed_file_is_refused(folder: Path, file: str) -> None:
    with (folder / file).open("ab") as opened:
        opened.write(b"!")
    with pytest.raises(BundleError, match=f"{file} is not the file that card.json describes"):
        bundle.load(folder)


def test_a_gate_of_another_shape_is_refused(folder: Path) -> None:
    """Though its hash is the card's."""
    np.savez(folder / bundle.GATE, allow_pickle=False, mean=np.ones(7), whiten=np.ones((3, 8)))
    card = json.loads((folder / "card.json").read_text())
    card["files"][bundle.GATE] = bundle.file_sha256(folder / bundle.GATE)
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(BundleError, match=r"gate\.npz is not the gate that the card describes"):
        bundle.load(folder)


def test_a_new_h5_alone_is_refused_with_the_command_that_compiles_it(folder: Path) -> None:
    (folder / "custom_cnn.onnx").unlink()
    with pytest.raises(BundleError, match=r"python -m training publish --h5 .*custom_cnn\.h5"):
        bundle.load(folder)
    (folder / "card.json").unlink()
    with pytest.raises(BundleError, match=r"python -m training publish --h5 .*custom_cnn\.h5"):
        bundle.load(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="make train"):
        bundle.load(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"name": "custom_cnn", "files": 3}'])
def test_a_garbled_card_is_refused(folder: Path, text: str) -> None:
    (folder / "card.json").write_text(text)
    with pytest.raises(BundleError, match=r"card\.json"):
        bundle.load(folder)


def test_a_card_with_a_field_less_is_refused(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text())
    del card["labels"]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(BundleError, match="labels"):
        bundle.load(folder)
