"""Our server against others that run the same network, all of them on this machine in turn.

    python tests/benchmarks/serve.py [--rounds N] [--seconds S] [--only NAME ...] [--other-python PYTHON]

    paper    Flask in one sync worker: the upload to disk, Keras' `load_img`, `model.predict`
    ours     the Procfile's own command, with its defaults for this machine
    rest     ours, but that the network answers at once: what all the rest costs
    litserve, bentoml    our `Predictor` behind them, a worker a core; left out where they are not installed.
             They are no requirement of this project: install them into another environment, with numpy, pillow and
             onnxruntime, and name its Python.
    alone    no server at all: a process a core decodes and runs the network, as fast as it can. It is the most that a
             server on these cores could give.

All get the same forms with the same slices of 512 × 512 pixels, as PNG and as JPEG, from 1, 4 and 16 clients, which run
on the same cores. Memory is that of all processes of a server after the load, pages that they share counted once.
Ratios are medians over the rounds.
"""

import argparse
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from model import bundle
from model.predictor import Predictor
from tests.benchmarks.load import Load, load, upload
from tests.conftest import ROOT
from tests.pictures import slice_file
from tests.server import Server, proportional_megabytes, start

CLIENTS = (1, 4, 16)
KINDS = ("PNG", "JPEG")
CASES = [(kind, clients) for kind in KINDS for clients in CLIENTS]
CORES = len(os.sched_getaffinity(0))
SLICES = {kind: [slice_file(seed=seed, kind=kind, size=512) for seed in range(10)] for kind in KINDS}
REQUESTS = {kind: [upload(data) for data in slices] for kind, slices in SLICES.items()}
FIGURES = ("rate", "p50", "p99", "failures")
GUNICORN = "gunicorn --config gunicorn.conf.py"


@dataclass(frozen=True)
class Contestant:
    """What starts a server on $PORT, and the address that answers when it is ready."""

    command: str
    ready: str = "/readyz"


@dataclass(frozen=True)
class Measured:
    """A server in one round."""

    ready: float
    """Seconds from its start to its first answer."""
    memory: float
    """Megabytes of all its processes after the load."""
    loads: dict[tuple[str, int], Load]


def contestants(python: str) -> dict[str, Contestant]:
    """All that can be measured here."""
    found = {
        "paper": Contestant(
            "gunicorn --config /dev/null --bind 127.0.0.1:$PORT --timeout 120 tests.benchmarks.servers.paper:app"
        ),
        "ours": Contestant(""),
        "rest": Contestant(f'{GUNICORN} "tests.benchmarks.servers.decode_only:load()"'),
    }
    if _has(python, "litserve"):
        found["litserve"] = Contestant(f"{python} tests/benchmarks/servers/lit.py $PORT {CORES}", "/health")
    if _has(python, "bentoml"):
        serve = f"{python} -m bentoml serve tests.benchmarks.servers.bento:Scanner --host 127.0.0.1 --port $PORT"
        found["bentoml"] = Contestant(serve)
    return found


def _has(python: str, package: str) -> bool:
    return subprocess.run([python, "-c", f"import {package}"], cwd=ROOT, capture_output=True).returncode == 0


def measure(contestant: Contestant, seconds: float) -> Measured:
    """Start it, load it, stop it."""
    with tempfile.TemporaryDirectory() as temporary:
        began = time.monotonic()
        environment = {"BENTOML_DO_NOT_TRACK": "True", "PYTHONPATH": str(ROOT)}
        server = start(Path(temporary), contestant.command, contestant.ready, **environment)
        ready = time.monotonic() - began
        load(server.port, REQUESTS["PNG"], 2 * CORES, 1)
        loads = {
            (kind, clients): load(server.port, REQUESTS[kind], clients, seconds)
            for kind in KINDS
            for clients in CLIENTS
        }
        memory = proportional_megabytes(server.processes())
        _end(server)
    return Measured(ready, memory, loads)


