"""The comparison of all networks, by the command that a person types, on synthetic slices."""

import csv
from pathlib import Path

import pytest

from model import zoo
from training import compare
from training.__main__ import main
from training.errors import TrainingError

PAPERS = sorted(set(zoo.NETWORKS) - {"efficientnet_lite0"})


@pytest.fixture(scope="module")
def compared(kaggle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    assert main(["prepare", str(kaggle_folder), "--out", str(folder / "manifest.csv")]) == 0
    assert main(words(folder, "quick")) == 0
    return folder


def words(folder: Path, *configs: str) -> list[str]:
    data = ["--manifest", str(folder / "manifest.csv"), "--cache", str(folder / "cache")]
    return ["compare", "--configs", *configs, *data, "--out", str(folder / "out")]


def test_the_table_has_a_line_for_each_of_the_seven_networks(compared: Path) -> None:
    with (compared / "out" / "comparison.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["name"] for line in lines] == PAPERS
    assert all(0 <= float(line["train_accuracy"]) <= 1 for line in lines)
    assert all(line[column] for line in lines for column in compare.HEADINGS)
    table = (compared / "out" / "comparison.md").read_text()
    assert table.startswith("Made by `python -m training compare --configs quick")
    assert "| custom_cnn | patient |" in table
    assert "| 616,739 |" in table


def test_the_table_is_put_into_a_document(compared: Path, tmp_path: Path) -> None:
    document = tmp_path / "results.md"
    document.write_text("# Results\n\n<!-- written by compare --configs quick -->\nstale\n<!-- end -->\n\nMore.\n")
    assert main([*words(compared, "quick"), "--write", str(document)]) == 0
    text = document.read_text()
    assert text.startswith("# Results\n")
    assert text.endswith("\n\nMore.\n")
    assert "| custom_cnn | patient |" in text
    assert "stale" not in text


def test_every_network_has_its_figures(compared: Path) -> None:
    assert (compared / "out" / "histories.png").read_bytes().startswith(b"\x89PNG")
    for name in PAPERS:
        assert (compared / "out" / f"history_{name}.png").is_file()
        assert (compared / "out" / name / "report" / "confusion_matrix.png").is_file()


def test_what_is_done_is_not_done_again(compared: Path) -> None:
    made = {path: path.stat().st_mtime_ns for path in compared.rglob("*.h5")}
    assert main(words(compared, "quick")) == 0
    assert {path: path.stat().st_mtime_ns for path in compared.rglob("*.h5")} == made


def test_beside_a_random_split_stands_what_the_same_network_reaches_on_new_patients(
    compared: Path, tmp_path: Path
) -> None:
    config = tmp_path / "leaky.toml"
    quick = (compare.CONFIGS / "quick" / "custom_cnn.toml").read_text()
    config.write_text(quick + '\n[split]\nkind = "random"\n')
    assert main(words(compared, str(config))) == 0
    with (compared / "out" / "comparison.csv").open() as file:
        (line,) = csv.DictReader(file)
    assert line["split"] == "random"
    assert "(" in line["patient_auc"]
    assert (compared / "out" / "leaky-patient" / "test.csv").is_file()


def test_to_choose_among_recipes_the_test_patients_stay_unseen(compared: Path, tmp_path: Path) -> None:
    config = tmp_path / "chosen.toml"
    config.write_text((compare.CONFIGS / "quick" / "custom_cnn.toml").read_text())
    assert main([*words(compared, str(config)), "--validation-only"]) == 0
    with (compared / "out" / "comparison.csv").open() as file:
        (line,) = csv.DictReader(file)
    assert 0 <= float(line["validation_auc"]) <= 1
    assert {line[column] for column in (*compare.TESTED, "patient_auc")} == {compare.UNSEEN}
    assert not (compared / "out" / "chosen" / "bundle").exists()


def test_a_name_of_no_experiment_is_an_error() -> None:
    with pytest.raises(TrainingError, match="nonsense is no experiment"):
        compare.find(["nonsense"])


def test_two_experiments_of_one_name_are_an_error() -> None:
    with pytest.raises(TrainingError, match="Two experiments are named shipped"):
        compare.find(["shipped", "shipped"])
