"""Make docs/screenshots/: every page and state, from phantoms only.

python tests/screenshots.py [NAME …]      # without names: all of them
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from PIL import Image
from playwright.sync_api import Page, Route, expect, sync_playwright

from tests.conftest import ROOT
from tests.end_to_end.conftest import QUIET
from tests.end_to_end.reading import give, rows, study_file
from tests.pictures import NOT_A_PICTURE, slice_file
from tests.server import Server, kill, start, stop

KINDS = ("covid", "noncovid", "cap")
SHAPES = {"": ("dark", 1280, 720), "-light": ("light", 1280, 720), "-tablet": ("dark", 820, 1180)}
"""Ending of the name -> theme, width, height."""


def phantoms(number: int) -> list[tuple[str, bytes]]:
    return [(f"phantom {n + 1}.png", slice_file(KINDS[n % 3], n, size=512)) for n in range(number)]


def as_it_is(page: Page) -> None:
    page.wait_for_load_state("networkidle")


def running(page: Page) -> list[Route]:
    """Twelve slices are read; gives the requests of the others, which are held back."""
    held: list[Route] = []
    asked = count(1)
    page.route("**/predict?level=*", lambda route: route.continue_() if next(asked) <= 2 else held.append(route))
    give(page, *phantoms(36))
    expect(rows(page, ".done")).to_have_count(12, timeout=60_000)
    return held


def slices(page: Page) -> None:
    give(page, *phantoms(15))
    expect(page.locator("#progress-text")).to_have_text("15 read", timeout=60_000)


def marked(page: Page) -> None:
    slices(page)
    rows(page).nth(3).click()
    page.keyboard.press("a")


def heated(page: Page) -> None:
    page.keyboard.press("h")
    expect(page.get_by_role("img", name="Heatmap")).to_be_visible(timeout=60_000)


def heatmap(page: Page) -> None:
    marked(page)
    heated(page)


def study(page: Page) -> None:
    give(page, ("phantom study.zip", study_file(30, size=256)))
    expect(rows(page, ".done")).to_have_count(1, timeout=60_000)
    expect(page.get_by_role("button", name="Coronal")).to_be_visible(timeout=60_000)
    page.get_by_role("slider", name="Probability along the body axis").press("PageUp")


def study_heatmap(page: Page) -> None:
    study(page)
    heated(page)


def refused(page: Page) -> None:
    give(page, ("phantom.png", slice_file()), ("letter.txt", NOT_A_PICTURE), ("broken.png", slice_file()[:4000]))
    expect(rows(page, ".refused")).to_have_count(2)
    rows(page, ".refused").first.click()


def server_away(page: Page) -> None:
    held = running(page)
    kill(servers[-1])
    for request in held:
        request.continue_()
    expect(page.get_by_role("alert")).to_be_visible()
    servers.append(start(servers[-1].temporary, PORT=str(servers[-1].port)))


def wipe(page: Page) -> None:
    marked(page)
    page.get_by_role("button", name="Wipe").click()


def keys(page: Page) -> None:
    marked(page)
    page.get_by_role("button", name="Keys").click()


def noted(page: Page) -> None:
    heatmap(page)
    page.get_by_label("Note or conclusion").fill("A phantom: drawn by a program, of nobody.")


STATES: dict[str, tuple[str, Callable[[Page], object], tuple[str, ...]]] = {
    "empty": ("/", as_it_is, ("", "-light", "-tablet")),
    "running": ("/", running, ("",)),
    "slices": ("/", marked, ("", "-light", "-tablet")),
    "heatmap": ("/", heatmap, ("", "-light")),
    "study": ("/", study, ("", "-light", "-tablet")),
    "study-heatmap": ("/", study_heatmap, ("", "-light", "-tablet")),
    "refused": ("/", refused, ("", "-light")),
    "server-away": ("/", server_away, ("", "-light")),
    "wipe": ("/", wipe, ("", "-light")),
    "keys": ("/", keys, ("", "-light")),
    "report": ("/", noted, ("-printed",)),
    **{
        name: (f"/{name}", as_it_is, ("", "-light"))
        for name in ("about", "docs", "docs/try", "model", "libraries", "problems")
    },
}
"""Name -> page, what is done on it, and the shapes in which it is taken."""

servers: list[Server] = []
"""That were started; the last is alive."""


def picture_of(page: Page, ending: str) -> bytes:
    """The page in one of the shapes; printed, its first sheet."""
    if ending == "-printed":
        pdf = page.pdf(prefer_css_page_size=True)
        return subprocess.run(["pdftoppm", "-r", "96", "-png", "-"], input=pdf, capture_output=True, check=True).stdout
    theme, width, height = SHAPES[ending]
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate("theme => (document.documentElement.dataset.theme = theme)", theme)
    page.wait_for_timeout(500)
    return page.screenshot()


def save(picture: bytes, path: Path) -> None:
    """As a palette of 256 colours, which the eye hardly sees and which takes a quarter of the bytes."""
    colours = Image.open(BytesIO(picture)).convert("RGB")
    colours.quantize(method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)


def main(names: Sequence[str], folder: Path = ROOT / "docs" / "screenshots") -> None:
    """Write these screenshots."""
    with TemporaryDirectory() as temporary, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
        servers.append(start(Path(temporary)))
        try:
            for name in names:
                path, act, endings = STATES[name]
                page = browser.new_page(viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
                page.goto(servers[-1].address + path)
                act(page)
                for ending in endings:
                    save(picture_of(page, ending), folder / f"{name.replace('/', '-')}{ending}.png")
                page.close()
        finally:
            stop(servers[-1])
            browser.close()


if __name__ == "__main__":
    main(sys.argv[1:] or list(STATES))
