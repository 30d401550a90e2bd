"""Synthetic files to try the page with: three slices and a study, made from `model.phantom` when they are asked for."""

import gzip
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from model.labels import LABELS
from model.phantom import HEIGHT, PIXELS_ACROSS, chest_phantom
from model.pictures import Slice
from model.window import LUNG

WORD: Final = "SYNTHETIC PHANTOM"
"""Stands in the slices and in the NIfTI's description, so that nobody takes them for a patient's."""

SEED: Final = 3
LESION: Final = 0.2
"""Height at which the lesions of the phantom with `SEED` are well seen."""

SLICE_SIZE: Final = 512
STUDY_SIZE: Final = 192
STUDY_SLICES: Final = 41


@dataclass(frozen=True)
class Sample:
    """A file that is offered: its name, and what makes its bytes."""

    name: str
    media_type: str
    make: Callable[[], bytes]


def sample_name(label: str) -> str:
    """What the slice of a class is called."""
    return f"synthetic-{label}.png"


def slice_file(label: str) -> bytes:
    """A slice in the window of the lung as a PNG file."""
    (values,) = chest_phantom(label, SEED, [LESION], SLICE_SIZE)
    return picture_file(LUNG.apply(values))


def picture_file(pixels: Slice) -> bytes:
    """A drawn slice, uint8 (height, width), as a PNG file with `WORD` written in it."""
    picture = Image.fromarray(pixels)
    ImageDraw.Draw(picture).text((12, 10), WORD, fill=200, font_size=18)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@cache
def study_file(label: str) -> bytes:
    """A chest from the base of its lungs to above their tips, as a gzipped NIfTI-1 file in Hounsfield units."""
    volume = chest_phantom(label, SEED, np.linspace(0, 1, STUDY_SLICES).tolist(), STUDY_SIZE)
    spacing = PIXELS_ACROSS / (STUDY_SIZE - 1)
    return gzip.compress(nifti(volume, (spacing, spacing, HEIGHT / (STUDY_SLICES - 1))), 1, mtime=0)


def nifti(volume: NDArray[np.int16], spacing: tuple[float, float, float]) -> bytes:
    """A volume, slices from the feet upwards, as a NIfTI-1 file (https://nifti.nimh.nih.gov/nifti-1).

    Args:
        volume: int16, shape (slices, rows, columns); rows go to the patient's back, columns to the left.
        spacing: millimetres between columns, rows and slices.
    """
    header = bytearray(352)
    fields: tuple[tuple[str, int, tuple[Any, ...]], ...] = (
        ("<i", 0, (348,)),
        ("<8h", 40, (3, *volume.shape[::-1], 1, 1, 1, 1)),
        ("<2h", 70, (4, 16)),  # int16
        ("<8f", 76, (1, *spacing, 0, 0, 0, 0)),
        ("<3f", 108, (352, 1, 0)),  # where the voxels begin; they are Hounsfield units as they are
        ("<B", 123, (2,)),  # millimetres
        ("<80s", 148, (WORD.encode(),)),
        ("<2h", 252, (0, 1)),  # the sform alone; it counts to the right and to the front
        ("<4f", 280, (-spacing[0], 0, 0, spacing[0] * volume.shape[2] / 2)),
        ("<4f", 296, (0, -spacing[1], 0, spacing[1] * volume.shape[1] / 2)),
        ("<4f", 312, (0, 0, spacing[2], 0)),
        ("<4s", 344, (b"n+1\0",)),
    )
    for kind, place, values in fields:
        struct.pack_into(kind, header, place, *values)
    return bytes(header) + volume.astype("<i2").tobytes()


SAMPLES: Final = {
    sample.name: sample
    for sample in (
        *(Sample(sample_name(label), "image/png", partial(slice_file, label)) for label in LABELS),
        Sample("synthetic-study.nii.gz", "application/gzip", partial(study_file, "covid")),
    )
}
"""By name."""
