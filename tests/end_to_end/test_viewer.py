"""The viewer by itself, on a page of its own under the policy of the real ones."""

import base64
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from app.headers import CONTENT_SECURITY_POLICY
from model.window import Window
from tests.end_to_end.conftest import watched_page
from tests.pictures import NOT_A_PICTURE, slice_file
from tests.scans import dicom_series, dicom_slice, scan, zipped
from tests.server import Server

HTML = """<!doctype html><html lang="en"><head><title>Viewer</title>
<link rel="stylesheet" href="/static/viewer/viewer.css"><link rel="stylesheet" href="/host.css"></head>
<body><div id="host"></div></body></html>"""
CSS = "#host { width: 900px; height: 680px; }"
SET_UP = """async () => {
    const { createViewer } = await import("/static/viewer/viewer.js");
    window.viewer = createViewer(document.getElementById("host"));
    window.slices = [];
    viewer.addEventListener("slice", (event) => slices.push(event.detail.index));
    window.blob = (text) => new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]);
    window.send = async (text) => {
        const body = new FormData();
        body.append("file", blob(text), "study");
        const shown = await viewer.showVolume(await fetch("/volumes", { method: "POST", body }));
        return shown;
    };
}"""
VOLUME = scan(6)
MIDDLE = [[1.0 if 3 <= x < 5 and 3 <= y < 5 else 0.0 for x in range(8)] for y in range(8)]


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A page with nothing but a viewer; fails the test on an error, a breach of the policy among them."""
    with watched_page(browser) as (page, _):
        page.route("**/viewer-alone", lambda route: fulfil(route, HTML, "text/html"))
        page.route("**/host.css", lambda route: fulfil(route, CSS, "text/css"))
        page.goto(f"{server.address}/viewer-alone")
        page.evaluate(SET_UP)
        yield page


def fulfil(route: Route, body: str, content_type: str) -> None:
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    route.fulfill(body=body, content_type=content_type, headers=headers)


def show_volume(page: Page, files: list[bytes]) -> bool:
    data = zipped({f"{number}.dcm": file for number, file in enumerate(files)})
    shown: bool = page.evaluate("(text) => send(text)", base64.b64encode(data).decode())
    return shown


def show_picture(page: Page, data: bytes) -> bool:
    shown: bool = page.evaluate("(text) => viewer.showPicture(blob(text))", base64.b64encode(data).decode())
    return shown


def snapshot(page: Page) -> NDArray[Any]:
    """What is shown, as (1024, 1024, 3)."""
    address = page.evaluate("viewer.snapshot()")
    return np.asarray(Image.open(BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB")).astype(int)


def inner(pixels: NDArray[Any]) -> NDArray[Any]:
    """Without the edges, where letters and figures stand."""
    return pixels[150:850, 150:850]


def expected(values: NDArray[Any], window: Window) -> NDArray[Any]:
    """A slice in a window, at the size of a snapshot."""
    gray = Image.fromarray(window.apply(values)).resize((1024, 1024), Image.Resampling.BILINEAR)
    return np.asarray(gray.convert("RGB")).astype(int)


def canvas(page: Page) -> Any:
    return page.locator("#host canvas")


def test_a_picture_is_shown_as_it_is_and_a_heatmap_lies_over_its_place(page: Page) -> None:
    assert show_picture(page, slice_file(size=512))
    plain = snapshot(page)
    gray = np.asarray(Image.open(BytesIO(slice_file(size=512))).resize((1024, 1024), Image.Resampling.BILINEAR))
    assert np.abs(inner(plain)[..., 0] - inner(gray.astype(int))).mean() < 2
    page.evaluate("(values) => viewer.showHeatmap({ values, label: 'COVID-19' })", MIDDLE)
    changed = np.abs(snapshot(page) - plain).sum(axis=2)
    assert changed[450:570, 450:570].min() > 20
    assert changed[150:250, 150:250].max() == 0
    page.evaluate("viewer.setOpacity(0)")
    assert np.abs(inner(snapshot(page)) - inner(plain)).max() == 0
    page.evaluate("viewer.showHeatmap(null)")
    assert np.abs(snapshot(page) - plain).max() == 0


def test_what_the_browser_cannot_read_is_said(page: Page) -> None:
    assert not show_picture(page, NOT_A_PICTURE)
    expect(canvas(page)).to_have_attribute("aria-label", re.compile("The picture cannot be shown here"))


def test_hounsfield_units_are_seen_through_each_window(page: Page) -> None:
    assert show_volume(page, dicom_series(VOLUME))
    expect(page.get_by_role("button", name="Coronal")).to_be_visible()  # all slices are there
    assert np.abs(inner(snapshot(page)) - inner(expected(VOLUME[0], Window()))).mean() < 2
    for name, window in (("Mediastinum", Window(40, 400)), ("Bone", Window(400, 1800))):
        page.get_by_role("button", name=name).click()
        assert np.abs(inner(snapshot(page)) - inner(expected(VOLUME[0], window))).mean() < 2
    page.get_by_label("Level", exact=True).fill("-500")
    page.get_by_label("Level", exact=True).press("Tab")
    page.get_by_label("Width", exact=True).fill("900")
    page.get_by_label("Width", exact=True).press("Tab")
    assert np.abs(inner(snapshot(page)) - inner(expected(VOLUME[0], Window(-500, 900)))).mean() < 2


def test_wheel_arrows_and_slider_scroll_and_the_heatmap_does_not_stay(page: Page) -> None:
    show_volume(page, dicom_series(VOLUME))
    page.evaluate("(values) => viewer.showHeatmap({ values, label: 'COVID-19' })", MIDDLE)
    expect(canvas(page)).to_have_attribute("aria-label", re.compile("Heatmap: COVID-19"))
    canvas(page).hover()
    page.mouse.wheel(0, 100)
    expect(canvas(page)).to_have_attribute("aria-label", re.compile(r"Slice 2 of 6, -295\.0 mm"))
    expect(canvas(page)).not_to_have_attribute("aria-label", re.compile("Heatmap"))
    canvas(page).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    page.get_by_label("Slice", exact=True).fill("3")
    page.evaluate("viewer.goTo(0)")
    assert page.evaluate("slices") == [1, 2, 5, 4, 3, 0]


def test_dragging_changes_the_window_and_double_click_fits_again(page: Page) -> None:
    show_volume(page, dicom_series(VOLUME))
    before = float(page.get_by_label("Width", exact=True).input_value())
    canvas(page).hover()
    page.mouse.down()
    page.mouse.move(700, 400, steps=3)
    page.mouse.up()
    expect(page.get_by_label("Width", exact=True)).not_to_have_value(str(before))
    page.get_by_role("button", name="Lung").click()
    page.mouse.move(1200, 700)
    frame(page)
    pixels = page.evaluate("document.querySelector('#host canvas').toDataURL()")
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Move").click()
    page.mouse.move(400, 400)
    page.mouse.down()
    page.mouse.move(450, 380, steps=3)
    page.mouse.up()
    frame(page)
    assert page.evaluate("document.querySelector('#host canvas').toDataURL()") != pixels
    canvas(page).dblclick()
    page.mouse.move(1200, 700)  # the value under the pointer is written, too
    frame(page)
    assert page.evaluate("document.querySelector('#host canvas').toDataURL()") == pixels


def frame(page: Page) -> None:
    """Wait until what was asked for is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_a_coronal_cut_has_the_head_above(page: Page) -> None:
    show_volume(page, dicom_series(VOLUME))
    page.get_by_role("button", name="Coronal").click()
    pixels = snapshot(page)  # 128 × 6 voxels of 1.5 × 5 mm
    assert pixels.shape[:2] == (160, 1024)
    cut = Window().apply(VOLUME[::-1, 64]).astype(int)
    middles = pixels[13::27, 300:700, 0][:6]
    assert np.abs(middles - np.repeat(cut, 8, axis=1)[:, 300:700]).mean() < 12


