"""A card's facts -> the model card that people read: the sections of `docs/model_card.md` and of the page `/model`.

What CLAIM and TRIPOD+AI ask, and where it is answered, stands in `model.reporting`. Every figure is the card's.
"""

from collections.abc import Mapping
from typing import Any, Final

from model import card_doubt, reporting
from model.card_text import Card, Section, Table, cell, document, figures_table
from model.drawn_cases import CASES
from model.labels import LABELS, TITLES

FEW: Final = 10
"""Patients of a class, below which nothing can be said of it."""

ORIGINS: Final = {
    "covid_ct_md": "COVID-CT-MD (Afshar et al. 2021); licence not stated with the data",
    "mosmed_like": "by its counts, MosMedData (Morozov et al. 2020), CC BY-NC-ND 3.0",
    "soares": "SARS-CoV-2 CT-scan dataset (Soares et al. 2020); licence not stated with the data",
    "ucsd": "COVID-CT (Yang, He et al. 2020), pictures cut from papers, under the copyright of each",
}
"""Institution, as the data name it -> what the data say of where the pictures are from, and of their licence."""

_STAGE: Final = {
    "size": "pixels",
    "epochs": "epochs at most",
    "batch_size": "batch",
    "learning_rate": "learning rate",
    "schedule": "schedule",
    "weight_decay": "weight decay",
}
"""Key of a stage of training -> heading."""

_WHY: Final = {
    "not_chest_ct": "it takes this for no chest CT",
    "poor_quality": "the picture is too poor for it",
    "uncertain": "it cannot tell the classes apart",
}

_PARTS: Final = ("train", "validation", "test")


def sections(card: Card) -> list[Section]:
    """The whole card. What it does not know is said to be unknown, or left out."""
    made = [
        _summary(card),
        _intended(),
        _data(card),
        _protocol(card),
        _network(card),
        *_training(card),
        _figures(card),
        *_shortcuts(card),
        *card_doubt.calibration(card),
        *card_doubt.gate(card),
        _limits(card),
        *_drawn(card),
        _openness(),
    ]
    return [*made, *reporting.sections([section.title for section in made])]


def markdown(card: Card) -> str:
    """The card as a document."""
    return document(f"Model card of {card['name']} {card['version']}", sections(card))


def _summary(card: Card) -> Section:
    classes = ", ".join(TITLES[label] for label in card["labels"])
    return Section(
        reporting.SUMMARY,
        [
            f"A convolutional network (deep learning) that gives an axial chest CT slice probabilities of {classes}. "
            "Research use only. Not a medical device; not for diagnosis.",
            "The aim: to make the network of a published study (A. Sahu, 2021) usable, and to measure it on patients "
            "that had no part in it. It was developed and tested in retrospect, on published pictures; no hypothesis "
            "was stated before.",
            f"SHA-256 of its weights: {card['files'][card['name'] + '.h5']}. Made by: {card['published_by']}.",
        ],
    )


def _intended() -> Section:
    return Section(
        reporting.USE,
        [
            "Intended: research and teaching on axial chest CT slices, by people who can read them.",
            "Not intended: diagnosis, triage or any decision about a patient. Chest CT is not a screening test for "
            "COVID-19, and is not to be used as a first-line test for it (American College of Radiology, 2020); a "
            "network that reads chest CT is none, either.",
            "Not intended: X-rays, MR, other parts of the body, reformats, photographs of a screen, and other "
            "diseases: what the network was not taught it calls by one of its names all the same.",
        ],
    )


def _data(card: Card) -> Section:
    training = card.get("training")
    if not training:
        return Section(reporting.DATA, ["Not known: this network was published without its run."])
    sources = sorted({source for part in training["data"].values() for source in part["sources"]})
    parts = [training["data"][part]["sources"] for part in _PARTS]
    rows = [[source, *(_counts(part.get(source)) for part in parts)] for source in sources]
    return Section(
        reporting.DATA,
        [
            "By the institution that the data name. The labels are those of the data: by slice, by study, or by what "
            "is written of a picture; nobody read the slices again for this network.",
            "The pictures belong to their publishers, under their own licences; none comes with this project. "
            + " ".join(f"{source}: {ORIGINS[source]}." for source in sources if source in ORIGINS),
            "Cells: slices / patients of " + ", ".join(TITLES[label] for label in LABELS) + ".",
        ],
        Table(["source", *_PARTS], rows),
    )


def _counts(classes: Mapping[str, Mapping[str, int]] | None) -> str:
    found = [(classes or {}).get(label) for label in LABELS]
    return ", ".join("–" if one is None else f"{one['slices']} / {one['patients']}" for one in found)


def _protocol(card: Card) -> Section:
    text = [
        "Patients, never slices, are split into training, validation and test. The network, its temperature, its "
        "thresholds and its gate are fitted on training and validation patients; test patients are looked at once, "
        "when the network is published.",
        "Intervals are 95 % intervals of a bootstrap over patients.",
    ]
    data = (card.get("training") or {}).get("data", {})
    digests = [f"{part} {data[part]['sha256']}" for part in _PARTS if part in data]
    return Section(reporting.PROTOCOL, [*text, *([f"SHA-256 of the parts: {'; '.join(digests)}."] if digests else [])])


def _network(card: Card) -> Section:
    seen = card["preprocessing"]
    return Section(
        reporting.NETWORK,
        [
            f"{card['name']}: {card['parameters']:,} parameters; its layers stand in model/architecture.py and "
            f"model/zoo.py. A slice is squashed to {seen['size']} × {seen['size']} pixels from 0 to 1. "
            f"Hounsfield units are seen through level {seen['window_level']:g}, width {seen['window_width']:g}.",
            "Made with " + ", ".join(f"{name} {version}" for name, version in card["versions"].items()) + ".",
            *_int8(card.get("int8")),
        ],
    )


