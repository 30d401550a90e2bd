"""Studies an hour by way of the queue, with one worker and with two: `python tests/benchmarks/scaling.py`.

A real Redis, a real server and real workers on this machine; each study has 60 slices of 512 × 512. Prints a table.
"""

import argparse
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.scans import dicom_series, scan, zipped
from tests.server import procfile, start, stop

ROOT = Path(__file__).parent.parent.parent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--slices", type=int, default=60)
    arguments = parser.parse_args()
    study = zipped({str(number): data for number, data in enumerate(dicom_series(scan(arguments.slices, size=512)))})
    print("| workers | studies | seconds | studies an hour | megabytes a worker |\n|---:|---:|---:|---:|---:|")
    hourly = [measure(workers, arguments.studies, study) for workers in (1, 2)]
    print(f"\nTwo workers do {hourly[1] / hourly[0]:.2f} times what one does, on {os.cpu_count()} cores.")
    workers = 1000 / hourly[0]
    print(f"A thousand studies an hour of {arguments.slices} slices need {workers:.1f} such workers, a core each.")


def measure(workers: int, studies: int, study: bytes) -> float:
    """Studies an hour with so many workers, which start first."""
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
    finally:
        stop(server)
        for process in reversed(processes):
            process.terminate()
            process.wait(60)
    print(f"| {workers} | {studies} | {seconds:.1f} | {3600 * studies / seconds:.0f} | {memory:.0f} |", flush=True)
    return 3600 * studies / seconds


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
