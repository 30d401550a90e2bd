"""Figures in the documents: each table stands in a block that names its command, and that command alone writes it."""

import re
from pathlib import Path
from typing import Final

from training.errors import TrainingError

BEGIN: Final = "<!-- written by {} -->"
END: Final = "<!-- end -->"


def write_block(file: Path, command: str, text: str) -> None:
    """Put `text` (Markdown) into the block of `command`, in place of what stands there.

    Raises:
        TrainingError: the document has not exactly one block of that command.
    """
    document = file.read_text(encoding="utf-8")
    pattern = re.compile(f"({re.escape(BEGIN.format(command))}\n).*?({re.escape(END)})", re.DOTALL)
    written, found = pattern.subn(lambda match: f"{match[1]}\n{text.strip()}\n\n{match[2]}", document)
    if found != 1:
        raise TrainingError(f"{file} has {found} blocks {BEGIN.format(command)} … {END}, not one.")
    file.write_text(written, encoding="utf-8")
