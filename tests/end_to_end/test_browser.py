"""The answers of slices and studies, as the page shows them in a real browser."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from model.labels import TITLES
from model.window import Window
from tests.end_to_end.reading import answer_of_the_api, ask, give, numbers, percentages, picture, rows, study_file
from tests.pictures import encode, slice_file
from tests.scans import dicom_series, enhanced, nifti, scan, zipped
from tests.server import Server


def test_a_chosen_slice_gets_the_label_and_the_numbers_of_the_api(page: Page, server: Server) -> None:
    give(page, ("a.png", slice_file()))
    expect(page.locator("#answer [data-part=bars] .probabilities")).to_be_visible()
    answer = answer_of_the_api(server, slice_file())
    expected = TITLES[str(answer["label"])] if answer["label"] else "No answer"
    assert page.locator("[data-part=verdict]").inner_text() == expected
    assert numbers(page) == percentages(answer)


@pytest.mark.parametrize("pack", ["files", "zip", "NIfTI", "multi-frame DICOM"])
def test_a_study_gets_one_answer_with_the_numbers_of_the_api(page: Page, server: Server, pack: str) -> None:
    volume = scan()
    series = {f"{number}.dcm": data for number, data in enumerate(dicom_series(volume))}
    packs = {"zip": zipped(series), "NIfTI": nifti(volume), "multi-frame DICOM": enhanced(volume)}
    files = series if pack == "files" else {"study": packs[pack]}
    sent = zipped(series) if pack == "files" else packs[pack]
    give(page, *files.items())
    expect(rows(page, ".done")).to_have_count(1)
    answer = ask(server, "/studies", sent)
    assert numbers(page) == percentages(answer)
    expected = TITLES[answer["label"]] if answer["label"] else "No answer"
    assert page.locator("[data-part=verdict]").inner_text() == expected
    plot = page.get_by_role("slider", name="Probability along the body axis")
    plot.focus()
    page.keyboard.press("End")
    expect(plot).to_have_attribute("aria-valuetext", re.compile("-265 mm"))
    assert numbers(page, "#answer [data-part=slice]") == percentages(answer["slices"][7])
    page.get_by_role("button", name="Most telling slice").click()
    (telling,) = (one for one in answer["slices"] if one["rank"] == 1)
    expect(plot).to_have_attribute("aria-valuenow", str(telling["index"] + 1))
    assert numbers(page, "#answer [data-part=slice]") == percentages(telling)


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
    give(page, ("study", study_file() if pack == "DICOM" else nifti(volume)))
    expect(rows(page, ".done")).to_have_count(1)
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 1 of 8"))
    page.get_by_label("Class").select_option("covid")
    page.get_by_role("button", name="Heatmap").click()
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 1 of 8.*Heatmap: COVID-19"))
    with page.expect_response(re.compile("explain=true&class=covid")) as shown:
        page.evaluate("document.querySelector('.viewer-canvas').focus()")
        page.keyboard.press("End")
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 8 of 8.*Heatmap: COVID-19"))
    answer = ask(server, "/predict?explain=true&class=covid", encode(Window().apply(volume[7])))
    expected = answer["predictions"][0]["heatmap"]["values"]
    assert np.abs(np.array(shown.value.json()["predictions"][0]["heatmap"]["values"]) - expected).max() < 0.02
    page.get_by_label("Class").select_option("cap")
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 8 of 8.*Heatmap: Common pneumonia"))
    before = picture(page).evaluate("canvas => canvas.toDataURL()")
    page.get_by_role("slider", name="Opacity").press("Home")
    page.wait_for_function("before => document.querySelector('.viewer-canvas').toDataURL() !== before", arg=before)
    page.get_by_role("button", name="Coronal").click()
    expect(picture(page)).not_to_have_accessible_name(re.compile("Heatmap"))


def test_a_study_is_scrolled_and_windowed_and_its_answer_goes_along(page: Page) -> None:
    give(page, ("study.zip", study_file()))
    expect(rows(page, ".done")).to_have_count(1)
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 1 of 8, -300.0 mm, window level -600 width 1500"))
    expect(page.locator("[data-part=where]")).to_contain_text("-300 mm · rank")
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


def test_while_a_study_comes_no_picture_of_another_patient_is_shown(page: Page) -> None:
    held: list[Route] = []
    page.route("**/volumes", lambda route: held.append(route))
    give(page, ("a.png", slice_file()), ("study.zip", study_file()))
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 1 of 1"))
    rows(page).nth(1).click()
    expect(picture(page)).to_have_accessible_name("Viewer: Loading …")
    held[0].abort()
    expect(picture(page)).to_have_accessible_name("Viewer: The picture cannot be shown here")


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