def _training(card: Card) -> list[Section]:
    experiment = (card.get("training") or {}).get("experiment")
    if not experiment:
        return []
    start = experiment["network"]["init_from"] or experiment["network"]["weights"]
    stages = [
        [f"{stage[key]:g}" if isinstance(stage[key], float) else str(stage[key]) for key in _STAGE]
        for stage in experiment["stages"]
    ]
    changes = [f"{name} {value}" for name, value in experiment["augmentation"].items() if value]
    text = [
        f"Weights to start from: {start}. Of the epochs of a stage, the one with the best validation "
        f"{experiment['monitor']} is kept; a stage ends after {experiment['patience']} without a better one. Label "
        f"smoothing {experiment['label_smoothing']:g}; slices are balanced by: {experiment['balance']}, a slice "
        f"counting {experiment['balance_limit']:g} times at most.",
        f"Each slice is changed by chance, each time, by as much as: {', '.join(changes)}. What else was tried "
        "stands in docs/results.md.",
    ]
    return [Section(reporting.TRAINING, text, Table(list(_STAGE.values()), stages))]


def _int8(tried: Mapping[str, Any] | None) -> list[str]:
    """What became of the trial of 8-bit integers."""
    if not tried:
        return []
    auc = tried["covid_auc"]
    return [
        f"In 8-bit integers it takes {1 / tried['times_faster']:.2f} times as long, calls {tried['agreement']:.1%} of "
        f"{tried['slices']} validation slices the same, and its AUC is {auc['int8']:.4f} instead of {auc['fp32']:.4f}; "
        + ("so that is what is served." if tried["passes"] else "it is not what is served.")
    ]


def _figures(card: Card) -> Section:
    metrics = card.get("metrics")
    if not metrics:
        return Section(reporting.FIGURES, ["None: this network was published without its run."])
    return Section(
        reporting.FIGURES,
        [f"Every slice is answered, whether or not the network would abstain. Made by: {metrics['command']}."],
        figures_table(metrics["test"]),
    )


def _shortcuts(card: Card) -> list[Section]:
    found = card.get("shortcuts")
    if not found:
        return []
    text = [
        "Naming each institution's most frequent class, without a look at the slice, gives an accuracy of "
        f"{found['institution_alone']:.3f} on the test patients.",
        "A network that reads lungs is hardly worse when all around the body is black, letters and table among it, and "
        "knows nothing when the lungs are filled with the gray of the body: its AUC is then 0.5. How far it is above "
        "that is what it owes to something else. Where the lungs are not found, they stay.",
    ]
    rows = [
        [what, cell(found[name]["accuracy"]), cell(found[name]["covid_auc"])]
        for name, what in (("without_surroundings", "around the body black"), ("without_lungs", "lungs filled"))
    ]
    return [Section(reporting.SHORTCUTS, text, Table(["slices", "accuracy", "AUC"], rows))]


def _limits(card: Card) -> Section:
    return Section(
        reporting.LIMITS,
        [
            *_few_patients(card),
            "Sources differ in what they call non-COVID, in window and in crop. A network can tell sources apart, and "
            "so profit from what is no sign of a disease; the figure of one source says nothing of another.",
            "There are no figures by age, sex, severity or scanner.",
            "A heatmap shows which places spoke for a class. It is no outline of a lesion, and does not make an answer "
            "right. python -m training evaluate --report checks whether wiping its hottest places lowers "
            "the probability more than wiping others: where it does not, the heatmap is a hint and no proof.",
        ],
    )


def _drawn(card: Card) -> list[Section]:
    """On which of our own drawings it fails: anybody may see that, with no patient's picture."""
    answers = card.get("drawn")
    if not answers:
        return []
    failures = {name: _failure(name, answer) for name, answer in answers.items()}
    note = (
        "No patient is in these slices: they are drawn from formulas, and a reader sees at once what is meant. They "
        "were chosen because the network fails on them, by another name or none: they do not tell how often it does."
    )
    return [Section(reporting.DRAWN, [note], pictures={name: words for name, words in failures.items() if words})]


def _failure(name: str, answer: Mapping[str, Any]) -> str | None:
    """What is wrong with an answer for one of `CASES`."""
    case, said = CASES[name], answer["label"]
    if said == case.label:
        return None
    if said is None:
        return f"{case.words} No answer: {_WHY[answer['abstained']]}."
    return f"{case.words} The network says {TITLES[said]}, with {answer['probabilities'][said]:.2f}, which is wrong."


def _openness() -> Section:
    return Section(
        reporting.OPENNESS,
        [
            "No ethics committee was asked: only pictures that others had published without names were used, and no "
            "patient was met. How they were freed from names, and whether patients consented, is for their publishers "
            "to say. Neither patients nor the public had a part.",
            "Code, network and this card are open (Apache-2.0); the pictures are not given away. No protocol was "
            "written or registered before. Nobody has declared funding or conflicts of interest.",
        ],
    )


def _few_patients(card: Card) -> list[str]:
    """A sentence for each class of which there are too few patients to say anything."""
    data = (card.get("training") or {}).get("data", {})
    found = []
    for label in card["labels"] if data else ():
        classes = [source.get(label, {}) for part in data.values() for source in part["sources"].values()]
        patients = sum(counts.get("patients", 0) for counts in classes)
        if patients < FEW:
            found.append(
                f"{TITLES[label]} ({label}): the data have {patients} patients with it. No figure for it can be given, "
                "and its probability means little."
            )
    return found
