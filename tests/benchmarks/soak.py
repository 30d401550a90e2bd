"""Many requests in a row, a share of them hostile, against a real server: does its memory stay flat?

    python tests/benchmarks/soak.py [--requests N] [--workers N] [--clients N]

Every fifth request is hostile: truncated and lying pictures and DICOM, decompression and zip bombs, deeply nested JSON,
text, heads that are too large. Prints what was answered, the memory of all processes of the server through the run, the
most of it, and the mean of the last quarter over that of the first. Memory is proportional: a page that the processes
share counts once, so this is what the machine holds of them. The sum of what is resident in each, where such a page
counts in each, is told beside it.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.load import Connection, upload
from tests.pictures import NOT_A_PICTURE, REFUSED, slice_file
from tests.scans import REFUSED as REFUSED_SCANS
from tests.scans import REFUSED_ARCHIVES, dicom_series, dicom_slice, scan, zipped
from tests.server import Server, proportional_megabytes, resident_megabytes, start, stop

EVERY = 5
"""One request of so many is hostile."""

WARM_UP = 300
"""Requests before the memory is looked at, so that every worker has met every kind of file."""

SECONDS = 0.2
"""Between two looks at the memory."""


@dataclass
class Soaked:
    """What came of it."""

    answers: Counter[str] = field(default_factory=Counter)
    """Kind of request and status -> how often; status 0 where the connection was cut."""
    megabytes: list[float] = field(default_factory=list)
    """Of the process tree, through the run; a page that its processes share counts once."""
    resident: list[float] = field(default_factory=list)
    """The same, but that such a page counts in each process."""

    @property
    def ratio(self) -> float:
        """Mean memory in the last quarter over that in the first."""
        quarter = len(self.megabytes) // 4
        return mean(self.megabytes[-quarter:]) / mean(self.megabytes[:quarter])


def raw(body: bytes, content_type: str, path: str = "/predict", head: str = "") -> bytes:
    """The bytes of a request with this body."""
    lines = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n{head}"
    return f"{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def good() -> list[bytes]:
    """Requests that are answered with 200."""
    slices = [slice_file(seed=seed, kind=kind, size=512) for seed in range(10) for kind in ("PNG", "JPEG")]
    study = zipped({str(number): data for number, data in enumerate(dicom_series(scan(4)))})
    return [*map(upload, slices), upload(dicom_slice()), upload(study, "/studies")]


def hostile() -> list[bytes]:
    """Requests that are refused."""
    infer = "/v2/models/custom_cnn/infer"
    empty_lists = b"[]," * 2**20 + b"[]"
    return [
        *(upload(data) for data, *_ in REFUSED.values() if data),
        *(upload(make()) for make, *_ in REFUSED_SCANS.values()),
        *(upload(make(), "/studies") for make, *_ in REFUSED_ARCHIVES.values()),
        raw(b'{"image":' + b"[" * 10_000, "application/json"),
        raw(b'{"images":[%s]}' % empty_lists, "application/json"),
        raw(b'{"inputs":[{"data":[%s]}]}' % empty_lists, "application/json", infer),
        raw(NOT_A_PICTURE, "text/plain"),
        raw(b"", "image/png", head="X-Large: " + "x" * 2**14 + "\r\n"),
        raw(b"", "image/png", head="".join(f"X-{number}: x\r\n" for number in range(500))),
    ]


def soak(server: Server, requests: int, clients: int) -> Soaked:
    """Ask so many times, from some clients, one after the other each."""
    outcome, lock = Soaked(), threading.Lock()
    order = _order(requests, cycle(good()), cycle(hostile()))

    def client() -> None:
        with Connection(server.port) as connection:
            while (following := _next(order, lock)) is not None:
                kind, request = following
                status = _ask(connection, request)
                with lock:
                    outcome.answers[f"{kind} {status}"] += 1

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        with suppress(OSError):  # a reading process that a hostile file ended
            tree = server.processes()
            outcome.megabytes.append(proportional_megabytes(tree))
            outcome.resident.append(resident_megabytes(tree))
        time.sleep(SECONDS)
    return outcome


def _order(requests: int, welcome: Iterator[bytes], unwelcome: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    for number in range(requests):
        yield ("hostile", next(unwelcome)) if number % EVERY == 0 else ("good", next(welcome))


def _next(order: Iterator[tuple[str, bytes]], lock: threading.Lock) -> tuple[str, bytes] | None:
    with lock:
        return next(order, None)


def _ask(connection: Connection, request: bytes) -> int:
    try:
        return connection.ask(request)
    except OSError:  # a head that is too large is refused while it is being sent
        connection.close()
        return 0


def main() -> None:
    """Soak a server of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--clients", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        server = start(Path(temporary), WEB_CONCURRENCY=str(arguments.workers))
        try:
            soak(server, WARM_UP, arguments.clients)
            outcome = soak(server, arguments.requests, arguments.clients)
        finally:
            stop(server)
    for kind, number in sorted(outcome.answers.items()):
        print(f"{kind:12} {number:6}")
    print(
        "\nMB through the run:",
        *(f"{value:.0f}" for value in outcome.megabytes[:: max(1, len(outcome.megabytes) // 20)]),
    )
    print(f"most: {max(outcome.megabytes):.0f} MB; last quarter over the first: {outcome.ratio:.3f}")
    print(f"most resident in each process, summed: {max(outcome.resident):.0f} MB")


if __name__ == "__main__":
    main()
