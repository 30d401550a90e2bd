"""Our server against others that run the same network, all of them on this machine in turn.

    python tests/benchmarks/serve.py [--rounds N] [--seconds S] [--only NAME ...] [--other-python PYTHON] [--write FILE]

    paper    Flask in one sync worker: the upload to disk, Keras' `load_img`, `model.predict`
    ours     the Procfile's own command, with its defaults for this machine
    rest     ours, but that the network answers at once: what all the rest costs
    litserve, bentoml    our `Predictor` behind them, a worker a core; left out where they are not installed. They are
             no requirement of this project. To make a Python for `--other-python` that has them:
             python -m venv /tmp/rivals && /tmp/rivals/bin/pip install -r requirements-serve.txt litserve bentoml
    bare     hardly a server: a process a core that reads the bytes of a request, predicts, and sends so many back. No
             HTTP, no checks, no JSON: what decoding and network allow while clients keep these cores busy, too
    alone    no server at all, and no clients: a process a core decodes and runs the network, as fast as it can. It is
             the most that these cores could give. With the gate and the calibration, which every answer of ours has,
             and without.

Ours over `alone` is the strict share of what the cores allow: the work of the clients counts against us. Ours over
`bare` is the fair one: the same clients ask both.

All get the same forms with the same slices of 512 × 512 pixels, as PNG and as JPEG, from 1, 4 and 16 clients, which run
on the same cores. Memory is that of all processes of a server after the load: proportional (pages that they share count
once), and the sum of what is resident in each. Ratios are medians over the rounds.
"""

import argparse
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from model import bundle
from model.images import decode
from model.predictor import Predictor
from tests.benchmarks import document
from tests.benchmarks.document import CORES, table
from tests.benchmarks.load import Load, load, upload
from tests.conftest import ROOT
from tests.pictures import slice_file
from tests.server import Server, procfile, proportional_megabytes, resident_megabytes, start

CLIENTS = (1, 4, 16)
KINDS = ("PNG", "JPEG")
CASES = [(kind, clients) for kind in KINDS for clients in CLIENTS]
SLICES = {kind: [slice_file(seed=seed, kind=kind, size=512) for seed in range(10)] for kind in KINDS}
REQUESTS = {kind: [upload(data) for data in slices] for kind, slices in SLICES.items()}
QUIET = ">/dev/null 2>&1"
"""Whoever reads a log (here, the process that measures) must not take part."""


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
    resident: float
    """Megabytes of all its processes after the load; see above."""
    loads: dict[tuple[str, int], Load]


