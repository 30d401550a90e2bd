"""The files of a study -> the series as one volume to look at: a NIfTI-1 file, made slice by slice.

Voxels are whole Hounsfield units (int16), or 8-bit gray for pictures, every slice turned to the standard view, from the
feet upwards; slices are numbered as in the answer for the study. What NIfTI cannot say stands as JSON in a header
extension (code 6, a comment): see `_facts`. Nothing is kept, and no more than `PART` bytes are decoded ahead of whoever
reads.
"""

import json
import math
import struct
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model import volumes
from model.archives import SourceFile
from model.errors import DecoderError, ImageError, ImageTooLargeError
from model.header import Limits
from model.pictures import decode_picture
from model.selection import Selection, selected
from model.series import File, Frame, Note, Series
from model.window import MISSING

PART: Final = 32 * 2**20
"""Bytes that are decoded in one go. The reading process is free again while they are sent."""

EVEN: Final = 0.02
"""Part of the distance between two slices by which others may differ, in a stack that can be cut across."""

_HEADER: Final = 348
_COMMENT: Final = 6


@dataclass(frozen=True)
class Stack:
    """A series that is ready to be decoded."""

    selection: Selection
    limits: Limits

    @property
    def series(self) -> Series:
        """The series that was chosen."""
        return self.selection.series

    @property
    def in_hounsfield(self) -> bool:
        """Whether its voxels are Hounsfield units, rather than the gray of pictures."""
        return self.series.header.kind != "picture"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows and columns. Pictures of several sizes stand in the middle of the largest."""
        headers = [frame.file.header for frame in self.series.frames]
        return len(headers), max(header.rows for header in headers), max(header.columns for header in headers)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of a voxel."""
        return np.dtype("<i2") if self.in_hounsfield else np.dtype("u1")

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self.head) + math.prod(self.shape) * self.dtype.itemsize

    @cached_property
    def head(self) -> bytes:
        """The file up to its first voxel."""
        text = json.dumps(_facts(self), ensure_ascii=True).encode()
        padded = text.ljust(math.ceil((len(text) + 8) / 16) * 16 - 8)
        return _nifti_header(self, 4 + 8 + len(padded)) + bytes([1, 0, 0, 0]) + _extension(padded)

    def parts(self) -> Iterator[bytes]:
        """The file, piece by piece. A slice that cannot be decoded is `MISSING` throughout; of pictures, black."""
        yield self.head
        for pixels in self._slices():
            yield pixels.astype(self.dtype, copy=False).tobytes()

    def _slices(self) -> Iterator[NDArray[Any]]:
        _, rows, columns = self.shape
        blank = np.full((rows, columns), MISSING if self.in_hounsfield else 0, self.dtype)
        most = max(1, PART // blank.nbytes)
        crashed = False
        for _, group in groupby(self.series.frames, key=lambda frame: id(frame.file)):
            frames = list(group)
            for begin in range(0, len(frames), most):
                part = frames[begin : begin + most]
                decoded: list[NDArray[Any]] = []
                try:
                    if not crashed:
                        decoded += _decoded(part, self.limits)
                except DecoderError:  # each such file costs seconds: the rest is not tried
                    crashed = True
                except ImageError:
                    pass
                yield from (_centred(pixels, blank) for pixels in decoded)
                yield from [blank] * (len(part) - len(decoded))


def stacked(
    sources: Sequence[SourceFile],
    limits: Limits,
    series: str | None = None,
    between: Callable[[], None] = lambda: None,
) -> Stack:
    """Choose the series of a study, as `model.study.predict_study` does, to look at it; calls `between` two steps.

    Raises:
        ImageError: nothing in the files can be shown, or it is larger than the limits; the code says why.
    """
    stack = Stack(_last(selected(sources, limits, series), between), limits)
    voxels = math.prod(stack.shape) * stack.dtype.itemsize
    if voxels > limits.bytes:
        raise ImageTooLargeError(f"The series has {voxels:,} bytes of voxels; at most {limits.bytes:,} are shown.")
    return stack


def _last(steps: Generator[Any, None, Selection], between: Callable[[], None]) -> Selection:
    while True:
        try:
            next(steps)
            between()
        except StopIteration as end:
            selection: Selection = end.value
            return selection


def _decoded(frames: Sequence[Frame], limits: Limits) -> list[NDArray[Any]]:
    """All of them, so that the reading process is not held while they are sent."""
    file: File = frames[0].file
    data = file.source.read()
    if file.kind == "picture":
        return [decode_picture(data, limits.pixels)]
    return list(volumes.hounsfield(data, file.kind, [frame.index for frame in frames], limits))


def _centred(pixels: NDArray[Any], blank: NDArray[Any]) -> NDArray[Any]:
    if pixels.shape == blank.shape:
        return pixels
    canvas = blank.copy()
    top, left = ((whole - part) // 2 for whole, part in zip(blank.shape, pixels.shape, strict=True))
    canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return canvas


def _facts(stack: Stack) -> dict[str, Any]:
    """What the viewer needs beyond the voxels. Directions and places are those of DICOM: left, back, head."""
    series = stack.series
    header, planes = series.header, [frame.plane for frame in series.frames if frame.plane]
    first = planes[0] if planes else None
    unread = [Note(what, str(error)) for what, error in stack.selection.unread]
    return {
        "unit": "HU" if stack.in_hounsfield else "gray",
        "series": series.uid,
        "title": series.title,
        "spacing_mm": header.spacing_mm and [header.spacing_mm[1], header.spacing_mm[0], _between(stack)],
        "across": first and first.across,
        "down": first and first.down,
        "corners_mm": [[round(value, 3) for value in plane.corner] for plane in planes] or None,
        "positions_mm": [round(plane.position_mm, 3) for plane in planes] or None,
        "even": _is_even(stack),
        "inverted": header.inverted,
        "missing": MISSING,
        "set_aside": [asdict(note) for note in stack.selection.set_aside],
        "skipped": [asdict(note) for note in (*unread, *series.skipped)],
    }


def _between(stack: Stack) -> float:
    """Millimetres between slices; of a single one, its thickness."""
    return stack.series.spacing_mm or stack.series.header.thickness_mm or 1.0


def _is_even(stack: Stack) -> bool:
    """Whether the slices are equally far apart and straight above each other, so that the stack may be cut across."""
    planes = [frame.plane for frame in stack.series.frames if frame.plane]
    if len(planes) < 2 or not stack.series.header.spacing_mm:
        return False
    straight = np.array(planes[0].normal) * _between(stack)
    steps = [np.subtract(high.corner, low.corner) for low, high in pairwise(planes)]
    return bool(max(np.abs(step - straight).max() for step in steps) <= max(0.05, EVEN * _between(stack)))


def _nifti_header(stack: Stack, more: int) -> bytes:
    """The fixed part (https://nifti.nimh.nih.gov/nifti-1), with `more` bytes between it and the voxels."""
    number, rows, columns = stack.shape
    spacing = stack.series.header.spacing_mm
    first = stack.series.frames[0].plane
    down, across = spacing or (1.0, 1.0)
    steps = (across, down, _between(stack))
    header = bytearray(_HEADER)
    struct.pack_into("<i", header, 0, _HEADER)
    struct.pack_into("<8h", header, 40, 3, columns, rows, number, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 4 if stack.in_hounsfield else 2, stack.dtype.itemsize * 8)
    struct.pack_into("<8f", header, 76, 1, *steps, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, _HEADER + more, 1, 0)
    if first and spacing:
        header[123] = 2  # millimetres
        struct.pack_into("<h", header, 254, 1)  # scanner coordinates
        vectors = (first.across, first.down, first.normal)
        for axis, sign in enumerate((-1, -1, 1)):  # NIfTI counts to the right and to the front
            row = [sign * vector[axis] * step for vector, step in zip(vectors, steps, strict=True)]
            struct.pack_into("<4f", header, 280 + 16 * axis, *row, sign * first.corner[axis])
    header[344:348] = b"n+1\0"
    return bytes(header)


def _extension(text: bytes) -> bytes:
    return struct.pack("<2i", len(text) + 8, _COMMENT) + text
