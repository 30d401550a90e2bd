from collections.abc import Iterator

import pytest

from model import reading
from model.errors import UnreadableImageError
from model.isolation import ReadingProcess


@pytest.fixture
def process() -> Iterator[ReadingProcess]:
    process = ReadingProcess("tests.model.crashing_reader", memory=2**29)
    yield process
    process.stop()


def answers(process: ReadingProcess, wanted: str = "answer") -> list[object]:
    return [(reply["number"], data) for reply, data in process.ask({"wanted": wanted}, b"file")]


def test_it_answers_and_is_kept_warm(process: ReadingProcess) -> None:
    assert answers(process) == [(1, b"file"), (2, b"file")]
    pid = process.pid
    assert pid
    assert answers(process) == [(1, b"file"), (2, b"file")]
    assert process.pid == pid


@pytest.mark.parametrize("fault", ["crash", "hang", "swell"])
def test_a_decoder_that_crashes_hangs_or_swells_fails_its_file_alone(process: ReadingProcess, fault: str) -> None:
    with pytest.raises(UnreadableImageError, match="too much time or memory"):
        answers(process, fault)
    assert answers(process) == [(1, b"file"), (2, b"file")]


def test_a_hang_is_over_within_two_seconds_of_processor_time() -> None:
    assert reading.CPU_SECONDS < 2


def test_a_refusal_is_raised_here_and_the_process_goes_on(process: ReadingProcess) -> None:
    answers(process)
    pid = process.pid
    with pytest.raises(UnreadableImageError, match="It is broken"):
        answers(process, "refuse")
    answers(process)
    assert process.pid == pid


def test_who_stops_listening_leaves_nothing_to_the_next(process: ReadingProcess) -> None:
    first = process.ask({"wanted": "answer"}, b"old")
    next(first)
    first.close()  # type: ignore[attr-defined]
    assert answers(process) == [(1, b"file"), (2, b"file")]


def test_it_ends_with_the_one_who_asks(process: ReadingProcess) -> None:
    answers(process)
    child = process._process
    assert child
    assert process._connection
    process._connection.close()
    assert child.wait(10) == 0
