"""Where the card answers what two guidelines for such reports ask, item by item, and what it does not answer.

CLAIM: Checklist for Artificial Intelligence in Medical Imaging, 2024 update (Tejani et al., Radiology: Artificial
Intelligence 2024;6:e240300). TRIPOD+AI: Collins et al., BMJ 2024;385:e078378. Numbers are theirs, words are ours.
"""

from collections.abc import Collection
from typing import Final

from model.card_text import Section, Table

SUMMARY: Final = "Summary"
USE: Final = "Intended use, and what it is not for"
DATA: Final = "Data"
PROTOCOL: Final = "Protocol"
NETWORK: Final = "Network and input"
TRAINING: Final = "Training"
FIGURES: Final = "Figures on test patients"
SHORTCUTS: Final = "What the network could know without the lungs"
CALIBRATION: Final = "Calibration and prediction sets"
SETS: Final = "Prediction sets of a source that is left out"
NEVER_SEEN: Final = "Calibration and sets of a source that the network has never seen"
GATE: Final = "What is refused"
GATE_ELSEWHERE: Final = "Chest CT of a source that is left out"
LIMITS: Final = "Known failures and limits"
DRAWN: Final = "Failures on drawn slices"
OPENNESS: Final = "Ethics, openness and funding"

_UNKNOWN: Final = "not known: the data do not say"
_NONE: Final = "not done"

Item = tuple[str, str, str]
"""Number, what is asked, and the section that answers, or why none does."""

CLAIM: Final[tuple[Item, ...]] = (
    ("1", "the kind of AI, in the title", SUMMARY),
    ("2", "a structured summary", SUMMARY),
    ("3", "background, clinical role", USE),
    ("4", "aims and hypotheses", SUMMARY),
    ("5", "prospective or retrospective", SUMMARY),
    ("6", "goal of the study", SUMMARY),
    ("7", "sources of the data", DATA),
    ("8", "who was included, and how chosen", f"{_UNKNOWN} how their publishers chose"),
    ("9", "preprocessing", NETWORK),
    ("10", "selection of parts of the data", "no part was selected: all readable slices are used"),
    ("11", "de-identification", OPENNESS),
    ("12", "missing data", "none is filled in: a slice without a label is not used"),
    ("13", "how the pictures were acquired", _UNKNOWN),
    ("14", "definition of the reference standard", DATA),
    ("15", "why this reference standard", "none other comes with the data"),
    ("16", "who annotated", _UNKNOWN),
    ("17", "how it was annotated", _UNKNOWN),
    ("18", "agreement of annotators", _UNKNOWN),
    ("19", "how the data were split", PROTOCOL),
    ("20", "at which level the parts are disjoint", PROTOCOL),
    ("21", "intended size of the test set", f"{_NONE}: the size is that of the data; the intervals tell what it bears"),
    ("22", "architecture", NETWORK),
    ("23", "software and versions", NETWORK),
    ("24", "how parameters were initialised", TRAINING),
    ("25", "training: augmentation, hyperparameters", TRAINING),
    ("26", "how the final model was selected", TRAINING),
    ("27", "ensembling", "there is none"),
    ("28", "measures of performance", FIGURES),
    ("29", "uncertainty of the measures", PROTOCOL),
    ("30", "robustness", SHORTCUTS),
    ("31", "explainability, and its validation", LIMITS),
    ("32", "testing on internal data", FIGURES),
    ("33", "testing on external data", f"{_NONE}; docs/results.md tells what the recipe is worth there"),
    ("34", "registration of a clinical trial", "there was no trial"),
    ("35", "numbers included and excluded, with a diagram", "in part: Data has those included; there is no diagram"),
    ("36", "age, sex, severity in each part", _UNKNOWN),
    ("37", "performance in all parts and subgroups", FIGURES),
    ("38", "diagnostic accuracy with intervals", FIGURES),
    ("39", "analysis of failures", DRAWN),
    ("40", "limitations", LIMITS),
    ("41", "implications for practice", USE),
    ("42", "the full protocol", OPENNESS),
    ("43", "availability of software, model, data", OPENNESS),
    ("44", "funding", OPENNESS),
)

