"""The files of a study -> its series, and the one that shows the lung best.

A series is what its SeriesInstanceUID says (DICOM PS3.3 C.7.3.1), one NIfTI volume, or all plain pictures together.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Final

from model.archives import SourceFile
from model.errors import NoSeriesError, SeveralPatientsError
from model.header import Header, Plane
from model.kinds import Kind

PICTURES: Final = "pictures"
"""Stands for the SeriesInstanceUID of plain pictures."""

SAME_PLACE: Final = 0.01
"""Millimetres between two slices that lie at the same place."""

GAP: Final = 1.5
"""Times the usual distance from which a slice is missing between two."""

THIN: Final = 3.0
"""Millimetres of slice thickness up to which lung is seen in detail."""

LUNG_KERNEL: Final = re.compile(
    r"(lung|pulm|parench|bone|edge).*|(b[5-8]|bl[5-8]|br[5-7]|d[5-8]|i[5-8])\d.*|fc[58]\d|y[a-d]|l", re.IGNORECASE
)
"""Reconstruction kernels that show the lung, as GE, Siemens, Canon and Philips name them; bone's are as sharp."""

LUNG_DESCRIPTION: Final = re.compile(r"lung|pulm|parench", re.IGNORECASE)


@dataclass(frozen=True)
class File:
    """A file of a study whose header was read."""

    source: SourceFile
    kind: Kind
    header: Header


@dataclass(frozen=True)
class Frame:
    """One slice of a series: a frame of a file."""

    file: File
    index: int
    plane: Plane | None
    """None for a picture, whose place nobody knows."""


@dataclass(frozen=True)
class Note:
    """Something that was not used, and why; for the sender of the study."""

    what: str
    reason: str
    series: str | None = None
    """UID of a series that could be read instead."""


@dataclass
class Series:
    """Slices that belong together, from the feet upwards, and what was found in between."""

    uid: str
    header: Header
    frames: list[Frame]
    skipped: list[Note] = field(default_factory=list)

    @property
    def spacing_mm(self) -> float | None:
        """The usual distance between slices."""
        steps = self._steps()
        return round(median(steps), 3) if steps else None

    @property
    def gaps(self) -> int:
        """Places where a slice seems to be missing."""
        return sum(step > GAP * (self.spacing_mm or 0) for step in self._steps())

    @property
    def extent_mm(self) -> float:
        """From the first slice to the last; of pictures, their number stands for it."""
        return sum(self._steps()) or float(len(self.frames) - 1)

    @property
    def title(self) -> str:
        """What to call it."""
        return printable(self.header.description) or ("series" if self.header.kind == "dicom" else self.header.kind)

    def _steps(self) -> list[float]:
        places = [frame.plane.position_mm for frame in self.frames if frame.plane]
        return [high - low for low, high in pairwise(places)]


def printable(text: str, length: int = 64) -> str:
    """Text of a file, in a form that is safe to show to its sender."""
    return "".join(character for character in text if character.isprintable())[:length].strip()


def grouped(files: Iterable[File]) -> tuple[list[Series], list[Note]]:
    """The series that can be classified, and what is set aside: series of another kind, and single files.

    Raises:
        SeveralPatientsError: the files name more than one patient.
    """
    files = sorted(files, key=lambda file: (file.header.instance, file.source.label))
    patients = {file.header.patient for file in files} - {""}
    if len(patients) > 1:
        raise SeveralPatientsError(f"The files are of {len(patients)} patients. Send the study of one.")
    groups: dict[str, list[File]] = {}
    for number, file in enumerate(files):
        groups.setdefault(_uid(file, number), []).append(file)
    series, set_aside = [], []
    for uid, members in groups.items():
        good = [file for file in members if not file.header.refusal]
        if good:
            series.append(_in_order(uid, members, good))
        else:
            set_aside.append(_refused(members))
    return series, set_aside


