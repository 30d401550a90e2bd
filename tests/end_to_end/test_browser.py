"""The page in a real browser."""

import csv
import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from model.labels import TITLES
from model.window import Window
from tests.conftest import absent
from tests.pictures import NOT_A_PICTURE, encode, slice_file
from tests.scans import dicom_series, enhanced, nifti, scan, zipped
from tests.server import Server


def answer_of_the_api(server: Server, data: bytes) -> dict[str, object]:
    request = urllib.request.Request(f"{server.address}/predict", data, {"Content-Type": "image/png"})
    prediction: dict[str, object] = json.load(urllib.request.urlopen(request))["predictions"][0]
    return prediction


def numbers(page: Page, place: str = "#answer [data-part=bars]") -> list[str]:
    return page.locator(place).locator("output").all_inner_texts()


def give(page: Page, *files: tuple[str, bytes]) -> None:
    """Choose files, as (name, content)."""
    chosen = [FilePayload(name=name, mimeType="", buffer=data) for name, data in files]
    page.locator("#files").set_input_files(chosen)


def rows(page: Page, state: str = "") -> Locator:
    return page.locator(f"#list li{state}")


def percentages(answer: dict[str, object]) -> list[str]:
    probabilities = answer["probabilities"]
    assert isinstance(probabilities, dict)
    return [f"{100 * p:.1f} %" for p in probabilities.values()]


def test_a_chosen_slice_gets_the_label_and_the_numbers_of_the_api(page: Page, server: Server) -> None:
    give(page, ("a.png", slice_file()))
    expect(page.locator("#answer [data-part=bars] .probabilities")).to_be_visible()
    answer = answer_of_the_api(server, slice_file())
    expected = TITLES[str(answer["label"])] if answer["label"] else "No answer"
    assert page.locator("[data-part=verdict]").inner_text() == expected
    assert numbers(page) == percentages(answer)


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
    expect(rows(page, ".done")).to_have_count(2)
    expect(rows(page, ".refused").locator(".state")).to_contain_text("The content is not a picture of a known kind")
    assert rows(page).locator(".name").all_inner_texts() == ["a.png", "b.txt", "c.png"]
    rows(page).nth(2).click()
    assert numbers(page) == percentages(answer_of_the_api(server, slice_file(seed=2)))


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
    expect(page.locator("#progress-text")).to_have_text("60 read", timeout=30_000)
    assert rows(page, ".done").count() == 60


def test_the_csv_has_the_numbers_of_the_api_and_the_readers_mark(page: Page, server: Server) -> None:
    give(page, ("=a.png", slice_file()), ("b.txt", NOT_A_PICTURE))
    expect(rows(page, ".refused")).to_have_count(1)
    page.keyboard.press("a")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    table = list(csv.DictReader(download.value.path().read_text().splitlines()))
    answer = answer_of_the_api(server, slice_file())
    probabilities = answer["probabilities"]
    assert isinstance(probabilities, dict)
    assert [name for name in table[0] if name.startswith("probability_")] == [f"probability_{n}" for n in probabilities]
    assert [row["name"] for row in table] == ["'=a.png", "b.txt"]
    assert {label: float(table[0][f"probability_{label}"]) for label in probabilities} == probabilities
    assert (table[0]["mark"], table[1]["error"]) == ("agree", "unsupported_type")


def test_the_printed_report_is_one_page_with_answer_network_and_conclusion(
    page: Page, server: Server, tmp_path: Path
) -> None:
    if not shutil.which("pdftotext"):
        absent("pdftotext (poppler-utils)")
    give(page, ("a.png", slice_file()))
    expect(rows(page, ".done")).to_have_count(1)
    page.get_by_label("Note or conclusion").fill("Control in a week")
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    run = subprocess.run(["pdftotext", "-layout", tmp_path / "report.pdf", "-"], capture_output=True, text=True)
    version = json.load(urllib.request.urlopen(f"{server.address}/model"))["version"]
    for wanted in ("a.png", *percentages(answer_of_the_api(server, slice_file())), version, "Control in a week"):
        assert wanted in run.stdout
    assert "Research use only" in run.stdout
    assert run.stdout.count("\f") == 1


