"""Drawn slices that a reader would not be troubled by, and a network may be: the card tells what became of each.

Nobody's body is in them. `training.publish` asks the network; the page `/model` draws those on which it fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from model.phantom import chest_phantom
from model.pictures import Slice
from model.samples import LESION, SEED, picture_file
from model.window import LUNG, Window

SIZE: Final = 384
"""Pixels on a side of the chest."""

MEDIASTINUM: Final = Window(40, 400)


@dataclass(frozen=True)
class Case:
    """A slice, and what it shows."""

    label: str
    words: str
    make: Callable[[], Slice]

    def file(self) -> bytes:
        """As a PNG file that says that it is synthetic."""
        return picture_file(self.make())


def _chest(label: str, height: float = LESION, window: Window = LUNG) -> Slice:
    gray: Slice = window.apply(chest_phantom(label, SEED, [height], SIZE))[0]
    return gray


def _wide_field() -> Slice:
    """With as much air around the body as where the whole table is in view."""
    return np.pad(_chest("covid"), SIZE // 3)


def _lettered() -> Slice:
    """As a journal prints it."""
    picture = Image.fromarray(_chest("noncovid"))
    draw = ImageDraw.Draw(picture)
    draw.text((20, 320), "Fig. 2 (a)", fill=255, font_size=40)
    draw.line((250, 150, 290, 190), fill=255, width=5)
    return np.asarray(picture)


CASES: Final = {
    "drawn-healthy.png": Case("noncovid", "A chest without lesions.", lambda: _chest("noncovid")),
    "drawn-cap.png": Case("cap", "One dense patch, as of a common pneumonia.", lambda: _chest("cap")),
    "drawn-mediastinum.png": Case(
        "covid", "Hazy patches, in the window of the mediastinum.", lambda: _chest("covid", window=MEDIASTINUM)
    ),
    "drawn-base.png": Case("covid", "The lungs' base, over the diaphragm.", lambda: _chest("covid", 0.06)),
    "drawn-wide.png": Case("covid", "Hazy patches, in a wide field of view.", _wide_field),
    "drawn-prone.png": Case("covid", "Hazy patches, lying on the belly.", lambda: _chest("covid")[::-1]),
    "drawn-letters.png": Case("noncovid", "A chest without lesions, with letters and an arrow.", _lettered),
}
"""By the name of the file."""
