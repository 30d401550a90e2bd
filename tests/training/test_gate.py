from pathlib import Path

import numpy as np
import pytest

from model.errors import BundleError
from model.gate import Gate
from model.phantom import chest_phantom, lung_phantom
from model.pictures import Picture
from model.preprocessing import Preprocessing
from model.window import LUNG
from tests.pictures import encode
from training import gate
from training.counterexamples import KINDS, counterexample
from training.manifest import Row
from training.variants import variant

LABELS = ("covid", "noncovid", "cap")


def rows(folder: Path) -> list[Row]:
    """Phantoms of two institutions as files."""
    found = []
    for number in range(60):
        label = LABELS[number % 2]
        path = folder / f"{number}.png"
        path.write_bytes(encode(lung_phantom(label, number, 96)))
        found.append(Row(str(path), label, str(number), f"hospital {number % 3}", str(number), str(number)))
    return found


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> gate.Examples:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "A_KIND", 40)
        return gate.examples(rows(tmp_path_factory.mktemp("slices")), Preprocessing())


@pytest.fixture(scope="module")
def made(examples: gate.Examples, tmp_path_factory: pytest.TempPathFactory) -> Gate:
    path = tmp_path_factory.mktemp("gate") / "gate.npz"
    gate.fit(examples).save(path)
    return Gate.load(path, gate.to_card(gate.threshold(examples)))


def accepted(made: Gate, pixels: np.ndarray) -> bool:
    return made.decide(Picture(pixels), Preprocessing().resize(np.ascontiguousarray(pixels))).accepted


def test_the_gate_keeps_97_percent_of_slices_whose_patients_it_has_not_seen(examples: gate.Examples) -> None:
    one_half = np.array([patient == "" or int(patient) % 2 == 0 for patient in examples.patients])
    known, others = examples.at(one_half), examples.at(~one_half & examples.plain)
    assert (gate.fit(known).logits(others.numbers)[:, 0] <= gate.threshold(known)).mean() >= 0.9
    assert gate.to_card(0.0)["kept"] == gate.KEPT


def test_slices_like_those_of_training_pass(made: Gate) -> None:
    assert np.mean([accepted(made, lung_phantom("covid", seed, 256)) for seed in range(500, 520)]) >= 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_chest_is_refused(made: Gate, kind: str) -> None:
    """Not always: some details and sheets are chests all the same."""
    random = np.random.default_rng(7)
    pictures = [counterexample(kind, lung_phantom("covid", 600 + seed, 128), random) for seed in range(20)]
    assert np.mean([accepted(made, pixels) for pixels in pictures]) <= 0.2


@pytest.mark.parametrize("seed", range(4))
def test_an_inverted_slice_is_refused_whatever_its_window_and_crop(made: Gate, seed: int) -> None:
    random = np.random.default_rng(seed)
    (chest,) = LUNG.apply(chest_phantom("covid", seed, [0.4], 192))
    for pixels in (chest, lung_phantom("noncovid", seed), variant(chest, random)):
        assert not accepted(made, 255 - pixels)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((128, 128), np.uint8),
        np.full((128, 128), 130, np.uint8),
        np.random.default_rng(0).integers(0, 256, (128, 128), np.uint8),
        np.random.default_rng(0).normal(128, 20, (300, 300)).astype(np.uint8),
    ],
    ids=["black", "gray", "noise", "faint noise"],
)
def test_what_shows_nothing_is_refused(made: Gate, pixels: np.ndarray) -> None:
    assert not accepted(made, pixels)


def test_a_source_that_is_left_out_is_judged_by_a_gate_without_it(examples: gate.Examples) -> None:
    found = gate.sources_left_out(examples)
    assert list(found) == ["hospital 0", "hospital 1", "hospital 2"]
    assert all(row["slices"] == 20 and 0 <= row["refused"] <= 0.3 for row in found.values())


def test_a_file_of_another_shape_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "gate.npz", weight0=np.zeros((9, 1), np.float32), bias0=np.zeros(1, np.float32))
    with pytest.raises(BundleError, match=r"gate\.npz is not the gate that the card describes: it takes 9 numbers"):
        Gate.load(tmp_path / "gate.npz", gate.to_card(0.0))
