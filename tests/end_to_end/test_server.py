import http.client
import json
import os
import signal
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.pictures import REFUSED, slice_file
from tests.scans import REFUSED as REFUSED_SCANS
from tests.scans import REFUSED_ARCHIVES, dicom_series, scan, tarred, zipped
from tests.server import Server, peak_megabytes, proportional_megabytes, start, stop


def send(server: Server, data: bytes, content_type: str = "image/png") -> tuple[int, dict[str, Any]]:
    """POST one slice to the API; returns status and JSON."""
    return post(server, data, {"Content-Type": content_type})


def post(
    server: Server, body: Any, headers: dict[str, str], chunked: bool = False, path: str = "/predict"
) -> tuple[int, dict[str, Any]]:
    """POST to the API; returns status and JSON."""
    with closing(http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=60)) as connection:
        connection.request("POST", path, body, headers, encode_chunked=chunked)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def test_a_slice_gives_an_answer(server: Server) -> None:
    status, answer = send(server, slice_file())
    assert status == 200
    assert set(answer["predictions"][0]["probabilities"]) == {"noncovid", "covid", "cap"}


def test_hostile_files_are_refused_and_the_server_goes_on(server: Server) -> None:
    workers = server.workers()
    for data, expected, code in REFUSED.values():
        if data:
            status, problem = send(server, data)
            assert (status, problem["code"]) == (expected, code)
    assert send(server, slice_file())[0] == 200
    assert set(workers) <= set(server.workers())  # the last of them may just have begun


def test_hostile_scans_are_refused_in_bounded_memory_and_nothing_is_written(tmp_path: Path) -> None:
    server = start(tmp_path, WEB_CONCURRENCY="2")
    try:
        workers, written = server.workers(), bytes_to_disk(server.workers())
        for make, expected, code in (*REFUSED_SCANS.values(), *REFUSED_ARCHIVES.values()):
            status, problem = post(server, make(), {"Content-Type": "application/octet-stream"}, path="/studies")
            assert (status, problem["code"]) == (expected, code)
        series = zipped({str(number): data for number, data in enumerate(dicom_series(scan()))})
        status, answer = post(server, series, {"Content-Type": "application/zip"}, path="/studies")
        assert (status, len(answer["slices"])) == (200, 8)
        assert server.workers() == workers
        assert max(map(peak_megabytes, workers)) < 300
        assert max(map(peak_megabytes, server.readers())) < 400
        assert bytes_to_disk(workers + server.readers()) == written
        assert not list(tmp_path.iterdir())
    finally:
        readers = server.readers()
        assert stop(server) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in readers)


def test_a_study_is_answered_when_the_reading_process_was_killed(server: Server) -> None:
    series = tarred({str(number): data for number, data in enumerate(dicom_series(scan()))})
    headers = {"Content-Type": "application/gzip"}
    answers = []
    for _ in range(2):
        answers.append(post(server, series, headers, path="/studies")[1]["slices"])
        for pid in server.readers():
            os.kill(pid, signal.SIGKILL)
            while ") Z " not in Path(f"/proc/{pid}/stat").read_text():
                time.sleep(0.01)
    assert answers[0] == answers[1]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_sends_far_too_much_still_gets_the_answer(server: Server, chunked: bool) -> None:
    """A server that answers and closes while the client is sending breaks the connection instead."""
    length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(50 * 2**20)}
    body = (bytes(2**20) for _ in range(50))
    status, problem = post(server, body, {"Content-Type": "image/png", **length}, chunked)
    assert (status, problem["code"]) == (413, "too_large")


def multipart(data: bytes) -> tuple[bytes, str]:
    """A form with one file, and its boundary."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    return head + data + b"\r\n--x--\r\n", "x"


def bytes_to_disk(pids: list[int]) -> int:
    """What these processes have caused to be written to storage (proc(5), `write_bytes`)."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/io").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))


def test_200_requests_leave_two_workers_under_300_mb_and_nothing_on_disk(tmp_path: Path) -> None:
    server = start(tmp_path, WEB_CONCURRENCY="2")
    try:
        slices = [slice_file(seed=seed, kind=kind, size=512) for seed in range(10) for kind in ("PNG", "JPEG")]
        form, boundary = multipart(slice_file(kind="BMP", size=1000))
        written = bytes_to_disk(server.workers())
        assert post(server, form, {"Content-Type": f"multipart/form-data; boundary={boundary}"})[0] == 200
        with ThreadPoolExecutor(4) as clients:
            answers = list(clients.map(lambda number: send(server, slices[number % len(slices)]), range(200)))
        assert {status for status, _ in answers} == {200}
        assert proportional_megabytes(server.processes()) < 300
        assert bytes_to_disk(server.workers()) == written
        assert not list(tmp_path.iterdir())
    finally:
        assert stop(server) == 0


def test_the_same_slice_gives_the_same_answer_under_load(server: Server) -> None:
    _, alone = send(server, slice_file(seed=5))
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda seed: send(server, slice_file(seed=seed)), [5, 6, 7, 8] * 8))
    for _, answer in answers[::4]:
        assert answer["predictions"] == alone["predictions"]


def test_static_files_and_pages_are_served(server: Server) -> None:
    static = ("/static/reader/main.js", "/static/page.css", "/static/icon.svg")
    for path in ("/", "/docs", "/problems", "/openapi.json", *static):
        assert urllib.request.urlopen(server.address + path).status == 200