def test_a_slice_can_be_had_as_the_server_sees_it(page: Page) -> None:
    show_volume(page, dicom_series(VOLUME))
    text = page.evaluate(
        """async () => {
            const blob = await viewer.slice(4, { level: -600, width: 1500 });
            return btoa(String.fromCharCode(...new Uint8Array(await blob.arrayBuffer())));
        }"""
    )
    gray = np.asarray(Image.open(BytesIO(base64.b64decode(text))).convert("L")).astype(int)
    assert np.abs(gray - Window().apply(VOLUME[4]).astype(int)).max() <= 1


def test_a_stack_with_a_gap_is_not_cut_across(page: Page) -> None:
    files = dicom_series(VOLUME)
    show_volume(page, files[:3] + files[4:])
    expect(page.get_by_text("1 / 5")).to_be_visible()
    expect(page.get_by_role("button", name="Coronal")).to_be_hidden()


def test_a_slice_that_cannot_be_read_is_said_and_the_others_are_shown(page: Page) -> None:
    files = dicom_series(VOLUME)
    files[0] = files[0][:-5000]
    assert show_volume(page, files)
    page.wait_for_function("() => viewer.snapshot().length > 0")
    assert snapshot(page)[150:450].max() == 0
    page.evaluate("viewer.goTo(1)")
    assert snapshot(page)[150:450].max() > 100


def test_a_refused_file_leaves_no_picture_of_the_one_before(page: Page) -> None:
    show_volume(page, [dicom_slice()])
    assert not show_volume(page, [NOT_A_PICTURE])
    expect(canvas(page)).to_have_attribute("aria-label", re.compile("cannot be shown here"))
