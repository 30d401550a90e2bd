"""What kind of file some bytes are, told by their content, never by a name."""

import zlib
from typing import Final, Literal

Kind = Literal["picture", "dicom", "nifti", "zip", "tar"]
"""`picture` is whatever is none of the others: its decoder says whether it is one. `nifti` and `tar` may be gzipped."""

ARCHIVES: Final = ("zip", "tar")

GZIP: Final = b"\x1f\x8b"

PEEK: Final = 600
"""Bytes of a file, or of what a gzip file holds, that tell the kind."""


def kind_of(data: bytes) -> Kind:
    """The kind of a file's content."""
    if data.startswith(GZIP):
        inner = _magic(_peek(data))
        return inner if inner in ("nifti", "tar") else "picture"
    return _magic(data[:PEEK])


def _magic(head: bytes) -> Kind:
    if head[128:132] == b"DICM":  # DICOM PS3.10, 7.1
        return "dicom"
    if head[344:348] == b"n+1\0" or head[4:12] == b"n+2\0\r\n\x1a\n":  # NIfTI-1, NIfTI-2
        return "nifti"
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return "zip"
    return "tar" if head[257:262] == b"ustar" else "picture"


def _peek(data: bytes) -> bytes:
    try:  # of a piece: zlib copies what it leaves unread
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data[: 2**16], PEEK)
    except zlib.error:
        return b""
