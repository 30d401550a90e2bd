"""Make docs/screenshots/: every page and state, from phantoms only.

python tests/screenshots.py [NAME …]      # without names: all of them
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import ROOT
from tests.end_to_end.reading import give, rows
from tests.pictures import NOT_A_PICTURE, slice_file
from tests.scans import dicom_series, scan, zipped
from tests.server import start, stop

KINDS = ("covid", "noncovid", "cap")


def empty(page: Page) -> None:
    expect(page.get_by_role("button", name="Files")).to_be_visible()


def slices(page: Page) -> None:
    give(page, *((f"phantom {n + 1}.png", slice_file(KINDS[n % 3], n, size=512)) for n in range(24)))
    expect(page.locator("#progress-text")).to_have_text("24 read", timeout=60_000)


def marked(page: Page) -> None:
    slices(page)
    rows(page).nth(3).click()
    page.keyboard.press("a")


def heatmap(page: Page) -> None:
    marked(page)
    page.keyboard.press("h")
    page.wait_for_timeout(1000)


def study(page: Page) -> None:
    series = {f"{n}.dcm": data for n, data in enumerate(dicom_series(scan(40, size=256)))}
    give(page, ("phantom study.zip", zipped(series)))
    expect(rows(page, ".done")).to_have_count(1, timeout=60_000)
    page.wait_for_timeout(1500)
    page.get_by_role("slider", name="Probability along the body axis").focus()
    page.keyboard.press("PageUp")


def refused(page: Page) -> None:
    give(page, ("phantom.png", slice_file()), ("letter.txt", NOT_A_PICTURE), ("broken.png", slice_file()[:4000]))
    expect(rows(page, ".refused")).to_have_count(2)
    rows(page, ".refused").first.click()


def unreachable(page: Page) -> None:
    slices(page)
    page.context.set_offline(True)
    give(page, *((f"phantom {n + 1}.png", slice_file(KINDS[n % 3], n)) for n in range(24, 30)))
    expect(page.get_by_role("alert")).to_be_visible()


def keys(page: Page) -> None:
    slices(page)
    page.get_by_role("button", name="Keys").click()


STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "empty": ("/", empty),
    "slices": ("/", marked),
    "heatmap": ("/", heatmap),
    "study": ("/", study),
    "refused": ("/", refused),
    "unreachable": ("/", unreachable),
    "keys": ("/", keys),
    "about": ("/about", lambda page: None),
    "docs": ("/docs", lambda page: None),
    "model": ("/model", lambda page: None),
    "libraries": ("/libraries", lambda page: None),
    "problems": ("/problems", lambda page: None),
}
"""Name -> page, and what is done on it."""

SHAPES = {"": ("dark", 1280, 720), "-light": ("light", 1280, 720), "-tablet": ("dark", 820, 1180)}
"""Ending of the name -> theme, width, height."""


@contextmanager
def _pages() -> Iterator[Callable[[str, int, int], Page]]:
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=quiet)

        def opened(theme: str, width: int, height: int) -> Page:
            context = browser.new_context(viewport={"width": width, "height": height})
            context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
            return context.new_page()

        yield opened
        browser.close()


def main(names: Sequence[str], folder: Path = ROOT / "docs" / "screenshots") -> None:
    """Write these screenshots, and with `heatmap` the printed report."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary, _pages() as opened:
        server = start(Path(temporary))
        try:
            for name in names:
                path, act = STATES[name]
                for ending, shape in SHAPES.items():
                    if ending and name not in ("slices", "study", "about"):
                        continue
                    page = opened(*shape)
                    page.goto(server.address + path)
                    act(page)
                    page.screenshot(path=folder / f"{name}{ending}.png")
                    if name == "heatmap":
                        page.emulate_media(media="print")
                        page.set_viewport_size({"width": 794, "height": 1123})
                        page.evaluate("dispatchEvent(new Event('beforeprint'))")
                        page.wait_for_timeout(500)
                        page.screenshot(path=folder / "report.png")
                    page.context.close()
        finally:
            stop(server)


if __name__ == "__main__":
    main(sys.argv[1:] or list(STATES))
