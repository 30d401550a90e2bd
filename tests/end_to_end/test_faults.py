"""What goes wrong in service, against a real server of two workers."""

import base64
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.load import Connection, upload
from tests.benchmarks.soak import soak
from tests.pictures import REFUSED, slice_file
from tests.scans import dataset, dicom_slice, saved
from tests.server import Server, kill, procfile, start, stop

REQUEST = upload(slice_file())


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start(tmp_path_factory.mktemp("temporary"), WEB_CONCURRENCY="2", COVIDSCANNER_QUEUE="8")
    yield running
    assert stop(running) == 0


def ask(server: Server, request: bytes = REQUEST) -> int:
    with Connection(server.port) as connection:
        return connection.ask(request)


def test_200_clients_at_once_get_an_answer_or_are_told_to_come_back(pair: Server) -> None:
    with ThreadPoolExecutor(200) as clients:
        statuses = list(clients.map(lambda _: ask(pair), range(200)))
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= 16
    assert ask(pair) == 200


def test_slow_clients_do_not_hold_up_others(pair: Server) -> None:
    """More of them than there are threads, some in the middle of the head, some of the body."""
    slow = [socket.create_connection(("127.0.0.1", pair.port)) for _ in range(120)]
    for number, client in enumerate(slow):
        client.sendall(REQUEST[: 40 if number % 2 else len(REQUEST) // 2])
    with ThreadPoolExecutor(4) as clients:
        assert set(clients.map(lambda _: ask(pair), range(20))) == {200}
    slow[0].sendall(REQUEST[len(REQUEST) // 2 :])
    assert slow[0].recv(12) == b"HTTP/1.1 200"
    for client in slow:  # and leave, half a request sent
        client.close()
    assert ask(pair) == 200


def test_a_client_that_leaves_before_its_answer(pair: Server) -> None:
    workers = pair.workers()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", pair.port)) as client:
            client.sendall(REQUEST)
    while ask(pair) != 200:  # their requests are worked off first
        time.sleep(0.05)
    assert pair.workers() == workers


def test_requests_behind_each_other_on_one_connection(pair: Server) -> None:
    with socket.create_connection(("127.0.0.1", pair.port)) as client:
        client.settimeout(20)
        client.sendall(REQUEST + REQUEST + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b""
        while chunk := client.recv(2**16):
            received += chunk
    assert received.count(b"HTTP/1.1 200") == 3


def test_a_worker_that_is_killed_is_replaced_and_no_other_request_fails(pair: Server) -> None:
    victim, other = pair.workers()[:2]
    failed, statuses = [], []

    def client(_: int) -> None:
        try:
            statuses.append(ask(pair))
        except OSError:
            failed.append(1)

    with ThreadPoolExecutor(4) as clients:
        work = [clients.submit(client, number) for number in range(100)]
        time.sleep(0.3)
        os.kill(victim, signal.SIGKILL)
        for one in work:
            one.result()
    assert len(failed) <= 4, "only what the killed worker had in hand"
    assert set(statuses) <= {200, 503}
    while len(pair.workers()) < 2:
        time.sleep(0.05)
    assert other in pair.workers()
    assert victim not in pair.workers()


def test_metrics_are_those_of_all_workers(pair: Server) -> None:
    def total() -> float:
        page = urllib.request.urlopen(f"{pair.address}/metrics").read().decode()
        rows = [
            line for line in page.splitlines() if line.startswith('covidscanner_requests_total{endpoint="api.predict"')
        ]
        return sum(float(row.split()[-1]) for row in rows)

    before = total()
    for _ in range(20):
        ask(pair)
    assert total() == before + 20


def test_hostile_files_among_the_good_harm_nobody(pair: Server) -> None:
    """The short form of `tests/benchmarks/soak.py`, which looks at the memory, too."""
    workers = pair.workers()
    answers = soak(pair, requests=400, clients=4).answers
    assert answers["good 200"] == 320
    assert {kind.split()[1] for kind in answers} <= {"200", "400", "413", "415", "422", "431"}
    assert pair.workers() == workers


def test_what_is_in_flight_is_answered_before_the_server_stops(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = start(tmp_path_factory.mktemp("temporary"))
    many = upload(slice_file(size=1024))
    with ThreadPoolExecutor(4) as clients:
        work = [clients.submit(ask, server, many) for _ in range(4)]
        time.sleep(0.05)
        server.process.terminate()
        assert [one.result() for one in work] == [200] * 4
    assert server.process.wait(30) == 0


def test_logs_on_a_full_disk_do_not_stop_the_server(tmp_path: Path) -> None:
    server = start(tmp_path, f"{procfile('web')} >/dev/full 2>&1")
    assert [ask(server) for _ in range(5)] == [200] * 5
    assert stop(server) == 0


@contextmanager
def small_file_system(folder: Path) -> Iterator[Path]:
    """Nine megabytes in memory."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=9m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> None:
    """To the last byte."""
    with suppress(OSError), (folder / "full").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_counts_whose_folder_becomes_full_do_not_stop_the_server(tmp_path: Path) -> None:
    with small_file_system(tmp_path / "counts") as folder:
        server = start(tmp_path, COVIDSCANNER_METRICS_FOLDER=str(folder), WEB_CONCURRENCY="1")
        workers = server.workers()
        fill(folder)
        for path in ("/", "/model", "/samples", "/problems", "/openapi.json", "/nowhere", "/v2", "/docs", "/about"):
            ask(server, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert ask(server) == 200
        assert server.workers() == workers
        os.kill(workers[0], signal.SIGKILL)
        while server.workers() in ([], workers):
            time.sleep(0.05)
        assert ask(server) == 200  # from one that began when there was no room
        assert stop(server) == 0


def test_counts_of_a_server_that_was_killed_are_cleared_by_the_next(tmp_path: Path) -> None:
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("there is no /dev/shm")
    server = start(tmp_path, WEB_CONCURRENCY="1")
    maps = Path(f"/proc/{server.workers()[0]}/maps").read_text()
    left = {line.split()[-1].rpartition("/")[0] for line in maps.splitlines() if "covidscanner-counts" in line}
    assert [Path(folder).is_dir() for folder in left] == [True]
    kill(server)
    following = start(tmp_path, WEB_CONCURRENCY="1")
    assert [Path(folder).is_dir() for folder in left] == [False]
    assert stop(following) == 0


def test_a_clock_that_jumps_by_a_day_changes_nothing(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0")
    command = procfile("web").replace("app.wsgi", "tests.jumping_clock")
    settings = {"WEB_CONCURRENCY": "2", "COVIDSCANNER_RATE_LIMIT": "1000/minute"}
    server = start(tmp_path, command, CLOCK=str(clock), **settings)
    try:
        workers = server.workers()
        with Connection(server.port) as kept:
            for jump in ("0", "86400", "-86400", "0"):
                clock.write_text(jump)
                assert [kept.ask(REQUEST), ask(server)] == [200, 200]
        time.sleep(2)  # the main process looks after its workers
        assert server.workers() == workers
    finally:
        assert stop(server) == 0


MARKED = "MUSTERMANN_ERIKA"


def marked_scans() -> list[bytes]:
    """DICOM with the mark in its tags, and in its pixels; one that can be read, and others that cannot."""
    tags: dict[str, Any] = dict.fromkeys(
        ("PatientName", "PatientID", "StudyDescription", "ReferringPhysicianName"), MARKED
    )
    pixels = np.frombuffer((MARKED * 2048).encode(), "<i2")[: 128 * 128].reshape(128, 128)
    return [
        dicom_slice(**tags, SeriesDescription=MARKED),
        dicom_slice(**tags, Modality=MARKED),
        dicom_slice(**tags, ImageType=["ORIGINAL", "PRIMARY", MARKED]),
        dicom_slice(**tags, PhotometricInterpretation=MARKED),
        dicom_slice(**tags)[:9000],
        saved(dataset(pixels, **tags)),
    ]


def test_nothing_of_a_patient_is_told(
    tmp_path_factory: pytest.TempPathFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    """Marks in names, tags, pixels and addresses; then in no log, no metric, no file and no other answer."""
    pictures = [slice_file(), *[data for data, *_ in REFUSED.values() if data], MARKED.encode() * 50]
    files = [*pictures, *marked_scans()]
    folder, counts = tmp_path_factory.mktemp("temporary"), tmp_path_factory.mktemp("counts")
    server = start(folder, COVIDSCANNER_METRICS_FOLDER=str(counts))
    for data in files:
        for path in ("/predict", "/studies", "/volumes"):
            ask(server, upload(data, f"{path}?series={MARKED}", f"{MARKED}.png"))
    head = f"HTTP/1.1\r\nHost: x\r\nX-Request-ID: {MARKED} {MARKED}\r\nAuthorization: {MARKED}\r\n"
    bodies = [b"", json.dumps({"image": "AAAA", "filename": MARKED}).encode(), f'{{"image": "{MARKED}"'.encode()]
    for body in bodies:
        for address in (
            f"/predict?explain={MARKED}",
            f"/{MARKED}",
            f"/studies/{MARKED}",
            f"/predict?{MARKED} {MARKED}",
        ):
            length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            ask(server, f"POST {address} {head}{length}".encode() + body)
    ask(server, f"GET / {head}{MARKED}\r\n\r\n".encode())
    others = ("/", "/metrics", "/readyz", "/healthz", "/model", "/openapi.json", "/problems", "/samples", "/v2")
    told = [urllib.request.urlopen(server.address + path).read().decode() for path in others]
    kept = [file.read_bytes().decode("latin-1") for file in counts.iterdir()]
    assert stop(server) == 0
    out, err = capfd.readouterr()
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert len(lines) > len(files)
    assert {"request_id", "status", "seconds", "bytes_in"} <= set(lines[0])
    assert kept
    hidden = [MARKED, base64.b64encode(MARKED.encode()).decode()]
    assert [mark for mark in hidden for text in (out, err, *told, *kept) if mark in text] == []
    assert not list(folder.iterdir())
