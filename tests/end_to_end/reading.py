"""What a reader does on the page and sees there, for the tests of the page."""

import json
import urllib.request
from typing import Any

from playwright.sync_api import FilePayload, Locator, Page

from tests.scans import dicom_series, scan, zipped
from tests.server import Server


def ask(server: Server, path: str, data: bytes) -> dict[str, Any]:
    """The API's answer for a file."""
    request = urllib.request.Request(server.address + path, data, {"Content-Type": "application/octet-stream"})
    answer: dict[str, Any] = json.load(urllib.request.urlopen(request))
    return answer


def answer_of_the_api(server: Server, data: bytes) -> dict[str, Any]:
    """What it says of a slice."""
    prediction: dict[str, Any] = ask(server, "/predict", data)["predictions"][0]
    return prediction


def study_file(number: int = 8, size: int = 128) -> bytes:
    """A study of phantoms, as a zip."""
    return zipped({f"{index}.dcm": data for index, data in enumerate(dicom_series(scan(number, size=size)))})


def numbers(page: Page, place: str = "#answer [data-part=bars]") -> list[str]:
    """The probabilities that are shown."""
    return page.locator(place).locator("output").all_inner_texts()


def give(page: Page, *files: tuple[str, bytes]) -> None:
    """Choose files, as (name, content)."""
    chosen = [FilePayload(name=name, mimeType="", buffer=data) for name, data in files]
    page.locator("#files").set_input_files(chosen)


def rows(page: Page, state: str = "") -> Locator:
    """Of the list; `state` such as ".done"."""
    return page.locator(f"#list li{state}")


def names(page: Page) -> list[str]:
    """Of the items in the list."""
    return rows(page).locator(".name").all_text_contents()


def percentages(answer: dict[str, Any]) -> list[str]:
    """Its probabilities, as the page writes them."""
    return [f"{100 * p:.1f} %" for p in answer["probabilities"].values()]


def picture(page: Page) -> Locator:
    """What the viewer shows; its name says which slice, window and heatmap."""
    return page.get_by_role("img", name="Viewer")
