"""What is known of a DICOM or NIfTI file before its pixels are decoded."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from model.geometry import Vector


@dataclass(frozen=True)
class Limits:
    """What a file may ask for; checked before anything is decoded."""

    pixels: int = 4096 * 4096
    """Rows × columns of a slice."""
    slices: int = 2000
    """Of a volume or a study."""
    bytes: int = 512 * 2**20
    """Of a file after decompression, and of all files of a study together."""
    ratio: int = 100
    """Of the bytes of a file after decompression to those before; CT has 2 to 5."""

    def unpacked(self, packed: int) -> int:
        """Bytes to which this many may be decompressed."""
        return min(self.bytes, self.ratio * packed)


@dataclass(frozen=True)
class Plane:
    """Where one frame of a file lies."""

    position_mm: float
    """Along the normal; larger is headwards."""
    normal: Vector
    across: Vector = (1.0, 0.0, 0.0)
    """Direction of the rows of the slice when it is turned to the standard view."""
    down: Vector = (0.0, 1.0, 0.0)
    """Direction of its columns."""
    corner: Vector = (0.0, 0.0, 0.0)
    """Of its first pixel, in millimetres."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself. Texts are as in the file, and are shown to nobody but its sender."""

    kind: str
    rows: int = 0
    """Of a slice as it is turned; as in the file, where that cannot be known."""
    columns: int = 0
    planes: tuple[Plane, ...] = ()
    """One a frame; empty where `refusal` says why the file cannot be classified."""
    spacing_mm: tuple[float, float] | None = None
    """Between rows, and between columns, of a slice as it is turned."""
    thickness_mm: float | None = None
    patient: str = ""
    study: str = ""
    series: str = ""
    instance: str = ""
    frame_of_reference: str = ""
    description: str = ""
    kernel: str = ""
    inverted: bool = False
    """Whether the lowest value is shown white (MONOCHROME1)."""
    refusal: tuple[str, str] | None = None
    """Code and message of the error that decoding it raises."""

    def to_json(self) -> str:
        """The header as text, to pass between processes."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Header":
        """The header that `to_json` wrote."""
        members: dict[str, Any] = json.loads(text)
        for name in ("spacing_mm", "refusal"):
            members[name] = members[name] and tuple(members[name])
        planes = tuple(
            Plane(plane.pop("position_mm"), **{name: tuple(vector) for name, vector in plane.items()})
            for plane in members.pop("planes")
        )
        return cls(**members, planes=planes)