def test_wiping_forgets_everything(page: Page) -> None:
    give(page, ("a.png", slice_file()))
    expect(rows(page, ".done")).to_have_count(1)
    page.get_by_role("button", name="Wipe").click()
    page.locator("#wipe-dialog").get_by_role("button", name="Wipe").click()
    expect(page.locator("#reader")).to_be_hidden()
    assert "a.png" not in page.content()


@pytest.mark.parametrize("pack", ["files", "zip", "NIfTI", "multi-frame DICOM"])
def test_a_study_gets_one_answer_with_the_numbers_of_the_api(page: Page, server: Server, pack: str) -> None:
    volume = scan()
    series = {f"{number}.dcm": data for number, data in enumerate(dicom_series(volume))}
    packs = {"zip": zipped(series), "NIfTI": nifti(volume), "multi-frame DICOM": enhanced(volume)}
    files = series if pack == "files" else {"study": packs[pack]}
    sent = zipped(series) if pack == "files" else packs[pack]
    give(page, *files.items())
    expect(rows(page, ".done")).to_have_count(1)
    request = urllib.request.Request(f"{server.address}/studies", sent, {"Content-Type": "application/octet-stream"})
    answer = json.load(urllib.request.urlopen(request))
    assert numbers(page) == percentages(answer)
    expected = TITLES[answer["label"]] if answer["label"] else "No answer"
    assert page.locator("[data-part=verdict]").inner_text() == expected
    plot = page.get_by_role("slider", name="Probability along the body axis")
    plot.focus()
    page.keyboard.press("End")
    expect(plot).to_have_attribute("aria-valuetext", re.compile("-265 mm"))
    assert numbers(page, "#answer [data-part=slice]") == percentages(answer["slices"][7])


def picture(page: Page) -> Locator:
    return page.get_by_role("img", name="Viewer")


def test_the_heatmap_of_a_class_lies_over_the_picture_and_can_be_taken_away(page: Page) -> None:
    give(page, ("a.png", slice_file()))
    expect(rows(page, ".done")).to_have_count(1)
    page.get_by_label("Class").select_option("cap")
    with page.expect_response(re.compile("explain=true&class=cap")):
        page.get_by_role("button", name="Heatmap").click()
    expect(picture(page)).to_have_accessible_name(re.compile("Heatmap: Common pneumonia"))
    page.get_by_role("button", name="Heatmap").click()
    expect(picture(page)).not_to_have_accessible_name(re.compile("Heatmap"))


@pytest.mark.parametrize("pack", ["DICOM", "NIfTI"])
def test_each_slice_of_a_study_has_a_heatmap_of_each_class(page: Page, server: Server, pack: str) -> None:
    volume = scan()
    zip_ = zipped({f"{number}.dcm": data for number, data in enumerate(dicom_series(volume))})
    give(page, ("study", zip_ if pack == "DICOM" else nifti(volume)))
    expect(rows(page, ".done")).to_have_count(1)
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 1 of 8"))
    page.get_by_label("Class").select_option("covid")
    page.get_by_role("button", name="Heatmap").click()
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 1 of 8.*Heatmap: COVID-19"))
    with page.expect_response(re.compile("explain=true&class=covid")) as shown:
        page.evaluate("document.querySelector('.viewer-canvas').focus()")
        page.keyboard.press("End")
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 8 of 8.*Heatmap: COVID-19"))
    request = urllib.request.Request(
        f"{server.address}/predict?explain=true&class=covid",
        encode(Window().apply(volume[7])),
        {"Content-Type": "image/png"},
    )
    expected = json.load(urllib.request.urlopen(request))["predictions"][0]["heatmap"]["values"]
    assert np.abs(np.array(shown.value.json()["predictions"][0]["heatmap"]["values"]) - expected).max() < 0.02
    page.get_by_label("Class").select_option("cap")
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 8 of 8.*Heatmap: Common pneumonia"))
    before = picture(page).evaluate("canvas => canvas.toDataURL()")
    page.get_by_role("slider", name="Opacity").press("Home")
    page.wait_for_function("before => document.querySelector('.viewer-canvas').toDataURL() !== before", arg=before)
    page.get_by_role("button", name="Coronal").click()
    expect(picture(page)).not_to_have_accessible_name(re.compile("Heatmap"))


