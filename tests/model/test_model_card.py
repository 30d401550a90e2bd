from pathlib import Path

import pytest

from model import bundle
from model.model_card import cell, markdown, sections
from model.samples import SAMPLES
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


def test_it_shows_what_the_network_says_of_drawn_slices() -> None:
    answers = {"cap": {"noncovid": 0.1, "covid": 0.7, "cap": 0.2}}
    (drawn,) = [one for one in sections({**bundle.load().card, "phantoms": answers}) if one.pictures]
    said = "Drawn as Common pneumonia: the network says COVID-19, with 0.70, which is wrong."
    assert drawn.pictures == {"synthetic-cap.png": said}
    assert set(drawn.pictures) <= set(SAMPLES)
    assert said in markdown({**bundle.load().card, "phantoms": answers})


def test_an_older_bundle_has_a_card_without_the_new_sections(older_bundle: Path) -> None:
    titles = [section.title for section in sections(bundle.load(older_bundle).card)]
    assert "What is refused" not in titles
    assert "Calibration and prediction sets" not in titles
