from pathlib import Path

import pytest

from model import bundle
from model.card_text import cell
from model.drawn_cases import CASES
from model.model_card import markdown, sections
from model.reporting import CLAIM, SECTIONS, TRIPOD
from tests.conftest import ROOT


def test_the_document_is_the_cards() -> None:
    assert (ROOT / "docs" / "model_card.md").read_text() == markdown(bundle.load().card), "run: python -m training card"


def test_its_figures_are_those_of_the_card() -> None:
    card = bundle.load().card
    text = markdown(card)
    for figures in [card["metrics"]["test"]["all"], *card["metrics"]["test"]["institutions"].values()]:
        assert cell(figures["covid_auc"]) in text
    assert cell(card["calibration"]["test"]["all"]["coverage"]) in text


def test_it_says_what_it_is_not_for_and_that_of_which_class_there_are_too_few_patients() -> None:
    text = markdown(bundle.load().card)
    assert "not a screening test" in text
    assert "the data have 2 patients with it" in text


@pytest.mark.parametrize("lost", ["training", "metrics"])
def test_a_network_without_its_run_has_a_card_that_says_so(lost: str) -> None:
    text = markdown({**bundle.load().card, lost: None})
    assert "this network was published without its run" in text


def test_it_shows_the_drawn_slices_on_which_the_network_fails_and_no_others() -> None:
    card = {**bundle.load().card}
    right = {"label": "noncovid", "abstained": None, "probabilities": {"noncovid": 0.9, "covid": 0.1, "cap": 0.0}}
    card["drawn"] = {
        "drawn-healthy.png": right,
        "drawn-letters.png": {**right, "label": None, "abstained": "uncertain"},
        "drawn-wide.png": {**right, "label": None, "abstained": "not_chest_ct"},
        "drawn-cap.png": right,
    }
    (drawn,) = [one for one in sections(card) if one.pictures]
    assert list(drawn.pictures) == ["drawn-letters.png", "drawn-wide.png", "drawn-cap.png"]
    said = drawn.pictures["drawn-cap.png"]
    assert said.endswith("The network says Non-COVID, with 0.90, which is wrong.")
    assert drawn.pictures["drawn-letters.png"].endswith("No answer: it cannot tell the classes apart.")
    assert drawn.pictures["drawn-wide.png"].endswith("No answer: it takes this for no chest CT.")
    assert said in markdown(card)
    assert set(drawn.pictures) <= set(CASES)


def test_every_item_of_claim_and_tripod_names_a_section_of_the_card_or_says_why_not() -> None:
    made = sections(bundle.load().card)
    assert set(SECTIONS) <= {section.title for section in made}
    claim, tripod = (section.table.rows for section in made[-2:] if section.table)
    assert [row[0] for row in claim] == [str(number) for number in range(1, 45)]
    assert len(tripod) == len(TRIPOD) == 52
    assert len(claim) == len(CLAIM)


def test_an_older_bundle_has_a_card_without_the_new_sections(older_bundle: Path) -> None:
    titles = [section.title for section in sections(bundle.load(older_bundle).card)]
    assert "What is refused" not in titles
    assert "Calibration and prediction sets" not in titles
    assert "not in this card" in markdown(bundle.load(older_bundle).card)
