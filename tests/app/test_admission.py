import threading
import time

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.admission import Queue
from app.errors import Problem
from tests.app.problems import assert_problem
from tests.pictures import slice_file


def test_who_finds_the_queue_full_is_refused_at_once_and_the_others_get_their_turn() -> None:
    queue, done = Queue(1, 1, 30), []

    def wait() -> None:
        with queue.place():
            done.append(1)

    with queue.place():
        waiting = threading.Thread(target=wait)
        waiting.start()
        while not queue.waiting:
            time.sleep(0.001)
        with pytest.raises(Problem) as refused, queue.place():
            pass
        assert (refused.value.code, refused.value.retry_after) == ("busy", 2)
        assert not done
    waiting.join()
    assert done == [1]
    with queue.place():
        pass


def test_who_waits_too_long_is_refused() -> None:
    queue = Queue(1, 1, 0.01)
    with queue.place(), pytest.raises(Problem), queue.place():
        pass
    assert queue.waiting == 0


def test_a_request_whose_time_is_over_says_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    client = create_app({"MAX_SECONDS": 0}).test_client()
    response = client.post("/predict", data=slice_file(), content_type="image/png")
    assert_problem(response, 503, "timeout")
    assert response.headers["Retry-After"] == "2"


def test_metrics_count_what_was_answered(client: FlaskClient) -> None:
    client.post("/predict?abstain=false", data=slice_file(), content_type="image/png")
    client.post("/predict", data=b"nothing", content_type="image/png")
    page = client.get("/metrics").text
    assert 'covidscanner_requests_total{endpoint="api.predict",status="200"}' in page
    assert 'covidscanner_errors_total{code="unsupported_type"}' in page
    assert "covidscanner_labels_total{label=" in page
