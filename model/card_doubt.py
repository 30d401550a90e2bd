"""What a card says of doubt: calibration, prediction sets, and what the gate refuses. A part of `model.model_card`."""

from collections.abc import Mapping
from typing import Any, Final

from model.card_text import Card, Section, Table, cell
from model.labels import TITLES
from model.reporting import CALIBRATION, GATE, GATE_ELSEWHERE, NEVER_SEEN, SETS

_CALIBRATION: Final = {
    "error_before": "calibration error before",
    "error_after": "after scaling",
    "coverage": "coverage of the sets",
    "set_size": "labels a set",
}


def calibration(card: Card) -> list[Section]:
    """How far its probabilities and sets can be taken at their word; nothing where it is not calibrated."""
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
        return [Section(CALIBRATION, text)]
    level = f"At the level {test['all']['level']:g}; calibration error is the expected one, over patients."
    made = [Section(CALIBRATION, [*text, level], _table(test, _CALIBRATION))]
    if fitted.get("sources_left_out"):
        note = "The source's patients are left out of the calibration of the sets; the network has seen others of it."
        left_out = _table(fitted["sources_left_out"], {name: _CALIBRATION[name] for name in ("coverage", "set_size")})
        made.append(Section(SETS, [note], left_out))
    if fitted.get("institutions_left_out"):
        note = (
            "For each source a network was trained by the same recipe without it, calibrated on the other sources, and "
            "judged on all of it. This is what a new hospital meets. Made by: python -m training card --left-out, "
            "with the bundles of those networks (docs/results.md)."
        )
        made.append(Section(NEVER_SEEN, [note], _table(fitted["institutions_left_out"], _CALIBRATION)))
    return made


def _table(of: Mapping[str, Mapping[str, Any]], columns: Mapping[str, str]) -> Table:
    rows = [[name, str(row["patients"]), *(cell(row[measure]) for measure in columns)] for name, row in of.items()]
    return Table(["source", "patients", *columns.values()], rows)


def gate(card: Card) -> list[Section]:
    """Which pictures get no label; nothing where there is no gate."""
    gate = card.get("gate")
    if not gate:
        return []
    limits, most = gate["limits"], f"{100 * gate['kept']:g} % of" if "kept" in gate else "most"
    return [
        Section(
            GATE,
            [
                "A picture gets no label when it is not like the axial chest CT slices of training: in colour, more "
                f"than {limits['aspect']:g} times longer than wide, smaller than {limits['side']} pixels, nearly "
                f"without contrast, or stranger than {most} chest CT slices are, each patient counting once. How "
                "strange is what two small dense layers say of its shapes: a thumbnail, and its edges by place and "
                "direction. They learned from slices of training and validation patients, as they are and as other "
                "hospitals might have made them, against pictures that our own code made: spoilt slices, drawn heads, "
                "bellies, limbs, shadows, scenes, text and noise. No real "
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
    return [Section(GATE_ELSEWHERE, [note], Table(["source", "slices", "refused"], rows))]
