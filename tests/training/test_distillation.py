from pathlib import Path

import keras
import numpy as np
import pytest

from tests.training.test_fit import QUICK, train
from training.distillation import Imitate, load_teacher
from training.errors import TrainingError
from training.experiment import Distillation, Experiment
from training.manifest import Row

TEACHER = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], np.float32)


def divergence(student: np.ndarray, weight: float = 1.0, temperature: float = 1.0) -> float:
    layer = Imitate(weight, temperature)
    np.testing.assert_array_equal(layer(student, TEACHER), student)
    return float(sum(layer.losses))


def test_an_imitation_costs_nothing_and_a_difference_its_divergence() -> None:
    assert divergence(TEACHER) == pytest.approx(0, abs=1e-6)
    student = np.full((2, 3), 1 / 3, np.float32)
    expected = (TEACHER * np.log(TEACHER * 3)).sum(axis=1).mean()
    assert divergence(student) == pytest.approx(expected, rel=1e-4)
    assert divergence(student, weight=3.0) == pytest.approx(3 * expected, rel=1e-4)


def test_a_higher_temperature_keeps_the_size_of_the_loss() -> None:
    student = np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]], np.float32)
    assert 0.5 < divergence(student, temperature=4.0) / divergence(student) < 2


def distilled(teacher: Path, weight: float) -> Experiment:
    plan = Distillation(teacher=str(teacher), weight=weight)
    return QUICK.model_copy(update={"distillation": plan, "patience": 50})


@pytest.fixture(scope="module")
def teacher(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(rows, tmp_path_factory.mktemp("teachers") / "teacher")


def test_a_student_of_half_the_size_learns_beside_its_teacher(teacher: Path, rows: list[Row], tmp_path: Path) -> None:
    student = train(rows, tmp_path / "student", experiment=distilled(teacher, 1.0))
    assert keras.models.load_model(student, compile=False).count_params() == 616_739
    before = keras.models.load_model(teacher, compile=False).get_weights()
    after = load_teacher(Distillation(teacher=str(teacher))).get_weights()
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("content", [None, b"not a network"])
def test_a_teacher_that_is_not_there_or_is_none_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "teacher.h5"
    if content:
        path.write_bytes(content)
    with pytest.raises(TrainingError, match="The teacher"):
        load_teacher(Distillation(teacher=str(path)))
