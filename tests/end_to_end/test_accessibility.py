"""axe-core (WCAG 2.2 A and AA, and its best practices) on every page, in both themes; `make assets` installs it."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import ROOT, absent
from tests.end_to_end.reading import give, rows, study_file
from tests.pictures import NOT_A_PICTURE, slice_file
from tests.server import Server

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("/", "/about", "/docs", "/docs/try", "/libraries", "/model", "/problems")


@pytest.fixture(params=["dark", "light"])
def page(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[Page]:
    """A page in one of the themes."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.add_init_script(f"localStorage.setItem('theme', '{request.param}')")
    yield context.new_page()
    context.close()


def violations(page: Page) -> list[tuple[str, str]]:
    """(rule, the first place that breaks it)."""
    if not AXE.is_file():
        absent("axe-core (make assets)")
    page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [(one["id"], one["nodes"][0]["html"][:200] + one["nodes"][0].get("failureSummary", "")) for one in found]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_violation(page: Page, server: Server, path: str) -> None:
    page.goto(server.address + path, wait_until="networkidle")
    if path == "/docs/try":
        expect(page.get_by_text("POST").first).to_be_visible()
    assert violations(page) == []


def test_the_reading_page_has_none_in_any_state(page: Page, server: Server) -> None:
    page.goto(server.address)
    give(page, ("a.png", slice_file()), ("b.txt", NOT_A_PICTURE), ("study.zip", study_file()))
    expect(rows(page, ".done")).to_have_count(2)
    assert violations(page) == []
    rows(page, ".refused").click()
    assert violations(page) == []
    rows(page).nth(2).click()
    page.keyboard.press("h")
    expect(page.get_by_role("img", name="Heatmap")).to_be_visible()
    assert violations(page) == []
    for button in ("Wipe", "Keys"):
        page.get_by_role("button", name=button).click()
        assert violations(page) == []
        page.keyboard.press("Escape")
    page.context.set_offline(True)
    give(page, ("c.png", slice_file(seed=2)))
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []
    page.context.set_offline(False)
