"""The page with slices and studies of real patients, where they are."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from model.labels import TITLES
from tests.end_to_end.reading import answer_of_the_api, ask, give, names, numbers, percentages, picture, rows
from tests.scans import zipped
from tests.server import Server


@pytest.fixture
def series(real_slices: Path) -> Path:
    """A folder with 30 slices of one series, JPEG Lossless."""
    folder = real_slices / "dicom" / "P001_jpeg_lossless"
    if not folder.is_dir():
        pytest.skip(f"no DICOM files in {folder}; name the folder with `dicom` in CT_DATA")
    return folder


def verdict(answer: dict[str, Any]) -> str:
    return TITLES[answer["label"]] if answer["label"] else "No answer"


def test_slices_get_the_answers_of_the_api_and_are_shown(page: Page, server: Server, real_slices: Path) -> None:
    folders = [real_slices / "curated_data" / name for name in ("1NonCOVID", "2COVID", "3CAP")]
    files = [path for folder in folders for path in sorted(folder.iterdir())[:2]]
    page.locator("#files").set_input_files(files)
    expect(rows(page, ".done")).to_have_count(6)
    for row, path in enumerate(sorted(files, key=lambda path: path.name)):
        rows(page).nth(row).click()
        answer = answer_of_the_api(server, path.read_bytes())
        assert (numbers(page), page.locator("[data-part=verdict]").inner_text()) == (
            percentages(answer),
            verdict(answer),
        )
        expect(picture(page)).to_have_accessible_name(
            "Viewer: Slice 1 of 1, position unknown, window level 128 width 255"
        )


@pytest.mark.parametrize("pack", ["folder", "zip"])
def test_a_series_is_a_study_that_is_scrolled_windowed_and_overlaid(
    page: Page, server: Server, series: Path, pack: str
) -> None:
    archive = zipped({path.name: path.read_bytes() for path in series.glob("*.dcm")})
    if pack == "folder":
        page.locator("#folder").set_input_files(series)
    else:
        give(page, ("study.zip", archive))
    expect(rows(page, ".done")).to_have_count(1, timeout=60_000)
    assert names(page) == [series.name if pack == "folder" else "study.zip"]
    answer = ask(server, "/studies", archive)
    assert (numbers(page), page.locator("[data-part=verdict]").inner_text()) == (percentages(answer), verdict(answer))
    expect(page.get_by_role("button", name="Coronal")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Heatmap").click()
    picture(page).focus()
    page.keyboard.press("PageDown")
    page.keyboard.press("m")
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 11 of 30.*level 40 width 400.*Heatmap: "))
    assert numbers(page, "#answer [data-part=slice]") == percentages(answer["slices"][10])


def test_of_a_folder_with_several_series_the_others_are_set_aside(page: Page, real_slices: Path) -> None:
    folder = real_slices / "dicom" / "multi_series_study"
    if not folder.is_dir():
        pytest.skip(f"no DICOM files in {folder}; name the folder with `dicom` in CT_DATA")
    page.locator("#folder").set_input_files(folder)
    expect(rows(page, ".done")).to_have_count(1, timeout=60_000)
    aside = page.locator("[data-part=aside]")
    aside.locator("summary").click()
    expect(aside).to_contain_text("LOCALIZER")
    expect(aside).to_contain_text("Mediastinum")