def _end(server: Server) -> None:
    """Some of the others do not stop when they are asked to, or leave processes behind."""
    tree = server.processes()
    server.process.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.process.wait(5)
    for pid in tree:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.process.wait()


def alone(seconds: float) -> dict[str, float]:
    """Slices a second that decoding and the network allow: a process a core, and nothing else."""
    with multiprocessing.get_context("spawn").Pool(CORES, _prepare) as pool:
        pool.map(_slices, [("PNG", 0.5)] * CORES, chunksize=1)
        return {kind: sum(pool.map(_slices, [(kind, seconds)] * CORES, chunksize=1)) for kind in KINDS}


def _prepare() -> None:
    global _predictor
    _predictor = Predictor(bundle.load())


def _slices(work: tuple[str, float]) -> float:
    kind, seconds = work
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        _predictor.predict(SLICES[kind][done % len(SLICES[kind])])
        done += 1
    return done / (time.perf_counter() - began)


_predictor: Predictor


def report(rounds: list[tuple[dict[str, Measured], dict[str, float]]]) -> None:
    """Print the figures of each, and ours against each."""
    print(f"\nMedians of {len(rounds)} round(s), {CORES} cores.")
    print(f"{'':9} {'kind':5} {'clients':>7} {'requests/s':>11} {'p50, ms':>8} {'p99, ms':>8} {'failures':>8}")
    for name in rounds[0][0]:
        for kind, clients in CASES:
            loads = [measured[name].loads[kind, clients] for measured, _ in rounds]
            rate, p50, p99, failures = (median(getattr(one, figure) for one in loads) for figure in FIGURES)
            print(f"{name:9} {kind:5} {clients:7} {rate:11.1f} {p50:8.1f} {p99:8.1f} {failures:8.0f}")
    for kind in KINDS:
        print(f"{'alone':9} {kind:5} {'-':>7} {median(most[kind] for _, most in rounds):11.1f}")
    print(f"\n{'':9} {'ready, s':>9} {'memory, MB':>11}")
    for name in rounds[0][0]:
        ready = median(measured[name].ready for measured, _ in rounds)
        print(f"{name:9} {ready:9.2f} {median(measured[name].memory for measured, _ in rounds):11.0f}")
    if "ours" in rounds[0][0]:
        _report_ratios(rounds)


def _report_ratios(rounds: list[tuple[dict[str, Measured], dict[str, float]]]) -> None:
    print("\nOurs over the others:")
    for name in rounds[0][0]:
        if name == "ours":
            continue
        pairs = [(measured["ours"], measured[name]) for measured, _ in rounds]
        rates = [
            f"{case[0]} {case[1]}: {median(a.loads[case].rate / b.loads[case].rate for a, b in pairs):.2f}"
            for case in CASES
        ]
        memory, ready = median(a.memory / b.memory for a, b in pairs), median(a.ready / b.ready for a, b in pairs)
        print(f"{name:9} requests/s {', '.join(rates)}; memory {memory:.2f}; time to ready {ready:.2f}")
    most = [
        f"{kind} {median(measured['ours'].loads[kind, 4].rate / most[kind] for measured, most in rounds):.2f}"
        for kind in KINDS
    ]
    print(f"{'alone':9} requests/s at 4 clients {', '.join(most)}")


def main() -> None:
    """Measure all of them in turn, some rounds of them, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=4, help="of each load")
    parser.add_argument("--only", nargs="*", help="names from the list above")
    parser.add_argument("--other-python", default=sys.executable, help="a Python that has litserve and bentoml")
    arguments = parser.parse_args()
    field = {
        name: contestant
        for name, contestant in contestants(arguments.other_python).items()
        if not arguments.only or name in arguments.only
    }
    rounds = []
    for _ in range(arguments.rounds):
        measured = {name: measure(contestant, arguments.seconds) for name, contestant in field.items()}
        rounds.append((measured, alone(arguments.seconds)))
    report(rounds)


if __name__ == "__main__":
    main()