def chosen(series: Sequence[Series], uid: str | None = None) -> tuple[Series, list[Note]]:
    """The series that shows the lung best, or the one called `uid`; and the others, set aside.

    Compared are, in this order: that it covers at least half as much as the longest, kernel or description of the lung,
    thickness, number of slices.

    Raises:
        NoSeriesError: there is none, or none is called so.
    """
    candidates = [one for one in series if uid in (None, one.uid)]
    if not candidates:
        raise NoSeriesError(
            "None of the series that can be read has this UID. See `series` and `set_aside` without it."
        )
    longest = max(one.extent_mm for one in candidates)

    def worth(one: Series) -> tuple[bool, bool, bool, bool, int, str]:
        header = one.header
        kernel = header.kernel.split("\\")[0]  # Siemens adds the strength of its iterations: Br60f\3
        lung = bool(LUNG_KERNEL.fullmatch(kernel) or LUNG_DESCRIPTION.search(header.description))
        thin = 0 < (header.thickness_mm or 0) <= THIN
        return (header.kind == "dicom", one.extent_mm >= longest / 2, lung, thin, len(one.frames), one.uid)

    best = max(candidates, key=worth)
    reason = "The request names another series." if uid else "Another series shows the lung better."
    return best, [Note(_summary(one), reason, one.uid) for one in series if one is not best]


def _summary(one: Series) -> str:
    header = one.header
    facts = [f"{len(one.frames)} slices"]
    facts += [f"{header.thickness_mm:g} mm"] if header.thickness_mm else []
    facts += [f"kernel {printable(header.kernel, 16)}"] if header.kernel else []
    return f"{one.title} ({', '.join(facts)})"


def _uid(file: File, number: int) -> str:
    if file.kind == "picture":
        return PICTURES
    return file.header.series or f"{file.kind} {number} {file.source.label}".strip()


def _refused(files: Sequence[File]) -> Note:
    header = files[0].header
    assert header.refusal
    title = printable(header.description) or files[0].source.label or "unnamed file"
    return Note(f"{title} ({len(files)} file{'s' * (len(files) > 1)})", header.refusal[1])


def _in_order(uid: str, members: Sequence[File], good: Sequence[File]) -> Series:
    """Sort the frames of one series; set aside what is of another shape or plane, or at a place that is taken."""
    skipped = [_note(file, file.header.refusal[1]) for file in members if file.header.refusal]
    if uid == PICTURES:
        return Series(uid, good[0].header, [Frame(file, 0, None) for file in sorted(good, key=_natural)], skipped)
    frames = [Frame(file, index, plane) for file in good for index, plane in enumerate(file.header.planes)]
    usual = max(Counter(map(_stack, frames)).items(), key=lambda item: (item[1], repr(item[0])))[0]
    kept: list[Frame] = []
    for frame in sorted((frame for frame in frames if _stack(frame) == usual), key=_place):
        if kept and _place(frame) - _place(kept[-1]) < SAME_PLACE:
            skipped.append(_note(frame.file, "There is another slice at its place."))
        else:
            kept.append(frame)
    foreign = {id(frame.file): frame.file for frame in frames if _stack(frame) != usual}
    skipped += [_note(file, "Its size or plane is not that of its series.") for file in foreign.values()]
    return Series(uid, kept[0].file.header, kept, skipped)


def _stack(frame: Frame) -> tuple[object, ...]:
    """What the slices of one stack have in common."""
    header = frame.file.header
    normal = tuple(round(value, 2) + 0.0 for value in frame.plane.normal) if frame.plane else ()
    return header.rows, header.columns, header.frame_of_reference, normal


def _place(frame: Frame) -> float:
    assert frame.plane
    return frame.plane.position_mm


def _note(file: File, reason: str) -> Note:
    return Note(file.source.label or "unnamed file", reason)


def _natural(file: File) -> list[tuple[int, str]]:
    """Names with numbers in their order: a2 before a10."""
    parts = re.split(r"(\d+)", file.source.label)
    return [(int(part) if part.isdecimal() else -1, part) for part in parts]