def test_a_study_is_scrolled_and_windowed_and_its_answer_goes_along(page: Page) -> None:
    series = {f"{number}.dcm": data for number, data in enumerate(dicom_series(scan()))}
    give(page, ("study.zip", zipped(series)))
    expect(rows(page, ".done")).to_have_count(1)
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 1 of 8, -300.0 mm, window level -600 width 1500"))
    picture(page).focus()
    page.keyboard.press("ArrowDown")
    picture(page).hover()
    page.mouse.wheel(0, 100)
    expect(picture(page)).to_have_accessible_name(re.compile("Slice [^1] of 8"))
    page.get_by_role("button", name="Mediastinum").click()
    expect(picture(page)).not_to_have_accessible_name(re.compile("window level -600"))
    shown = (picture(page).get_attribute("aria-label") or "").split("Slice ")[1][0]
    plot = page.get_by_role("slider", name="Probability along the body axis")
    expect(plot).to_have_attribute("aria-valuenow", shown)
    expect(page.locator("[data-part=slice]")).to_be_visible()


def test_a_refused_study_says_why_and_slices_beside_it_are_answered(page: Page) -> None:
    give(page, ("study.zip", zipped({"../a.dcm": b""})), ("a.png", slice_file()))
    expect(rows(page, ".refused").locator(".state")).to_contain_text("A name in the archive points outside it")
    expect(rows(page, ".done")).to_have_count(1)


def test_the_keyboard_is_enough(page: Page, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(slice_file())
    # Playwright begins to intercept choosers when somebody listens, and does not wait until it does: listen early.
    page.on("filechooser", lambda _: None)
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "choose-files":
            break
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(tmp_path / "a.png")
    expect(rows(page, ".done")).to_have_count(1)
    page.keyboard.press("d")
    expect(page.get_by_role("button", name="Disagree")).to_have_attribute("aria-pressed", "true")


def test_when_the_server_goes_what_was_read_stays_and_the_rest_can_be_retried(page: Page) -> None:
    give(page, ("a.png", slice_file()))
    expect(rows(page, ".done")).to_have_count(1)
    page.context.set_offline(True)
    give(page, ("b.png", slice_file(seed=2)))
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    expect(rows(page, ".done")).to_have_count(1)
    page.context.set_offline(False)
    page.get_by_role("button", name="Retry 1").click()
    expect(rows(page, ".done")).to_have_count(2)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_without_javascript_one_file_is_answered(browser: Browser, server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(slice_file())
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.address)
    page.locator("#files").set_input_files(tmp_path / "a.png")
    page.get_by_role("button", name="Read").click()
    assert numbers(page, "#results") == percentages(answer_of_the_api(server, slice_file()))
    context.close()


def test_the_api_browser_shows_the_api(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/docs/try")
    expect(page.get_by_text("/predict", exact=True).first).to_be_visible()


@pytest.mark.parametrize("title", ["Ground glass", "A study of 41 slices"])
def test_a_synthetic_sample_is_read(page: Page, title: str) -> None:
    refused: list[str] = []
    page.on("response", lambda response: refused.append(response.url) if response.status >= 400 else None)
    page.get_by_role("link", name=title).click()
    expect(rows(page, ".done")).to_have_count(1, timeout=30_000)
    expect(rows(page).first).to_contain_text("synthetic-")
    assert refused == []
