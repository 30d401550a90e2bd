"""Figures in the documents: each table stands in a block that names its command, and that command alone writes it."""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.conftest import ROOT

CORES: Final = len(os.sched_getaffinity(0))
BEGIN, END = "<!-- written by {} -->", "<!-- end -->"


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Let a command write its block."""
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into their block of this document")


def give(text: str, file: Path | None) -> None:
    """Print what was measured, and put it into the block of the running script in `file`, where one is named."""
    print(text)
    if file:
        document = file.read_text()
        pattern = re.compile(f"({re.escape(BEGIN.format(_script()))}\n).*?({re.escape(END)})", re.DOTALL)
        block = f"\n{text}\n\n{_origin()}\n\n"
        written, found = pattern.subn(lambda match: match[1] + block + match[2], document)
        if found != 1:
            raise SystemExit(f"{file} has {found} blocks {BEGIN.format(_script())} … {END}, not one.")
        file.write_text(written)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _script() -> str:
    return Path(sys.argv[0]).resolve().relative_to(ROOT).as_posix()


def _origin() -> str:
    """The command, without what is this machine's alone, and the machine."""
    words = shlex.join(["python", _script(), *sys.argv[1:]])
    command = re.sub(r"(--other-python) \S+", r"\1 …", words)
    return f"`{command}`, on {CORES} cores ({_processor()})."


def _processor() -> str:
    names = re.findall(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return names[0] if names else "of an unknown kind"
