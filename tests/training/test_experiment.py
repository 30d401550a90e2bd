from pathlib import Path

import pytest

from tests.conftest import ROOT
from training import experiment
from training.errors import TrainingError

CONFIGS = sorted((ROOT / "training" / "configs").rglob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_config_loads_and_states_its_command(path: Path) -> None:
    experiment.load(path)
    text = path.read_text()
    of_file, of_folder = f"training/configs/{path.name}", f"compare --configs {path.parent.name}"
    assert of_file in text or of_folder in text or f"compare --configs {path.stem}" in text


def test_an_empty_file_is_the_papers_tuned_network(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("")
    (stage,) = experiment.load(tmp_path / "empty.toml").stages
    assert (stage.learning_rate, stage.decay_rate, stage.decay_steps) == (0.001886, 0.936, 99_855)
    assert (stage.size, stage.epochs, stage.batch_size) == (256, 100, 32)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sede = 1", "sede"),
        ("seed = 'one'", "seed"),
        ("[augmentation]\nzoon = 1.0", "augmentation.zoon"),
        ("[augmentation]\nzoom = 2.0", "augmentation.zoom"),
        ("[[stages]]\nsize = 100", "stages.0.size"),
        ("[[stages]]\nschedule = 'linear'", "stages.0.schedule"),
        ("stages = []", "stages"),
        ("[network]\nname = 'alexnet'", "network.name"),
        ("seed = ", "not valid TOML"),
    ],
)
def test_a_mistake_is_an_error_that_names_the_key(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(TrainingError, match=named):
        experiment.load(tmp_path / "wrong.toml")


def test_a_file_says_only_where_it_differs_from_the_one_it_extends(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text("seed = 3\n[network]\ndropout = 0.5\npooling = 'flatten'")
    (tmp_path / "one.toml").write_text("extends = 'base.toml'\n[network]\ndropout = 0.1\n[[stages]]\nsize = 64")
    one = experiment.load(tmp_path / "one.toml")
    assert (one.seed, one.network.dropout, one.network.pooling) == (3, 0.1, "flatten")
    assert [stage.size for stage in one.stages] == [64]


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="is not there"):
        experiment.load(tmp_path / "none.toml")
    (tmp_path / "round.toml").write_text("extends = 'round.toml'")
    with pytest.raises(TrainingError, match="extends itself"):
        experiment.load(tmp_path / "round.toml")
    (tmp_path / "one.toml").write_text("extends = 'none.toml'")
    with pytest.raises(TrainingError, match=r"none\.toml is not there"):
        experiment.load(tmp_path / "one.toml")
