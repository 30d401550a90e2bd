from collections.abc import Callable, Mapping
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
        plan = {"teachers": [{"path": str(teacher)}], "views": 2, **plan}
        return QUICK.model_copy(update={"distillation": Distillation.model_validate(plan), "patience": 50})

    return make


def test_a_student_learns_from_its_teacher_and_the_teacher_stays_as_it_was(
    teacher: Path, taught: Callable[..., Experiment], rows: list[Row], tmp_path: Path
) -> None:
    before = teacher.read_bytes()
    student = train(rows, tmp_path / "student", experiment=taught())
    assert keras.models.load_model(student, compile=False).count_params() == 616_739
    assert teacher.read_bytes() == before


def test_views_may_be_larger_than_every_stage(
    taught: Callable[..., Experiment], rows: list[Row], tmp_path: Path
) -> None:
    experiment = taught(size=2 * SIZE).model_copy(update={"stages": QUICK.stages[1:]})
    student = train(rows, tmp_path / "student", experiment=experiment)
    assert keras.models.load_model(student, compile=False).input_shape == (None, SIZE, SIZE, 3)
    with pytest.raises(TrainingError, match="a multiple of every stage's"):
        train(rows, tmp_path / "other", experiment=taught(size=SIZE + 1))


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
    teacher: Path, taught: Callable[..., Experiment], rows: list[Row], tmp_path: Path
) -> None:
    rows = [replace(row, institution="far" if number % 2 else "near") for number, row in enumerate(rows)]
    experiment = taught(trust=1.0, teachers=[{"path": str(teacher), "institutions": ["near"]}])
    targets = Lessons(experiment, rows, SIZE, tmp_path).examples(0).targets
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


def test_of_several_teachers_those_that_know_the_institution_share_the_target(
    teacher: Path, taught: Callable[..., Experiment], rows: list[Row], tmp_path: Path
) -> None:
    other = tmp_path / "other.h5"
    network = keras.models.load_model(teacher, compile=False)
    network.get_layer("probabilities").set_weights([-w for w in network.get_layer("probabilities").get_weights()])
    network.save(other)
    rows = [replace(row, institution="far" if number % 2 else "near") for number, row in enumerate(rows)]

    def targets(*teachers: Mapping[str, object]) -> np.ndarray:
        return Lessons(taught(trust=1.0, teachers=list(teachers)), rows, SIZE, tmp_path).examples(0).targets

    one, two = {"path": str(teacher)}, {"path": str(other), "institutions": ["near"]}
    both = targets(one, two)
    np.testing.assert_allclose(both[1::2], targets(one)[1::2], atol=1e-6)
    np.testing.assert_allclose(both[::2], (targets(one) + targets(two))[::2] / 2, atol=1e-6)


def test_slices_laid_over_each_other_have_the_teachers_word_alone(
    taught: Callable[..., Experiment], rows: list[Row], tmp_path: Path
) -> None:
    plain, mixed = (Lessons(taught(trust=0.0, mixup=m), rows, SIZE, tmp_path) for m in (0.0, 0.5))
    laid_over = mixed.view(0).mixed
    assert 0.2 < laid_over.mean() < 0.8
    changed = (plain.examples(0).pixels != mixed.examples(0).pixels).any(axis=(1, 2))
    assert not (changed & ~laid_over).any()
    assert changed.sum() > 0.9 * laid_over.sum()  # a slice may be laid over itself
    assert (mixed.examples(0).targets[laid_over].max(axis=1) < 1).all()
    np.testing.assert_array_equal(mixed.examples(0).targets[~laid_over], plain.examples(0).targets[~laid_over])


def test_a_teacher_that_learned_from_the_students_test_patients_is_refused(
    teacher: Path, taught: Callable[..., Experiment], rows: list[Row], tmp_path: Path
) -> None:
    another_split = taught().model_copy(update={"seed": 5})
    with pytest.raises(TrainingError, match="shall be judged on"):
        train(rows, tmp_path / "student", experiment=another_split)


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
