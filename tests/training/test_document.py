"""The blocks of a document that commands write."""

from pathlib import Path

import pytest

from training.document import write_block
from training.errors import TrainingError

DOCUMENT = (
    "Before.\n\n<!-- written by one -->\n\n1\n\n<!-- end -->\n\nBetween.\n\n<!-- written by two -->\n<!-- end -->\n"
)


def test_a_command_writes_its_own_block_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "results.md"
    file.write_text(DOCUMENT)
    write_block(file, "one", "| a |\n")
    assert file.read_text() == DOCUMENT.replace("\n1\n", "\n| a |\n")
    write_block(file, "two", "2")
    assert "<!-- written by two -->\n\n2\n\n<!-- end -->\n" in file.read_text()


@pytest.mark.parametrize("text", ["", DOCUMENT + DOCUMENT])
def test_a_document_without_the_block_or_with_two_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "results.md"
    file.write_text(text)
    with pytest.raises(TrainingError, match="not one"):
        write_block(file, "one", "| a |")
    assert file.read_text() == text
