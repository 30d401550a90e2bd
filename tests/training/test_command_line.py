"""The whole way, by the commands that a person types."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from app import create_app
from model import bundle
from model.engine import create_engine
from model.phantom import lung_phantom
from tests.conftest import ROOT
from tests.pictures import slice_file
from training.__main__ import main

QUICK = str(ROOT / "training" / "configs" / "quick" / "custom_cnn.toml")


@pytest.fixture(scope="module")
def made(kaggle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a manifest, a finished run and the bundle published from it."""
    folder = tmp_path_factory.mktemp("made")
    manifest, run = folder / "manifest.csv", folder / "run"
    assert main(["prepare", str(kaggle_folder), "--out", str(manifest)]) == 0
    words = ["fit", QUICK, "--manifest", str(manifest), "--out", str(run), "--cache", str(folder / "cache")]
    assert main(words) == 0
    assert main(["publish", str(run), "--bundle", str(folder / "bundle")]) == 0
    return folder


def test_what_is_published_loads_and_serves(made: Path) -> None:
    client = create_app({"BUNDLE": made / "bundle"}).test_client()
    answer = client.post("/predict", data=slice_file(), content_type="image/png").get_json()
    assert answer["model"]["sha256"] == bundle.file_sha256(made / "run" / "custom_cnn.h5")


def test_the_card_holds_data_split_figures_and_the_command(made: Path) -> None:
    card = json.loads((made / "bundle" / "card.json").read_text())
    assert card["preprocessing"]["size"] == 64
    assert card["training"]["experiment"]["seed"] == 1
    assert set(card["training"]["data"]["test"]["sources"]) == {"north", "south"}
    assert card["study_rule"]["name"] == "mean_of_logits"
    assert card["metrics"]["command"].startswith("python -m training publish ")
    assert card["metrics"]["test"]["all"]["slices"] > 0


def test_both_engines_agree_on_it(made: Path) -> None:
    published = bundle.load(made / "bundle")
    batch = published.preprocessing.batch([lung_phantom("covid", seed) for seed in range(4)])
    onnx, keras = (create_engine(published, name).run(batch).probabilities for name in ("onnx", "keras"))
    np.testing.assert_allclose(onnx, keras, atol=1e-4)


def test_evaluate_prints_the_table_of_the_card(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--manifest", str(made / "run" / "test.csv"), "--bundle", str(made / "bundle")]
    assert main([*words, "--json", str(made / "figures.json"), "--report", str(made / "report")]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("| source | slices | patients | accuracy |")
    card = json.loads((made / "bundle" / "card.json").read_text())
    assert json.loads((made / "figures.json").read_text()) == card["metrics"]["test"]
    page = (made / "report" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 7
    assert 'src="http' not in page
    assert "Share of the heat inside the lungs" in page
    assert {path.name for path in (made / "report").glob("*.png")} == {
        "confusion_matrix.png",
        "deletion_with_a_blur.png",
        "deletion_with_the_mean_gray.png",
        "history.png",
        "reliability.png",
        "risk_and_coverage.png",
        "roc.png",
    }


def test_a_bare_h5_is_compiled_in_place(made: Path, tmp_path: Path) -> None:
    """What the server tells to do when somebody puts a new .h5 into the bundle."""
    folder = Path(shutil.copytree(made / "bundle", tmp_path / "bundle"))
    (folder / "custom_cnn.onnx").unlink()
    (folder / "card.json").unlink()
    assert main(["publish", "--h5", str(folder / "custom_cnn.h5"), "--bundle", str(folder)]) == 0
    assert bundle.load(folder).card["metrics"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["prepare", "no/such/folder"], "is not a folder"),
        (["fit", "no.toml", "--out", "run"], "no.toml is not there"),
        (["fit", QUICK, "--manifest", "no.csv", "--out", "run"], "python -m training prepare"),
        (["publish", "no/such/run"], "holds no run"),
        (["publish", "--h5", "no.h5"], "no.h5 is not there"),
        (["publish", "--h5", QUICK], "not a network"),
        (["evaluate", "--manifest", "no.csv"], "no.csv is not there"),
    ],
)
def test_mistakes_are_answered_with_a_sentence(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert message in printed
