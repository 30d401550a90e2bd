"""A card's facts -> the model card that people read: the sections of `docs/model_card.md` and of the page `/model`.

Headings follow CLAIM (Mongan et al. 2020) and TRIPOD+AI (Collins et al. 2024). Every figure is the card's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from model.labels import LABELS, TITLES
from model.samples import sample_name

Card = Mapping[str, Any]

COLUMNS: Final = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced acc.",
    "f1_macro": "F1",
    "recall_noncovid": "recall non-COVID",
    "recall_covid": "recall COVID-19",
    "recall_cap": "recall CAP",
    "covid_auc": "AUC COVID-19",
}
"""Measure -> heading, in the order of the table."""

_CALIBRATION: Final = {
    "error_before": "calibration error before",
    "error_after": "after scaling",
    "coverage": "coverage of the sets",
    "set_size": "labels a set",
}

FEW: Final = 10
"""Patients of a class, below which nothing can be said of it."""

ORIGINS: Final = {
    "covid_ct_md": "COVID-CT-MD (Afshar et al. 2021); licence not stated with the data",
    "mosmed_like": "by its counts, MosMedData (Morozov et al. 2020), CC BY-NC-ND 3.0",
    "soares": "SARS-CoV-2 CT-scan dataset (Soares et al. 2020); licence not stated with the data",
    "ucsd": "COVID-CT (Yang, He et al. 2020), pictures cut from papers, under the copyright of each",
}
"""Institution, as the data name it -> what the data say of where the pictures are from, and of their licence."""

_PARTS: Final = ("train", "validation", "test")


@dataclass(frozen=True)
class Table:
    """Headings and rows of text."""

    headings: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Section:
    """One heading of the card: sentences, then perhaps a table."""

    title: str
    paragraphs: list[str]
    table: Table | None = None
    pictures: Mapping[str, str] = field(default_factory=dict)
    """Name of a synthetic slice (`model.samples`) -> what is to be said of it."""


def sections(card: Card) -> list[Section]:
    """The whole card. What it does not know is said to be unknown, or left out."""
    made = [_summary(card), _intended(), _data(card), _protocol(card), _network(card), _figures(card)]
    return [*made, *_shortcuts(card), *_calibration(card), *_gate(card), _limits(card), *_drawn(card)]


def markdown(card: Card) -> str:
    """The card as a document."""
    lines = [f"# Model card of {card['name']} {card['version']}", ""]
    for section in sections(card):
        lines += [f"## {section.title}", ""]
        for paragraph in section.paragraphs:
            lines += [paragraph, ""]
        lines += [f"- {words}" for words in section.pictures.values()] + [""] * bool(section.pictures)
        if section.table:
            lines += [table_row(section.table.headings), "|" + "---|" * len(section.table.headings)]
            lines += [*map(table_row, section.table.rows), ""]
    return "\n".join(lines).rstrip() + "\n"


def cell(measure: Mapping[str, float | None]) -> str:
    """A measure of a card as text: value (95 % interval)."""
    value, low, high = measure["value"], measure["low"], measure["high"]
    return "–" if value is None else f"{value:.3f} ({low:.3f}–{high:.3f})"


def figures_table(figures: Mapping[str, Any]) -> Table:
    """The figures of some slices, as the card holds them: a row for all, and one for each source."""
    rows = [
        [name, str(row["slices"]), str(row["patients"]), *(cell(row[measure]) for measure in COLUMNS)]
        for name, row in [("all", figures["all"]), *figures["institutions"].items()]
    ]
    return Table(["source", "slices", "patients", *COLUMNS.values()], rows)


def table_row(cells: Iterable[str]) -> str:
    """A line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def _summary(card: Card) -> Section:
    classes = ", ".join(TITLES[label] for label in card["labels"])
    return Section(
        "Summary",
        [
            f"A convolutional network that gives an axial chest CT slice probabilities of {classes}. Research use "
            "only. Not a medical device; not for diagnosis.",
            f"SHA-256 of its weights: {card['files'][card['name'] + '.h5']}. Made by: {card['published_by']}.",
        ],
    )