TRIPOD: Final[tuple[Item, ...]] = (
    ("1", "title: development or evaluation, population, outcome", SUMMARY),
    ("2", "abstract", SUMMARY),
    ("3a", "healthcare context, existing models", "in part: Intended use; no other model is discussed"),
    ("3b", "target population, purpose, users", USE),
    ("3c", "known inequalities in health", f"{_NONE}: the data know neither age, sex nor origin"),
    ("4", "objectives", SUMMARY),
    ("5a", "sources of the data, and what they represent", DATA),
    ("5b", "dates", _UNKNOWN),
    ("6a", "setting, number and place of centres", f"{_UNKNOWN}, but for the sources' names"),
    ("6b", "eligibility", _UNKNOWN),
    ("6c", "treatments", _UNKNOWN),
    ("7", "preparation and quality of the data", NETWORK),
    ("8a", "definition of the outcome", DATA),
    ("8b", "who assessed the outcome", _UNKNOWN),
    ("8c", "blinding of that", _UNKNOWN),
    ("9a", "choice of predictors", "the pixels of a slice, and nothing else"),
    ("9b", "definition of predictors", NETWORK),
    ("9c", "who assessed the predictors", "nobody: pixels"),
    ("10", "size of the study", f"{_NONE}: the size is that of the data"),
    ("11", "missing data", "none is filled in: a slice without a label is not used"),
    ("12a", "how the data were used and split", PROTOCOL),
    ("12b", "how predictors were handled", NETWORK),
    ("12c", "type of model, steps, tuning, internal validation", TRAINING),
    ("12d", "differences between clusters", FIGURES),
    ("12e", "measures and plots", FIGURES),
    ("12f", "updating after evaluation", "there was none"),
    ("12g", "how predictions are calculated", NETWORK),
    ("13", "class imbalance", TRAINING),
    ("14", "fairness", f"{_NONE}: the data know neither age, sex nor origin; sources are balanced in training"),
    ("15", "output, and its thresholds", CALIBRATION),
    ("16", "differences between development and evaluation data", DATA),
    ("17", "ethical approval and consent", OPENNESS),
    ("18a", "funding", OPENNESS),
    ("18b", "conflicts of interest", OPENNESS),
    ("18c", "study protocol", OPENNESS),
    ("18d", "registration", OPENNESS),
    ("18e", "data sharing", OPENNESS),
    ("18f", "code sharing", OPENNESS),
    ("19", "patients and public involved", OPENNESS),
    ("20a", "flow of participants", DATA),
    ("20b", "characteristics of participants", f"{_UNKNOWN}, but for source and class"),
    ("20c", "comparison of their distribution in the parts", DATA),
    ("21", "participants and outcomes in each analysis", DATA),
    ("22", "the full model", OPENNESS),
    ("23a", "performance with intervals", FIGURES),
    ("23b", "performance by cluster", FIGURES),
    ("24", "results of updating", "there was none"),
    ("25", "interpretation", LIMITS),
    ("26", "limitations", LIMITS),
    ("27a", "poor or missing input in use", GATE),
    ("27b", "what users must do and know", USE),
    ("27c", "next steps of research", _NONE),
)


def sections(titles: Collection[str]) -> list[Section]:
    """Both guidelines as tables, for a card that has sections of these titles."""
    return [
        _section("CLAIM 2024, item by item", CLAIM, titles),
        _section("TRIPOD+AI, item by item", TRIPOD, titles),
    ]


def _section(title: str, items: tuple[Item, ...], titles: Collection[str]) -> Section:
    note = "The section that answers; or, where none does, why."
    rows = [[number, asked, _answer(answer, titles)] for number, asked, answer in items]
    return Section(title, [note], Table(["item", "what is asked", "answered"], rows))


def _answer(answer: str, titles: Collection[str]) -> str:
    missing = answer in SECTIONS and answer not in titles
    return "not in this card" if missing else answer


SECTIONS: Final = frozenset(answer for _, _, answer in (*CLAIM, *TRIPOD) if answer[0].isupper())
"""The titles that the items name."""
