"""Studies in the background: a real Redis, a real server and real workers."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, absent
from tests.end_to_end.test_server import post
from tests.redis_server import Redis, wait
from tests.scans import dicom_series, scan, zipped
from tests.server import Server, _children, procfile, start, stop

TAGS: dict[str, Any] = dict.fromkeys(("PatientName", "PatientID", "SeriesDescription"), "MARKED")
SERIES = zipped({f"MARKED{number}.dcm": data for number, data in enumerate(dicom_series(scan(), **TAGS))})
LONG = zipped({str(number): data for number, data in enumerate(dicom_series(scan(40)))})
ZIP = {"Content-Type": "application/zip"}
LATER = {**ZIP, "Prefer": "respond-async"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Redis, dict[str, str]]]:
    program = shutil.which("redis-server") or absent("redis-server")
    running = Redis(program, tmp_path_factory.mktemp("redis"))
    key = base64.b64encode(os.urandom(32)).decode()
    yield (
        running,
        {"COVIDSCANNER_BROKER_URL": running.url, "COVIDSCANNER_STUDY_KEY": key},
    )
    running.stop()


@pytest.fixture(scope="module")
def web(settings: tuple[Redis, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start(tmp_path_factory.mktemp("temporary"), **settings[1])
    yield running
    assert stop(running) == 0


@contextmanager
def worker(settings: tuple[Redis, dict[str, str]]) -> Iterator[int]:
    """A worker; its process id."""
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | settings[1]
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["sh", "-c", f"exec {procfile('worker')}"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def hand_over(web: Server, data: bytes = SERIES) -> str:
    """Send a study for later; returns its address."""
    request = urllib.request.Request(f"{web.address}/studies", data, LATER)
    with urllib.request.urlopen(request) as response:
        assert response.status == 202
        assert response.headers["Preference-Applied"] == "respond-async"
        location: str = response.headers["Location"]
        return location


def get(web: Server, path: str, method: str = "GET") -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(web.address + path, method=method)) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def outcome(web: Server, path: str) -> tuple[int, dict[str, Any]]:
    """The answer, when it is there."""
    status, body = wait(lambda: (found := get(web, path))[0] != 202 and found)
    return status, json.loads(body)


def running(web: Server, path: str) -> None:
    wait(lambda: b'"stage":"slices"' in get(web, path)[1])


def let_time_pass(client: Any) -> None:
    """Make every message look as if the worker that took it had been silent for long."""
    for message in client.zrange("unacked_index", 0, -1):
        client.zadd("unacked_index", {message: 0})


def without_id(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "request_id"}


def content(client: Any) -> str:
    """All that Redis holds, keys and values."""
    readers = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"set": client.smembers,
    }
    return repr([(key, readers[client.type(key)](key)) for key in client.keys("*")])


def test_a_study_waits_encrypted_and_gets_the_answer_that_it_would_have_had_at_once(
    web: Server, settings: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    path = hand_over(web)
    redis_ = settings[0].client
    kept = content(redis_)
    assert all(0 < redis_.ttl(key) <= 900 for key in redis_.keys("covidscanner:study:*"))
    assert get(web, path)[0] == 202
    with worker(settings):
        status, answer = outcome(web, path)
    _, at_once = post(web, SERIES, ZIP, path="/studies")
    assert status == 200
    assert without_id(answer) == without_id(at_once)
    assert not redis_.keys("*:payload")
    assert all(0 < redis_.ttl(key) <= 900 for key in redis_.keys("covidscanner:study:*"))
    assert "MARKED" in json.dumps(answer)
    told = "".join(capfd.readouterr())
    for hidden in ("MARKED", "DICM", "PK\\x03\\x04", "probabilities"):
        assert hidden not in kept + content(redis_) + told


def test_a_study_that_cannot_be_read_ends_with_its_problem(web: Server, settings: Any) -> None:
    path = hand_over(web, zipped({"../a": b""}))
    with worker(settings):
        status, problem = outcome(web, path)
    assert (status, problem["code"]) == (422, "bad_archive")


def test_a_cancelled_study_is_forgotten_and_the_worker_goes_on(web: Server, settings: Any) -> None:
    waiting, reading = hand_over(web), hand_over(web, LONG)
    assert get(web, waiting, "DELETE")[0] == 204
    with worker(settings):
        running(web, reading)
        assert get(web, reading, "DELETE")[0] == 204
        assert get(web, reading)[0] == get(web, waiting)[0] == 404
        assert outcome(web, hand_over(web))[0] == 200
    assert not settings[0].client.keys("*:payload")


@pytest.mark.parametrize("victim", ["a process of the worker", "the worker and all its processes"])
def test_a_study_whose_worker_is_killed_ends_once(web: Server, settings: Any, victim: str) -> None:
    path = hand_over(web, LONG)
    with worker(settings) as pid:
        running(web, path)
        if victim == "a process of the worker":
            os.kill(_children(pid)[0], signal.SIGKILL)
            assert outcome(web, path)[0] == 200
        else:
            os.killpg(pid, signal.SIGKILL)
            let_time_pass(settings[0].client)
    with worker(settings):
        status, answer = outcome(web, path)
        assert (status, len(answer["slices"])) == (200, 40)
        assert answer == outcome(web, path)[1]
    study = settings[0].client.hgetall(f"covidscanner:study:{path.rpartition('/')[2]}")
    assert (study[b"state"], study[b"attempts"]) == (b"done", b"2")


def test_when_redis_is_gone_the_answer_is_503_and_when_it_is_back_all_works(web: Server, settings: Any) -> None:
    with worker(settings):
        assert outcome(web, hand_over(web))[0] == 200
        settings[0].stop()
        status, problem = post(web, SERIES, LATER, path="/studies")
        assert (status, problem["code"]) == (503, "queue_unavailable")
        assert get(web, "/studies/a")[0] == get(web, "/studies/a", "DELETE")[0] == 503
        assert post(web, SERIES, ZIP, path="/studies")[0] == 200
        settings[0].start()
        assert outcome(web, hand_over(web))[0] == 200


def test_without_a_queue_the_study_is_answered_at_once(server: Server) -> None:
    status, answer = post(server, SERIES, LATER, path="/studies")
    assert (status, len(answer["slices"])) == (200, 8)
    assert get(server, "/studies/a")[0] == 404