def _intended() -> Section:
    return Section(
        "Intended use, and what it is not for",
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
        return Section("Data", ["Not known: this network was published without its run."])
    sources = sorted({source for part in training["data"].values() for source in part["sources"]})
    parts = [training["data"][part]["sources"] for part in _PARTS]
    rows = [[source, *(_counts(part.get(source)) for part in parts)] for source in sources]
    return Section(
        "Data",
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
    return Section("Protocol", [*text, *([f"SHA-256 of the parts: {'; '.join(digests)}."] if digests else [])])


def _network(card: Card) -> Section:
    seen = card["preprocessing"]
    return Section(
        "Network and input",
        [
            f"{card['name']}: {card['parameters']:,} parameters; input {seen['size']} × {seen['size']} pixels, from 0 "
            f"to 1. Hounsfield units are seen through level {seen['window_level']:g}, width {seen['window_width']:g}.",
            "Made with " + ", ".join(f"{name} {version}" for name, version in card["versions"].items()) + ".",
        ],
    )


def _figures(card: Card) -> Section:
    metrics = card.get("metrics")
    if not metrics:
        return Section("Figures on test patients", ["None: this network was published without its run."])
    return Section(
        "Figures on test patients",
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
    return [Section("What the network could know without the lungs", text, Table(["slices", "accuracy", "AUC"], rows))]


def _calibration(card: Card) -> list[Section]:
    fitted = card.get("calibration")
    if not fitted:
        return []
    marginal = ", ".join(TITLES[label] for label in fitted["marginal"])
    few = f" Too few patients for thresholds of their own, so with those of all classes together: {marginal}."
    text = [
        f"Logits are divided by {fitted['temperature']:g}. A prediction set holds the labels that stay possible at a "
        "level: of patients like those of validation, the set of so many holds the true label."
        + (few if marginal else ""),
        "The guarantee ends where the hospital changes.",
    ]
    test = fitted.get("test")
    if not test:
        return [Section("Calibration and prediction sets", text)]
    level = f"At the level {test['all']['level']:g}; calibration error is the expected one, over patients."
    made = [Section("Calibration and prediction sets", [*text, level], _table(test, _CALIBRATION))]
    if fitted.get("sources_left_out"):
        note = "The source's patients are left out of the calibration of the sets; the network has seen others of it."
        left_out = _table(fitted["sources_left_out"], {name: _CALIBRATION[name] for name in ("coverage", "set_size")})
        made.append(Section("Prediction sets of a source that is left out", [note], left_out))
    return made


def _table(of: Mapping[str, Mapping[str, Any]], columns: Mapping[str, str]) -> Table:
    rows = [[name, str(row["patients"]), *(cell(row[measure]) for measure in columns)] for name, row in of.items()]
    return Table(["source", "patients", *columns.values()], rows)


def _gate(card: Card) -> list[Section]:
    gate = card.get("gate")
    if not gate:
        return []
    limits = gate["limits"]
    return [
        Section(
            "What is refused",
            [
                "A picture gets no label when it is not like the axial chest CT slices of training: in colour, more "
                f"than {limits['aspect']:g} times longer than wide, smaller than {limits['side']} pixels, nearly "
                "without contrast, or stranger than 97 % of validation slices. How strange is what two small dense "
                "layers say of its shapes: a thumbnail, and its edges by place and direction. They learned from "
                "training slices, as they are and as other hospitals might have made them, against pictures that our "
                "own code made: spoilt slices, drawn heads, bellies, limbs, shadows, scenes, text and noise. No real "
                "picture of another kind had a part in it.",
                "Nor does it get one when its prediction set is not a single label.",
            ],
        ),
        *_gate_elsewhere(gate.get("sources_left_out")),
    ]


def _gate_elsewhere(found: Mapping[str, Mapping[str, Any]] | None) -> list[Section]:
    if not found:
        return []
    rows = [[name, str(row["slices"]), f"{row['refused']:.3f}"] for name, row in found.items()]
    note = (
        "The gate was fitted once more without each source, threshold and all; how many of its slices that gate "
        "refuses, although each shows a chest. It does not look at the network, so this is what a new hospital meets."
    )
    return [Section("Chest CT of a source that is left out", [note], Table(["source", "slices", "refused"], rows))]


def _limits(card: Card) -> Section:
    return Section(
        "Known failures and limits",
        [
            *_few_patients(card),
            "Sources differ in what they call non-COVID, in window and in crop. A network can tell sources apart, and "
            "so profit from what is no sign of a disease; the figure of one source says nothing of another.",
            "There are no figures by age, sex, severity or scanner.",
            "A heatmap shows which places spoke for a class. It is no outline of a lesion, and does not make an answer "
            "right. `python -m training evaluate --report` checks whether wiping its hottest places lowers "
            "the probability more than wiping others: where it does not, the heatmap is a hint and no proof.",
        ],
    )


def _drawn(card: Card) -> list[Section]:
    """What the network says of our own phantoms: a failure that anybody may see, with no patient's picture."""
    answers = card.get("phantoms")
    if not answers:
        return []
    words = {}
    for label, probabilities in answers.items():
        said = max(probabilities, key=lambda one: probabilities[one])
        verdict = "right" if said == label else "wrong"
        words[sample_name(label)] = (
            f"Drawn as {TITLES[label]}: the network says {TITLES[said]}, with "
            f"{probabilities[said]:.2f}, which is {verdict}."
        )
    note = (
        "No patient is in these slices: they are drawn from formulas. A reader sees at once what is meant; the "
        "network, which learned from other pictures, may be sure and wrong all the same."
    )
    return [Section("What it says of drawn slices", [note], pictures=words)]


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
