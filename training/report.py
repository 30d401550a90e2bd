"""An evaluation as one HTML page that needs no other file, with its figures beside it as PNG."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment
from matplotlib.figure import Figure

from model.card_text import figures_table
from training import figures
from training.manifest import Row
from training.metrics import Probabilities

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } th, td { padding: .3rem .8rem; border-bottom: 1px solid #ccc; text-align: left; }
img { max-width: 100%; } code { background: #eee; padding: 0 .3rem; }
</style></head><body>
<h1>{{ title }}</h1>
<p>Research use only. Value, and 95 % interval by bootstrap over patients. Made by <code>{{ command }}</code></p>
<ul>{% for note in notes %}<li>{{ note }}</li>{% endfor %}</ul>
<table><thead><tr>{% for heading in table.headings %}<th>{{ heading }}</th>{% endfor %}</tr></thead><tbody>
{% for row in table.rows %}<tr>{% for value in row %}<td>{{ value }}</td>{% endfor %}</tr>{% endfor %}
</tbody></table>
{% for name, picture in pictures.items() %}<h2>{{ name }}</h2><img alt="{{ name }}" src="{{ picture }}">{% endfor %}
</body></html>
"""


def write(
    folder: Path,
    title: str,
    command: str,
    summary: Mapping[str, Any],
    probabilities: Probabilities,
    rows: Sequence[Row],
    history: Sequence[Mapping[str, Any]],
    notes: Sequence[str] = (),
    before: Probabilities | None = None,
    more: Mapping[str, Figure] | None = None,
) -> Path:
    """Write ``report.html`` and its figures into `folder`; returns the page's path.

    Args:
        folder: made where it is not there.
        title: what was evaluated.
        command: what the user ran.
        summary: of `training.metrics.summary`.
        probabilities: (n, 3), of `rows`.
        rows: the slices that were evaluated.
        history: a line an epoch, where it is known.
        notes: what a reader of the figures must know, a sentence each.
        before: (n, 3), the probabilities before they were scaled, where they were.
        more: heading -> figure, to be added.
    """
    drawn: dict[str, Figure] = {
        "Confusion matrix": figures.confusion_matrix(probabilities, rows),
        "ROC": figures.roc(probabilities, rows),
        "Reliability": figures.reliability(probabilities, rows, before),
        "Risk and coverage": figures.risk_coverage(probabilities, rows),
        **(more or {}),
    }
    if history:
        drawn["History"] = figures.history(history, title)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {name: save(figure, folder / f"{name.lower().replace(' ', '_')}.png") for name, figure in drawn.items()}
    page = Environment(autoescape=True).from_string(PAGE)
    path = folder / "report.html"
    text = page.render(title=title, command=command, notes=notes, table=figures_table(summary), pictures=pictures)
    path.write_text(text, encoding="utf-8")
    return path


def save(figure: Figure, path: Path) -> str:
    """Save a figure; returns it as a data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    path.write_bytes(buffer.getvalue())
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
