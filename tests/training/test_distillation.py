from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from model.phantom import lung_phantom
from tests.training.test_fit import QUICK, train
from training.distillation import Lessons, load_teacher
from training.errors import TrainingError
from training.experiment import Distillation, Experiment
from training.manifest import Row

SIZE = 64


@pytest.fixture(scope="module")
def teacher(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(rows, tmp_path_factory.mktemp("teachers") / "teacher")


@pytest.fixture
def taught(teacher: Path) -> Callable[..., Experiment]:
    def make(**plan: object) -> Experiment:
        plan = {"teacher": str(teacher), "views": 2, **plan}
        return QUICK.model_copy(update={"distillation": Distillation.model_validate(plan), "patience": 50})

    return make


def test_a_student_learns_from_its_teacher_and_the_teacher_stays_as_it_was(
    teacher: Path, taught: Callable[..., Experiment], rows: list[Row], tmp_path: Path
) -> None:
    before = teacher.read_bytes()
    student = train(rows, tmp_path / "student", experiment=taught())
    assert keras.models.load_model(student, compile=False).count_params() == 616_739
    assert teacher.read_bytes() == before


def test_the_views_of_a_slice_differ_and_are_made_once(
    taught: Callable[..., Experiment], rows: list[Row], tmp_path: Path
) -> None:
    lessons = Lessons(taught(), rows, SIZE, tmp_path)
    first, second = lessons.examples(0), lessons.examples(1)
    assert not np.array_equal(first.pixels, second.pixels)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.glob("view-*")}
    again = Lessons(taught(), rows, SIZE, tmp_path).examples(2)  # the third epoch begins anew with the first view
    np.testing.assert_array_equal(first.pixels, again.pixels)
    np.testing.assert_array_equal(first.targets, again.targets)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("view-*")} == made


def test_the_target_is_shared_between_teacher_and_label(
    taught: Callable[..., Experiment], rows: list[Row], tmp_path: Path
) -> None:
    lessons = [Lessons(taught(trust=trust), rows, SIZE, tmp_path).examples(0) for trust in (0.0, 0.5, 1.0)]
    label, half, opinion = (examples.targets for examples in lessons)
    np.testing.assert_allclose(half, (label + opinion) / 2, atol=1e-6)
    np.testing.assert_array_equal(label.argmax(axis=1), [["noncovid", "covid", "cap"].index(r.label) for r in rows])
    np.testing.assert_allclose(half.sum(axis=1), 1, atol=1e-5)


def test_where_the_teacher_was_not_trained_the_label_is_the_target(
    taught: Callable[..., Experiment], rows: list[Row], tmp_path: Path
) -> None:
    rows = [replace(row, institution="far" if number % 2 else "near") for number, row in enumerate(rows)]
    targets = Lessons(taught(trust=1.0, institutions=["near"]), rows, SIZE, tmp_path).examples(0).targets
    assert set(targets[1::2].max(axis=1)) == {1.0}
    assert max(targets[::2].max(axis=1)) < 1


def test_slices_without_a_label_have_the_teachers_target(
    taught: Callable[..., Experiment], rows: list[Row], tmp_path: Path
) -> None:
    folder = tmp_path / "more" / "series"
    folder.mkdir(parents=True)
    for seed in range(3):
        Image.fromarray(lung_phantom("covid", seed)).save(folder / f"{seed}.png")
    (folder / "readme.txt").write_text("no slice")
    examples = Lessons(taught(unlabelled=str(tmp_path / "more"), trust=0.0), rows, SIZE, tmp_path).examples(0)
    assert len(examples.pixels) == len(rows) + 3
    np.testing.assert_allclose(examples.targets.sum(axis=1), 1, atol=1e-5)
    assert max(examples.targets[-3:].max(axis=1)) < 1


@pytest.mark.parametrize("content", [None, b"not a network"])
def test_a_teacher_that_is_not_there_or_is_none_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "teacher.h5"
    if content:
        path.write_bytes(content)
    with pytest.raises(TrainingError, match="The teacher"):
        load_teacher(str(path))


def test_a_folder_without_slices_is_an_error(
    taught: Callable[..., Experiment], rows: list[Row], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match="No readable slice"):
        Lessons(taught(unlabelled=str(tmp_path / "empty")), rows, SIZE, tmp_path)
