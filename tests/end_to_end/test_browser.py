"""The page in a real browser."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from model.labels import TITLES
from tests.pictures import NOT_A_PICTURE, slice_file
from tests.scans import dicom_series, enhanced, nifti, scan, zipped
from tests.server import Server

# Without these, Chromium asks hosts of its own for updates.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """The upload page; fails the test on a console error or a request to another host."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    own = (server.address, "blob:", "data:")
    page.on("request", lambda r: None if r.url.startswith(own) else faults.append(f"request to {r.url}"))
    page.goto(server.address)
    yield page
    context.close()
    # The browser reports every refused file in its console by itself.
    assert [fault for fault in faults if "Failed to load resource" not in fault] == []


def answer_of_the_api(server: Server, data: bytes) -> dict[str, object]:
    request = urllib.request.Request(f"{server.address}/predict", data, {"Content-Type": "image/png"})
    prediction: dict[str, object] = json.load(urllib.request.urlopen(request))["predictions"][0]
    return prediction


def numbers(page: Page, card: int = 0) -> list[str]:
    return page.locator("#results .result").nth(card).locator("output").all_inner_texts()


def percentages(answer: dict[str, object]) -> list[str]:
    probabilities = answer["probabilities"]
    assert isinstance(probabilities, dict)
    return [f"{100 * p:.1f} %" for p in probabilities.values()]


def test_a_chosen_slice_gets_the_label_and_the_numbers_of_the_api(page: Page, server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(slice_file())
    page.locator("#files").set_input_files(tmp_path / "a.png")
    page.get_by_role("button", name="Read").click()
    expect(page.locator("#results .probabilities")).to_be_visible()
    answer = answer_of_the_api(server, slice_file())
    assert page.locator("#results .state").inner_text() == TITLES[str(answer["label"])]
    assert numbers(page) == percentages(answer)
    expect(page.locator("#results .thumbnail")).to_be_visible()


def test_several_dropped_files_are_answered_one_by_one(page: Page, server: Server) -> None:
    page.evaluate(
        """(files) => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of files) transfer.items.add(new File([new Uint8Array(bytes)], name));
            const event = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
            document.getElementById("drop").dispatchEvent(event);
        }""",
        [["a.png", list(slice_file(seed=1))], ["b.txt", list(NOT_A_PICTURE)], ["c.png", list(slice_file(seed=2))]],
    )
    cards = page.locator("#results .result")
    expect(cards).to_have_count(3)
    expect(cards.nth(2).locator(".probabilities")).to_be_visible()
    expect(cards.nth(1).locator(".state")).to_contain_text("The content is not a picture of a known kind")
    assert cards.locator(".filename").all_inner_texts() == ["a.png", "b.txt", "c.png"]
    assert numbers(page, 2) == percentages(answer_of_the_api(server, slice_file(seed=2)))


@pytest.mark.parametrize("pack", ["files", "zip", "NIfTI", "multi-frame DICOM"])
def test_a_study_gets_one_answer_with_the_numbers_of_the_api(
    page: Page, server: Server, tmp_path: Path, pack: str
) -> None:
    volume = scan()
    series = {f"{number}.dcm": data for number, data in enumerate(dicom_series(volume))}
    packs = {"zip": zipped(series), "NIfTI": nifti(volume), "multi-frame DICOM": enhanced(volume)}
    files = series if pack == "files" else {"study": packs[pack]}
    sent = zipped(series) if pack == "files" else packs[pack]
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    page.locator("#files").set_input_files([tmp_path / name for name in files])
    page.get_by_role("button", name="Read").click()
    card = page.locator("#results .study")
    expect(card.locator(".probabilities").first).to_be_visible()
    request = urllib.request.Request(f"{server.address}/studies", sent, {"Content-Type": "application/octet-stream"})
    answer = json.load(urllib.request.urlopen(request))
    assert numbers(page) == percentages(answer)
    assert card.locator(".state").inner_text() == TITLES[answer["label"]]
    card.get_by_text("Slices, the most telling first").click()
    expect(card.locator("tbody tr")).to_have_count(8)


def test_a_refused_study_says_why_and_slices_beside_it_are_answered(page: Page, tmp_path: Path) -> None:
    (tmp_path / "study.zip").write_bytes(zipped({"../a.dcm": b""}))
    (tmp_path / "a.png").write_bytes(slice_file())
    page.locator("#files").set_input_files([tmp_path / "study.zip", tmp_path / "a.png"])
    page.get_by_role("button", name="Read").click()
    refused = page.locator("#results .refused .state")
    expect(refused).to_contain_text("A name in the archive points outside it")
    expect(page.locator("#results .probabilities:visible")).to_have_count(1)


def test_the_keyboard_is_enough(page: Page, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(slice_file())
    # Playwright begins to intercept choosers when somebody listens, and does not wait until it does: listen early.
    page.on("filechooser", lambda _: None)
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "files":
            break
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(tmp_path / "a.png")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#results .probabilities")).to_be_visible()


def test_when_the_server_is_out_of_reach_the_page_says_so(page: Page, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(slice_file())
    page.context.set_offline(True)
    page.locator("#files").set_input_files(tmp_path / "a.png")
    page.get_by_role("button", name="Read").click()
    expect(page.locator("#results .state")).to_contain_text("The server cannot be reached")


def test_without_javascript_one_file_is_answered(browser: Browser, server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(slice_file())
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.address)
    page.locator("#files").set_input_files(tmp_path / "a.png")
    page.get_by_role("button", name="Read").click()
    assert numbers(page) == percentages(answer_of_the_api(server, slice_file()))
    context.close()


def test_the_api_browser_shows_the_api(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/docs")
    expect(page.get_by_text("/predict", exact=True).first).to_be_visible()
