"""DICOM and NIfTI bytes -> headers and slices, by way of the reading process."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from model.errors import FILE_ERRORS, VolumeError
from model.header import Header, Limits
from model.isolation import reading_process
from model.kinds import Kind
from model.pictures import Slice
from model.window import HounsfieldSlice, Window


def describe(data: bytes, kind: Kind, limits: Limits) -> Header:
    """The header of a DICOM or NIfTI file.

    Raises:
        ImageError: it cannot be read at all. What can be read but not classified has a `refusal` in its header.
    """
    ((reply, _),) = _ask("header", data, kind, limits)
    return Header.from_json(reply["header"])


def frames(data: bytes, kind: Kind, indices: Sequence[int], window: Window, limits: Limits) -> Iterator[Slice]:
    """Frames of a file that `describe` did not refuse: uint8, (height, width), as radiologists look at them."""
    for reply, pixels in _ask("frames", data, kind, limits, indices=list(indices), window=asdict(window)):
        yield np.frombuffer(pixels, np.uint8).reshape(reply["shape"])


def hounsfield(data: bytes, kind: Kind, indices: Sequence[int], limits: Limits) -> Iterator[HounsfieldSlice]:
    """The same frames in Hounsfield units: int16, (height, width)."""
    for reply, pixels in _ask("hounsfield", data, kind, limits, indices=list(indices)):
        yield np.frombuffer(pixels, np.int16).reshape(reply["shape"])


def single_slice(data: bytes, kind: Kind, window: Window, limits: Limits) -> Slice:
    """The slice of a file that holds one.

    Raises:
        VolumeError: it holds several.
        ImageError: it cannot be classified.
    """
    header = describe(data, kind, limits)
    if header.refusal:
        code, message = header.refusal
        raise FILE_ERRORS[code](message)
    if len(header.planes) > 1:
        raise VolumeError(f"The file holds {len(header.planes)} slices. Send it to /studies, which reads volumes.")
    (pixels,) = frames(data, kind, [0], window, limits)
    return pixels


def _ask(wanted: str, data: bytes, kind: Kind, limits: Limits, **more: Any) -> Iterator[tuple[dict[str, Any], bytes]]:
    request = {"wanted": wanted, "kind": kind, "limits": asdict(limits), **more}
    return reading_process().ask(request, data)
