import threading
import time

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.admission import Queue
from app.errors import Problem
from tests.app.problems import assert_problem
from tests.forms import form
from tests.pictures import slice_file
from tests.scans import dicom_series, scan


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


def test_a_study_finds_its_queue_full_and_slices_go_on() -> None:
    app = create_app({"STUDY_QUEUE": 1})
    studies = app.extensions["studies"]
    sent = {"data": slice_file(), "content_type": "image/png"}
    with studies.place():
        waiting = threading.Thread(target=lambda: app.test_client().post("/studies", **sent))
        waiting.start()
        while not studies.waiting:
            time.sleep(0.001)
        refused = app.test_client().post("/studies", **sent)
        assert_problem(refused, 503, "busy")
        assert refused.headers["Retry-After"] == "2"
        assert app.test_client().post("/predict", **sent).status_code == 200
    waiting.join()


def test_a_study_holds_its_place_until_its_last_line(client: FlaskClient) -> None:
    studies = client.application.extensions["studies"]
    sent = form([(str(number), data) for number, data in enumerate(dicom_series(scan(8)))])
    answer = client.post("/studies", headers={"Accept": "application/x-ndjson"}, **sent)
    lines = answer.iter_encoded()
    next(iter(lines))
    assert studies.free == 0
    answer.close()
    assert studies.free == 1


@pytest.mark.parametrize(("proxies", "statuses"), [(0, [200, 429]), (1, [200, 200])])
def test_the_limit_counts_clients_by_what_trusted_proxies_say(proxies: int, statuses: list[int]) -> None:
    client = create_app({"RATE_LIMIT": "1/hour", "TRUSTED_PROXIES": proxies}).test_client()
    answers = [client.get("/problems", headers={"X-Forwarded-For": f"1.2.3.4, 10.0.0.{n}"}) for n in (1, 2)]
    assert [answer.status_code for answer in answers] == statuses
