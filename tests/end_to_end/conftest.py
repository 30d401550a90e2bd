from collections.abc import Iterator

import pytest

from tests.server import Server, start, stop


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start(tmp_path_factory.mktemp("temporary"))
    yield running
    assert stop(running) == 0
