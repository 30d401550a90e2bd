"""How the facts of a card are written for people: sections, tables, measures. What they say: `model.model_card`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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
    """Name of a drawn slice (`model.drawn_cases`) -> what is to be said of it."""


def document(title: str, sections: Iterable[Section]) -> str:
    """The sections as a document."""
    lines = [f"# {title}", ""]
    for section in sections:
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
