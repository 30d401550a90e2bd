"""What a host must hold: the size of what is installed, and memory.

    python tests/benchmarks/footprint.py [--write docs/deploy.md]

Installs the server into a clean copy of the last commit, as the Dockerfile and Heroku's buildpack do, and weighs it;
needs a package index. Then starts it with one worker and with two. Memory is proportional, of all processes together:
at rest, after slices from 4 clients, and the most while it reads a study of 60 slices of 512 × 512 pixels (zipped).
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks import document
from tests.benchmarks.document import table
from tests.benchmarks.load import load, upload
from tests.conftest import ROOT
from tests.pictures import slice_file
from tests.scans import dicom_series, scan, zipped
from tests.server import Server, proportional_megabytes, start, stop

PACKAGES = ".venv/.requirements-serve.txt"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    document.add_argument(parser)
    arguments = parser.parse_args()
    memory = table(
        ["workers", "ready after, s", "memory at rest, MB", "after slices, MB", "reading a study, MB at most"],
        [memory_row(workers) for workers in (1, 2)],
    )
    document.give(f"{table(['what', 'MB'], sizes())}\n\n{memory}", arguments.write)


def sizes() -> list[tuple[str, str]]:
    """Megabytes of the parts of an installation."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary)
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True)
        left_out = [f"--exclude=./{line.strip('/')}" for line in (ROOT / ".slugignore").read_text().split()]
        subprocess.run(["tar", "-x", "-C", copy], input=archive.stdout, check=True)
        subprocess.run(["make", "--silent", PACKAGES], cwd=copy, check=True, stdout=sys.stderr)
        packed = subprocess.run(["tar", "-cz", *left_out, "."], cwd=copy, check=True, capture_output=True)
        served = ["app", "model", "static", "templates"]
        return [
            ("code and network", _megabytes(*(copy / name for name in served))),
            (f"packages of `requirements-serve.txt`, installed (`make {PACKAGES}`)", _megabytes(copy / ".venv")),
            ("the slug: both, compressed; Python itself comes on top", f"{len(packed.stdout) / 2**20:.0f}"),
        ]


def _megabytes(*folders: Path) -> str:
    summary = subprocess.run(["du", "-scm", *folders], check=True, capture_output=True, text=True).stdout
    return summary.splitlines()[-1].split()[0]


def memory_row(workers: int) -> list[str]:
    """A server with so many workers: when it is ready, and its memory."""
    with tempfile.TemporaryDirectory() as temporary:
        began = time.monotonic()
        server = start(Path(temporary), WEB_CONCURRENCY=str(workers))
        ready = time.monotonic() - began
        memory = [proportional_megabytes(server.processes())]
        load(server.port, [upload(slice_file(size=512))], 4, 5)
        memory.append(proportional_megabytes(server.processes()))
        with watched(server) as seen:
            _read_a_study(server)
        stop(server)
        return [str(workers), f"{ready:.1f}", *(f"{one:.0f}" for one in [*memory, max(seen)])]


def _read_a_study(server: Server) -> None:
    study = zipped({str(number): data for number, data in enumerate(dicom_series(scan(60, size=512)))})
    request = urllib.request.Request(f"{server.address}/studies", study, {"Content-Type": "application/zip"})
    with urllib.request.urlopen(request) as response:
        response.read()


@contextmanager
def watched(server: Server) -> Iterator[list[float]]:
    """Collect megabytes of the whole tree of processes while the block runs."""
    seen, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            seen.append(proportional_megabytes(server.processes()))

    thread = threading.Thread(target=look)
    thread.start()
    yield seen
    over.set()
    thread.join()


if __name__ == "__main__":
    main()
