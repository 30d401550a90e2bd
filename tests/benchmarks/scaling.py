"""Studies an hour by way of the queue, with one worker and with two.

    python tests/benchmarks/scaling.py [--studies N] [--slices N] [--write docs/scaling.md]

A real Redis, a real server and real workers on this machine; each study is a zip of slices of 512 × 512 pixels.
"""

import argparse
import base64
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks import document
from tests.benchmarks.document import CORES, table
from tests.conftest import ROOT
from tests.scans import dicom_series, scan, zipped
from tests.server import peak_megabytes, procfile, start, stop


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--slices", type=int, default=60)
    document.add_argument(parser)
    arguments = parser.parse_args()
    study = zipped({str(number): data for number, data in enumerate(dicom_series(scan(arguments.slices, size=512)))})
    one, two = (measure(workers, arguments.studies, study) for workers in (1, 2))
    slices = f"{arguments.slices} slices a study, {len(study) / 1e6:.0f} MB zipped."
    document.give(f"{slices}\n\n{report(one, two)}", arguments.write)


def report(one: "Measured", two: "Measured") -> str:
    """What one worker and what two did, and what a thousand studies an hour take."""
    head = ["workers", "studies", "seconds", "studies an hour", "MB a worker", "most MB in Redis"]
    more, alone, beside = two.hourly / one.hourly, 1000 / one.hourly, CORES * 1000 / two.hourly
    return (
        f"{table(head, [one.row(), two.row()])}\n\n"
        f"Two workers do {more:.2f} times what one does, on {CORES} cores, which the server and Redis share with them. "
        f"The workers of a thousand such studies an hour need {math.ceil(alone)} core(s) of their own, or "
        f"{math.ceil(beside)} that are as busy as these."
    )


@dataclass(frozen=True)
class Measured:
    """So many workers, and what they did."""

    workers: int
    studies: int
    seconds: float
    memory: float
    """Megabytes of each worker after the last study."""
    redis: float
    """Megabytes of Redis when it held most."""

    @property
    def hourly(self) -> float:
        """Studies an hour."""
        return 3600 * self.studies / self.seconds

    def row(self) -> list[object]:
        """Of the table."""
        return [
            self.workers,
            self.studies,
            f"{self.seconds:.1f}",
            f"{self.hourly:.0f}",
            f"{self.memory:.0f}",
            f"{self.redis:.0f}",
        ]


def measure(workers: int, studies: int, study: bytes) -> Measured:
    """Let so many workers, which start first, read so many studies."""
    folder = Path(tempfile.mkdtemp())
    port = free_port()
    redis_server = [shutil.which("redis-server") or "redis-server", "--port", str(port), "--save", ""]
    settings = {
        "COVIDSCANNER_BROKER_URL": f"redis://127.0.0.1:{port}/0",
        "COVIDSCANNER_STUDY_KEY": base64.b64encode(os.urandom(32)).decode(),
    }
    environment = {**os.environ, **settings, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    processes = [subprocess.Popen(redis_server, cwd=folder, stdout=subprocess.DEVNULL)]
    command = ["sh", "-c", f"exec {procfile('worker')}"]
    for _ in range(workers):
        processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL))
    server = start(folder, **settings)
    try:
        answer(server.address, [hand_over(server.address, study) for _ in range(workers)])  # all are warm
        began = time.monotonic()
        answer(server.address, [hand_over(server.address, study) for _ in range(studies)])
        seconds = time.monotonic() - began
        memory = sum(map(tree_megabytes, (worker.pid for worker in processes[1:]))) / workers
        return Measured(workers, studies, seconds, memory, peak_megabytes(processes[0].pid))
    finally:
        stop(server)
        for process in reversed(processes):
            process.terminate()
            process.wait(60)


def hand_over(address: str, study: bytes) -> str:
    """Leave a study; returns where its answer will be."""
    headers = {"Content-Type": "application/zip", "Prefer": "respond-async"}
    with urllib.request.urlopen(urllib.request.Request(f"{address}/studies", study, headers)) as response:
        return str(response.headers["Location"])


def answer(address: str, paths: list[str]) -> None:
    """Wait for all answers."""
    for path in paths:
        while (status := look(address + path)) == 202:
            time.sleep(0.1)
        assert status == 200, status


def look(url: str) -> int:
    """The status of an address."""
    try:
        with urllib.request.urlopen(url) as response:
            json.load(response)
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def tree_megabytes(pid: int) -> float:
    """Proportional memory (proc(5), `Pss`) of a process and those below it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    own = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    children = [int(c) for f in Path(f"/proc/{pid}/task").glob("*/children") for c in f.read_text().split()]
    return own + sum(map(tree_megabytes, children))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    main()
