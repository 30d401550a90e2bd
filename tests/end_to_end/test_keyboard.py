"""A whole session without a mouse."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.end_to_end.reading import picture, rows, study_file
from tests.pictures import slice_file


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until it has the focus, and see that one sees it."""
    for _ in range(60):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {selector}")


def test_a_session_needs_no_mouse(page: Page, tmp_path: Path) -> None:
    files = {"1.png": slice_file(seed=1), "2.png": slice_file(seed=2), "3.zip": study_file()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    # Playwright begins to intercept choosers when somebody listens, and does not wait until it does: listen early.
    page.on("filechooser", lambda _: None)
    tab_to(page, "#choose-files")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([tmp_path / name for name in files])
    expect(rows(page, ".done")).to_have_count(3)

    page.keyboard.press("a")  # the list has the focus
    page.keyboard.press("ArrowDown")
    page.keyboard.press("d")
    page.keyboard.press("n")
    page.keyboard.type("an old scar")
    page.keyboard.press("Escape")
    expect(rows(page).nth(0)).to_contain_text("Agree")
    expect(rows(page).nth(1)).to_contain_text("Disagree")
    assert page.locator("#note").input_value() == "an old scar"

    page.keyboard.press("j")
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 1 of 8"))
    for key in ("v", "ArrowDown", "m", "+", "h"):
        page.keyboard.press(key)
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 2 of 8.*level 40 width 400.*Heatmap"))
    tab_to(page, "#heat-opacity")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("]")
    assert page.locator("#heat-opacity").input_value() == "80"
    tab_to(page, "#plot")
    page.keyboard.press("End")
    expect(picture(page)).to_have_accessible_name(re.compile("Slice 8 of 8"))

    tab_to(page, "#csv")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert "an old scar" in download.value.path().read_text()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    tab_to(page, "#wipe")
    page.keyboard.press("Enter")
    tab_to(page, "#wipe-dialog [value=wipe]")
    page.keyboard.press("Enter")
    expect(page.locator("#reader")).to_be_hidden()
    expect(page.locator("#choose-files")).to_be_focused()


def test_single_keys_can_be_turned_off(page: Page) -> None:
    page.get_by_role("link", name="Ground glass").click()
    expect(rows(page, ".done")).to_have_count(1)
    page.keyboard.press("?")
    page.get_by_label("Single-letter keys are on").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Agree", exact=True)).to_have_attribute("aria-pressed", "false")
