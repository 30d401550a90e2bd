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


@dataclass(frozen=True)
class Header:
    """What a file says of itself. Texts are as in the file, and are shown to nobody but its sender."""

    kind: str
    rows: int = 0
    columns: int = 0
    planes: tuple[Plane, ...] = ()
    """One a frame; empty where `refusal` says why the file cannot be classified."""
    spacing_mm: tuple[float, float] | None = None
    """Between rows, and between columns, as in the file."""
    thickness_mm: float | None = None
    patient: str = ""
    study: str = ""
    series: str = ""
    instance: str = ""
    frame_of_reference: str = ""
    description: str = ""
    kernel: str = ""
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
        planes = tuple(Plane(plane["position_mm"], tuple(plane["normal"])) for plane in members.pop("planes"))
        return cls(**members, planes=planes)
