"""Figures of the benchmarks, printed and put into the documents."""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.conftest import ROOT
from training.document import write_block

CORES: Final = len(os.sched_getaffinity(0))


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Let a command write its block."""
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into their block of this document")


def give(text: str, file: Path | None) -> None:
    """Print what was measured, and put it into the block of the running script in `file`, where one is named."""
    print(text)
    if file:
        write_block(file, _script(), f"{text}\n\n{_origin()}")


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
