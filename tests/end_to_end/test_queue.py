"""How files come into the page, and what becomes of them there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.end_to_end.conftest import watched_page
from tests.end_to_end.reading import answer_of_the_api, give, names, numbers, percentages, picture, rows, study_file
from tests.pictures import NOT_A_PICTURE, slice_file
from tests.scans import dicom_series, scan, zipped
from tests.server import Server, kill, start, stop


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a series of DICOM files in a folder below, two pictures, and what systems leave in folders."""
    folder = tmp_path / "patient"
    (folder / "series").mkdir(parents=True)
    for number, data in enumerate(dicom_series(scan(4))):
        (folder / "series" / f"{number}.dcm").write_bytes(data)
    for number in (1, 2):
        (folder / f"{number}.png").write_bytes(slice_file(seed=number))
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    return folder


def drop(page: Page, *paths: Path) -> None:
    """Drop files and folders from outside the browser."""
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 640, "y": 220, "data": data})


def test_several_dropped_files_are_answered_one_by_one(page: Page, server: Server, tmp_path: Path) -> None:
    files = {"a.png": slice_file(seed=1), "b.txt": NOT_A_PICTURE, "c.png": slice_file(seed=2)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    drop(page, *(tmp_path / name for name in files))
    expect(rows(page, ".done")).to_have_count(2)
    expect(rows(page, ".refused").locator(".state")).to_contain_text("The content is not a picture of a known kind")
    assert names(page) == ["a.png", "b.txt", "c.png"]
    rows(page).nth(2).click()
    assert numbers(page) == percentages(answer_of_the_api(server, slice_file(seed=2)))


@pytest.mark.parametrize("way", ["dropped", "chosen"])
def test_a_folder_is_walked_and_its_series_is_a_study(page: Page, folder: Path, way: str) -> None:
    if way == "dropped":
        drop(page, folder)
    else:
        page.locator("#folder").set_input_files(folder)
    expect(rows(page, ".done")).to_have_count(3)
    assert names(page) == ["1.png", "2.png", "series"]
    expect(rows(page).nth(2).locator(".state")).to_contain_text("4 files")


def test_a_picture_can_be_pasted(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(
        """async (bytes) => {
            const picture = new Blob([new Uint8Array(bytes)], { type: "image/png" });
            await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
        }""",
        list(slice_file()),
    )
    page.keyboard.press("Control+V")
    expect(rows(page, ".done")).to_have_count(1)
    page.keyboard.press("Control+V")
    expect(rows(page, ".done")).to_have_count(2)
    assert names(page) == ["Pasted picture 1.png", "Pasted picture 2.png"]


def test_sixty_slices_come_one_after_the_other_and_may_be_cancelled_and_retried(page: Page) -> None:
    slices = [(f"{number}.png", slice_file(seed=number)) for number in range(60)]
    give(page, *slices)
    expect(rows(page, ".done").first).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Retry ")).to_be_visible()
    kept, left = rows(page, ".done").count(), rows(page, ".cancelled").count()
    assert kept
    assert left
    assert kept + left == 60
    page.get_by_role("button", name="Retry ").click()
    expect(page.locator("#progress-text")).to_contain_text("of 60")
    expect(page.locator("#progress-text")).to_have_text("60 read")
    assert rows(page, ".done").count() == 60


def test_a_study_that_is_cancelled_can_be_read_later(page: Page) -> None:
    give(page, ("study.zip", study_file(40)))
    expect(rows(page, ".reading").locator(".state")).to_contain_text("of 40 slices")
    page.get_by_role("button", name="Cancel").click()
    expect(rows(page, ".cancelled")).to_have_count(1)
    page.get_by_role("button", name="Retry 1").click()
    expect(rows(page, ".done")).to_have_count(1)


def test_a_server_with_a_full_queue_is_waited_for(page: Page) -> None:
    refused: list[str] = []

    def full(route: Route) -> None:
        if len(refused) < 3:
            refused.append(route.request.url)
            problem = '{"status": 503, "code": "busy", "title": "The server is busy", "detail": "Come back."}'
            headers = {"Retry-After": "1", "Content-Type": "application/problem+json"}
            route.fulfill(status=503, headers=headers, body=problem)
        else:
            route.continue_()

    page.route("**/predict?level=*", full)
    give(page, *((f"{number}.png", slice_file(seed=number)) for number in range(14)))
    expect(page.locator("#progress-text")).to_contain_text("the server is busy, going on in 1 s")
    expect(page.locator("#progress-text")).to_have_text("14 read")
    assert len(refused) == 3


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[list[Server]]:
    """A server that the test may kill and start again, as the last in the list."""
    servers = [start(tmp_path, WEB_CONCURRENCY="1")]
    yield servers
    stop(servers[-1])


def test_when_the_server_is_killed_what_was_read_stays_and_the_rest_can_be_retried(
    browser: Browser, mortal: list[Server], tmp_path: Path
) -> None:
    with watched_page(browser) as (page, _):
        page.goto(mortal[0].address)
        give(page, *((f"{number}.png", slice_file(seed=number)) for number in range(40)), ("study.zip", study_file(40)))
        expect(rows(page, ".done").first).to_be_visible()
        kill(mortal[0])
        expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached. What was read stays here")
        kept = rows(page, ".done").count()
        assert 0 < kept < 41
        expect(rows(page, ".failed")).to_have_count(41 - kept)
        expect(picture(page)).not_to_have_accessible_name("Viewer: No slice to show")
        numbers_before = numbers(page)
        mortal.append(start(tmp_path, PORT=str(mortal[0].port), WEB_CONCURRENCY="1"))
        page.get_by_role("button", name=f"Retry {41 - kept}").click()
        expect(page.locator("#progress-text")).to_have_text("41 read")
        expect(page.get_by_role("alert")).to_be_hidden()
        assert numbers(page) == numbers_before


def test_a_study_whose_server_is_killed_in_the_middle_is_read_and_shown_afterwards(
    browser: Browser, mortal: list[Server], tmp_path: Path
) -> None:
    with watched_page(browser) as (page, _):
        page.goto(mortal[0].address)
        give(page, ("study.zip", study_file(40)))
        expect(rows(page, ".reading").locator(".state")).to_contain_text("of 40 slices")
        kill(mortal[0])
        expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
        mortal.append(start(tmp_path, PORT=str(mortal[0].port), WEB_CONCURRENCY="1"))
        page.get_by_role("button", name="Retry 1").click()
        expect(rows(page, ".done")).to_have_count(1)
        expect(page.get_by_role("button", name="Coronal")).to_be_visible()  # all of it is shown


def test_a_refused_study_says_why_and_slices_beside_it_are_answered(page: Page) -> None:
    give(page, ("study.zip", zipped({"../a.dcm": b""})), ("a.png", slice_file()))
    expect(rows(page, ".refused").locator(".state")).to_contain_text("A name in the archive points outside it")
    expect(rows(page, ".done")).to_have_count(1)