def contestants(python: str) -> dict[str, Contestant]:
    """All that can be measured here."""
    found = {
        "paper": Contestant(
            "gunicorn --config /dev/null --bind 127.0.0.1:$PORT --timeout 120 tests.benchmarks.servers.paper:app"
        ),
        "ours": Contestant(procfile("web")),
        "bare": Contestant(f"{sys.executable} tests/benchmarks/servers/bare.py $PORT {CORES}"),
        "rest": Contestant('gunicorn --config gunicorn.conf.py "tests.benchmarks.servers.decode_only:load()"'),
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
        server = start(Path(temporary), f"{contestant.command} {QUIET}", contestant.ready, **environment)
        ready = time.monotonic() - began
        try:
            load(server.port, REQUESTS["PNG"], 2 * CORES, 1)
            loads = {case: load(server.port, REQUESTS[case[0]], case[1], seconds) for case in CASES}
            tree = server.processes()
            return Measured(ready, proportional_megabytes(tree), resident_megabytes(tree), loads)
        finally:
            _end(server)


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


class Alone(NamedTuple):
    """Slices a second without a server, by kind."""

    whole: dict[str, float]
    """All that an answer takes."""
    network: dict[str, float]
    """Decoding and the network, no more."""


def alone(seconds: float) -> Alone:
    """What these cores allow: a process a core, and nothing else."""
    with multiprocessing.get_context("fork").Pool(CORES, _prepare) as pool:

        def rate(way: Callable[[bytes], object], kind: str, seconds: float) -> float:
            return sum(pool.starmap(_slices, [(way, kind, seconds)] * CORES, chunksize=1))

        rate(_predict, "PNG", 0.5)
        return Alone(*({kind: rate(way, kind, seconds) for kind in KINDS} for way in (_predict, _run_network)))


def _prepare() -> None:
    global _predictor
    _predictor = Predictor(bundle.load())


def _predict(data: bytes) -> None:
    _predictor.predict(data)


def _run_network(data: bytes) -> None:
    _predictor.engine.run(_predictor.bundle.preprocessing.batch([decode(data)]))


def _slices(way: Callable[[bytes], object], kind: str, seconds: float) -> float:
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        way(SLICES[kind][done % len(SLICES[kind])])
        done += 1
    return done / (time.perf_counter() - began)


_predictor: Predictor

Round = tuple[dict[str, Measured], Alone]


def report(rounds: list[Round]) -> str:
    """The figures of each, and ours against each, in Markdown."""
    names = [name for name in rounds[0][0] if all(name in measured for measured, _ in rounds)]
    parts = [_speeds(rounds, names), _sizes(rounds, names)]
    if "ours" in names:
        parts += [
            "Ours over the others: requests/s by kind of slices and number of clients, memory, time.",
            _ratios(rounds, [name for name in names if name != "ours"]),
        ]
    return "\n\n".join([f"Medians of {len(rounds)} round(s).", *parts])


def _speeds(rounds: list[Round], names: list[str]) -> str:
    def row(name: str, kind: str, clients: int) -> list[object]:
        loads = [measured[name].loads[kind, clients] for measured, _ in rounds]
        rate, p50, p99 = (median(getattr(one, figure) for one in loads) for figure in ("rate", "p50", "p99"))
        return [name, kind, clients, f"{rate:.1f}", f"{p50:.1f}", f"{p99:.1f}", sum(one.failures for one in loads)]

    rows = [row(name, *case) for name in names for case in CASES]
    rows += [["alone", kind, "–", f"{median(m.whole[kind] for _, m in rounds):.1f}", "", "", ""] for kind in KINDS]
    return table(["server", "slices", "clients", "requests/s", "p50, ms", "p99, ms", "failures"], rows)


def _sizes(rounds: list[Round], names: list[str]) -> str:
    def row(name: str) -> list[str]:
        each = [measured[name] for measured, _ in rounds]
        memory, resident = median(one.memory for one in each), median(one.resident for one in each)
        return [name, f"{median(one.ready for one in each):.2f}", f"{memory:.0f}", f"{resident:.0f}"]

    head = ["server", "ready after, s", "memory, MB", "resident in each process, summed, MB"]
    return table(head, [row(name) for name in names])


def _ratios(rounds: list[Round], names: list[str]) -> str:
    """Ours over each of the others, round by round; the median."""

    def row(name: str) -> list[str]:
        pairs = [(measured["ours"], measured[name]) for measured, _ in rounds]
        rates = [f"{median(_over(a.loads[case].rate, b.loads[case].rate) for a, b in pairs):.2f}" for case in CASES]
        memory, resident = (
            median(a.memory / b.memory for a, b in pairs),
            median(a.resident / b.resident for a, b in pairs),
        )
        return [name, *rates, f"{memory:.2f}", f"{resident:.2f}", f"{median(a.ready / b.ready for a, b in pairs):.2f}"]

    def row_alone(name: str, part: int) -> list[str]:
        shares = [
            f"{median(measured['ours'].loads[case].rate / most[part][case[0]] for measured, most in rounds):.2f}"
            for case in CASES
        ]
        return [name, *shares, "", "", ""]

    rates = [f"{kind}, {clients}" for kind, clients in CASES]
    rows = [row(name) for name in names]
    rows += [row_alone("alone", 0), row_alone("alone, without gate and calibration", 1)]
    return table(["server", *rates, "memory", "resident", "ready after"], rows)


def _over(ours: float, theirs: float) -> float:
    return ours / theirs if theirs else float("inf")


def main() -> None:
    """Measure all of them in turn, some rounds of them, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=4, help="of each load")
    parser.add_argument("--only", nargs="*", help="names from the list above")
    parser.add_argument("--other-python", default=sys.executable, help="a Python that has litserve and bentoml")
    document.add_argument(parser)
    arguments = parser.parse_args()
    found = contestants(arguments.other_python)
    field = {name: found[name] for name in found if not arguments.only or name in arguments.only}
    rounds = [one_round(field, arguments.seconds) for _ in range(arguments.rounds)]
    document.give(report(rounds), arguments.write)


def one_round(field: dict[str, Contestant], seconds: float) -> Round:
    """All in turn; one that fails is told of and left out."""
    measured = {}
    for name, contestant in field.items():
        try:
            measured[name] = measure(contestant, seconds)
        except (AssertionError, OSError) as error:
            print(f"{name} failed ({error}). What says why: {contestant.command}", file=sys.stderr)
    return measured, alone(seconds)


if __name__ == "__main__":
    main()
