from pathlib import Path

import numpy as np
import pytest

from model.errors import BundleError
from model.gate import Gate, seen
from model.phantom import lung_phantom
from model.pictures import Picture
from model.window import LUNG
from training import gate

NUMBERS = 8
USUAL = np.random.default_rng(0)


def numbers(seeds: range) -> np.ndarray:
    """What the gate looks at in phantoms, with features that are alike in all of them."""
    return np.stack(
        [seen(USUAL.normal(size=NUMBERS).astype(np.float32), lung_phantom("covid", seed, 64)) for seed in seeds]
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    views, threshold = gate.fit(numbers(range(80)), numbers(range(80, 140)))
    path = tmp_path_factory.mktemp("gate") / "gate.npz"
    np.savez(path, allow_pickle=False, **gate.matrices(views))
    return Gate.load(path, gate.to_card(views, threshold))


def accepted(made: Gate, pixels: np.ndarray, features: float = 0.0) -> bool:
    return made.decide(Picture(pixels), LUNG, np.full(NUMBERS, features, np.float32)).accepted


def test_the_gate_keeps_97_percent_of_what_chose_its_threshold() -> None:
    learned, chosen = numbers(range(80)), numbers(range(80, 180))
    views, threshold = gate.fit(learned, chosen)
    assert (np.max([view.distance(chosen) for view in views], axis=0) <= threshold).mean() >= gate.KEPT


def test_a_gate_asks_for_the_networks_numbers(made: Gate) -> None:
    assert made.inputs == NUMBERS


def test_slices_like_those_of_training_pass(made: Gate) -> None:
    assert accepted(made, lung_phantom("covid", 500, 64))


@pytest.mark.parametrize("turn", ["inverted", "on its side", "upside down", "quarters in another order"])
def test_a_picture_that_no_scanner_makes_is_refused(made: Gate, turn: str) -> None:
    slice_ = lung_phantom("covid", 500, 64)
    half = len(slice_) // 2
    pixels = {
        "inverted": 255 - slice_,
        "on its side": np.rot90(slice_),
        "upside down": slice_[::-1],
        "quarters in another order": np.roll(slice_, half, (0, 1)),
    }[turn]
    assert not accepted(made, np.ascontiguousarray(pixels))


def test_features_far_from_those_of_training_are_refused(made: Gate) -> None:
    assert not accepted(made, lung_phantom("covid", 500, 64), features=9.0)


def test_a_card_that_names_other_components_is_refused(tmp_path: Path) -> None:
    views, threshold = gate.fit(numbers(range(80)), numbers(range(80, 140)))
    np.savez(tmp_path / "gate.npz", allow_pickle=False, **gate.matrices(views))
    card = gate.to_card(views, threshold)
    card["views"][0]["components"] += 1
    with pytest.raises(BundleError, match=r"gate\.npz is not the gate that the card describes"):
        Gate.load(tmp_path / "gate.npz", card)
