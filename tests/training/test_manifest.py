from dataclasses import replace
from pathlib import Path

import pytest

from training import manifest
from training.errors import TrainingError
from training.manifest import Row


def test_written_and_read_it_is_the_same(rows: list[Row], tmp_path: Path) -> None:
    manifest.write(rows, tmp_path / "a" / "manifest.csv")
    assert manifest.read(tmp_path / "a" / "manifest.csv") == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na.png,covid\n", "needs the columns path, label, patient, institution, sha256"),
        ("path,label,patient,institution,sha256\na.png,flu,1,x,0\n", r"labels \['flu'\]"),
    ],
)
def test_a_manifest_of_another_form_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(TrainingError, match=message):
        manifest.read(tmp_path / "manifest.csv")


def test_a_missing_manifest_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="python -m training prepare"):
        manifest.read(tmp_path / "manifest.csv")


def test_the_digest_depends_on_contents_and_labels_only(rows: list[Row]) -> None:
    moved = [replace(row, path=f"/elsewhere/{number}") for number, row in enumerate(reversed(rows))]
    assert manifest.digest(moved) == manifest.digest(rows)
    relabelled = [replace(rows[0], label="cap"), *rows[1:]]
    assert manifest.digest(relabelled) != manifest.digest(rows)
