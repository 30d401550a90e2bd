"""How often a client may ask, counted in a real Redis for two workers."""

import shutil
from pathlib import Path

from tests.benchmarks.load import Connection
from tests.conftest import absent
from tests.redis_server import Redis, wait
from tests.server import Server, start, stop

REQUEST = b"GET /problems HTTP/1.1\r\nHost: x\r\n\r\n"


def statuses(server: Server, number: int) -> list[int]:
    """Of so many requests, each on a connection of its own, so that both workers get some."""
    found = []
    for _ in range(number):
        with Connection(server.port) as connection:
            found.append(connection.ask(REQUEST))
    return found


def test_the_limit_is_one_for_all_workers_and_holds_while_redis_is_gone_and_when_it_is_back(tmp_path: Path) -> None:
    storage = Redis(shutil.which("redis-server") or absent("redis-server"), tmp_path)
    settings = {"COVIDSCANNER_RATE_LIMIT": "5/hour", "COVIDSCANNER_RATE_STORAGE": storage.url}
    server = start(tmp_path, WEB_CONCURRENCY="2", **settings)
    try:
        assert statuses(server, 12) == [200] * 5 + [429] * 7
        storage.stop()
        without = statuses(server, 30)  # each worker counts by itself
        assert set(without) == {200, 429}
        assert without.count(200) <= 10
        storage.start()
        wait(lambda: statuses(server, 1) and storage.client.keys("*"))
    finally:
        storage.stop()
        assert stop(server) == 0
