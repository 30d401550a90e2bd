"""What a reader sees of an accepted slice, a doubtful one, and no CT at all; pytest keeps a screenshot of each."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from model import bundle
from model.labels import TITLES
from model.phantom import lung_phantom
from model.predictor import Options, Prediction, Predictor
from tests.end_to_end.reading import give, rows
from tests.pictures import encode

CANDIDATES = [(label, seed) for seed in range(40) for label in ("covid", "noncovid", "cap")]


def found(fits: str, level: float) -> tuple[bytes, Prediction]:
    """A phantom with a single label, or with several that are not told apart."""
    predictor = Predictor(bundle.load())
    for label, seed in CANDIDATES:
        pixels = lung_phantom(label, seed)
        answer = predictor.predict_slice(pixels, Options(level=level))
        accepted, many = bool(answer.gate and answer.gate.accepted), len(answer.prediction_set or ()) > 1
        if accepted and (bool(answer.label) if fits == "single" else many):
            return encode(pixels), answer
    pytest.fail(f"no phantom has a {fits} answer at {level}")


def ask(page: Page, level: float) -> None:
    """Let the page ask for sets at this level."""
    page.route(
        "**/predict?level=*", lambda r: r.continue_(url=re.sub(r"level=[\d.]+", f"level={level}", r.request.url))
    )


def test_an_accepted_slice_has_a_label_and_its_heatmap(page: Page, tmp_path: Path) -> None:
    data, answer = found("single", 0.5)
    ask(page, 0.5)
    give(page, ("accepted.png", data))
    expect(page.locator("[data-part=verdict]")).to_have_text(TITLES[str(answer.label)])
    with page.expect_response(re.compile("explain=true")):
        page.get_by_role("button", name="Heatmap").click()
    expect(page.get_by_role("img", name="Heatmap")).to_be_visible()
    page.screenshot(path=tmp_path / "accepted.png")


def test_a_doubtful_slice_has_no_label_but_its_set(page: Page, tmp_path: Path) -> None:
    data, answer = found("several", 0.99)
    ask(page, 0.99)
    give(page, ("doubtful.png", data))
    expect(page.locator("[data-part=verdict]")).to_have_text("No answer")
    expect(page.locator("[data-part=why]")).to_contain_text("cannot tell the classes apart")
    words = page.locator("[data-part=set]")
    for label in answer.prediction_set or ():
        expect(words).to_contain_text(TITLES[label])
    page.screenshot(path=tmp_path / "doubtful.png")


def test_a_photograph_is_refused_and_says_why(page: Page, tmp_path: Path) -> None:
    y, x = np.mgrid[0:300, 0:400]
    photograph = np.stack([x * 255 // 400, y * 255 // 300, 255 - x * 255 // 400], axis=-1).astype(np.uint8)
    give(page, ("photograph.png", encode(photograph)))
    expect(page.locator("[data-part=verdict]")).to_have_text("No answer")
    expect(page.locator("[data-part=why]")).to_contain_text("It is in colour; a CT slice is gray.")
    expect(rows(page, ".done")).to_have_count(1)
    page.screenshot(path=tmp_path / "photograph.png")
