"""What the reader does with the answers: finds, marks, notes, saves, prints, wipes."""

import csv
import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from model.labels import TITLES
from tests.conftest import absent
from tests.end_to_end.reading import answer_of_the_api, ask, give, names, percentages, rows, study_file
from tests.pictures import NOT_A_PICTURE, slice_file
from tests.server import Server

SLICES = {f"{label} {seed}.png": slice_file(label, seed) for seed in range(4) for label in ("covid", "noncovid", "cap")}


def saved(page: Page, button: str) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return download.value.path().read_text()


def choose(page: Page, what: str, option: str) -> None:
    """An option of one of the lists of choices, whatever number stands behind it."""
    options = page.locator(f"#{what}")
    wanted = options.locator("option", has_text=re.compile(f"^{re.escape(option)}"))
    expect(wanted).to_have_count(1)
    options.select_option(label=wanted.text_content())


def test_the_csv_has_the_numbers_of_the_api_and_the_readers_mark(page: Page, server: Server) -> None:
    give(page, ("=a.png", slice_file()), ("b.txt", NOT_A_PICTURE))
    expect(rows(page, ".refused")).to_have_count(1)
    page.keyboard.press("a")
    table = list(csv.DictReader(saved(page, "CSV").splitlines()))
    probabilities = answer_of_the_api(server, slice_file())["probabilities"]
    assert [name for name in table[0] if name.startswith("probability_")] == [f"probability_{n}" for n in probabilities]
    assert [row["name"] for row in table] == ["'=a.png", "b.txt"]
    assert {label: float(table[0][f"probability_{label}"]) for label in probabilities} == probabilities
    assert (table[0]["mark"], table[1]["error"]) == ("agree", "unsupported_type")


def test_the_json_has_the_answers_of_the_api_as_they_came(page: Page, server: Server) -> None:
    give(page, ("a.png", slice_file()), ("b.txt", NOT_A_PICTURE), ("study.zip", study_file()))
    expect(rows(page, ".done")).to_have_count(2)
    page.keyboard.press("d")
    page.get_by_label("Note or conclusion").fill("Motion")
    session: dict[str, Any] = json.loads(saved(page, "JSON"))
    single, refused, study = session["items"]
    assert single["answer"] == {**answer_of_the_api(server, slice_file()), "filename": "a.png"}
    assert (single["mark"], single["note"]) == ("disagree", "Motion")
    assert (refused["answer"], refused["problem"]["code"]) == (None, "unsupported_type")
    expected = ask(server, "/studies", study_file())
    assert {**study["answer"], "request_id": ""} == {**expected, "request_id": ""}
    assert session["model"] == expected["model"]


def test_the_list_is_filtered_and_sorted_by_label_confidence_and_state(page: Page, server: Server) -> None:
    answers = {name: answer_of_the_api(server, data) for name, data in SLICES.items()}
    confidence = {name: max(answer["probabilities"].values()) for name, answer in answers.items()}
    give(page, *SLICES.items(), ("letter.txt", NOT_A_PICTURE))
    expect(page.locator("#progress-text")).to_contain_text("12 read")
    for label in TITLES:
        choose(page, "show", TITLES[label])
        assert sorted(names(page)) == sorted(name for name, answer in answers.items() if answer["label"] == label)
    choose(page, "show", "No answer")
    assert sorted(names(page)) == sorted(name for name, answer in answers.items() if not answer["label"])
    choose(page, "show", "Refused or failed (1)")
    assert names(page) == ["letter.txt"]
    choose(page, "show", "All (13)")
    choose(page, "confidence", "at least 70 %")
    assert sorted(names(page)) == sorted(name for name in answers if confidence[name] >= 0.7)
    choose(page, "confidence", "below 70 %")
    choose(page, "sort", "Confidence, lowest first")
    assert names(page) == sorted((name for name in answers if confidence[name] < 0.7), key=lambda n: confidence[n])
    choose(page, "confidence", "any")
    choose(page, "sort", "COVID-19, most probable first")
    covid = {name: answer["probabilities"]["covid"] for name, answer in answers.items()}
    assert names(page)[:12] == sorted(answers, key=lambda name: -covid[name])
    choose(page, "sort", "State")
    assert names(page)[0] == "letter.txt"


def test_marks_and_notes_are_found_again_and_stay_in_the_page(page: Page) -> None:
    give(page, ("a.png", slice_file(seed=1)), ("b.png", slice_file(seed=2)), ("c.png", slice_file(seed=3)))
    expect(rows(page, ".done")).to_have_count(3)
    page.wait_for_load_state("networkidle")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.get_by_role("button", name="Agree", exact=True).click()
    page.keyboard.press("j")
    page.get_by_role("button", name="Disagree").click()
    page.get_by_label("Note or conclusion").fill("An old scar")
    choose(page, "show", "I disagree (1)")
    assert names(page) == ["b.png"]
    choose(page, "show", "Not marked (1)")
    assert names(page) == ["c.png"]
    choose(page, "show", "All (3)")
    rows(page).nth(0).click()
    expect(page.get_by_label("Note or conclusion")).to_have_value("")
    page.get_by_role("button", name="Agree", exact=True).click()  # the same mark again takes it back
    choose(page, "show", "Not marked (2)")
    choose(page, "show", "All (3)")
    rows(page).nth(1).click()
    expect(page.get_by_label("Note or conclusion")).to_have_value("An old scar")
    assert [url for url in sent if not url.startswith("blob:")] == []
    stored = page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    assert set(stored) <= {"theme"}


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


def test_wiping_forgets_everything_and_what_is_on_its_way(page: Page) -> None:
    give(page, ("a.png", slice_file()))
    expect(rows(page, ".done")).to_have_count(1)
    give(page, *((f"more {number}.png", slice_file(seed=number)) for number in range(30)))
    page.get_by_role("button", name="Wipe").click()
    page.locator("#wipe-dialog").get_by_role("button", name="Cancel").click()
    expect(rows(page)).to_have_count(31)
    page.get_by_role("button", name="Wipe").click()
    page.locator("#wipe-dialog").get_by_role("button", name="Wipe").click()
    expect(page.locator("#reader")).to_be_hidden()
    page.wait_for_load_state("networkidle")
    assert "a.png" not in page.content()
    give(page, ("b.png", slice_file(seed=2)))
    expect(rows(page, ".done")).to_have_count(1)
    assert names(page) == ["b.png"]
