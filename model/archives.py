"""The files in zip and tar archives, within limits, without a trace on disk.

Names in an archive are labels and nothing else. Members of a zip are unpacked one by one, when they are read.
"""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from model.errors import ArchiveError, ImageTooLargeError, TooManyFilesError
from model.header import Limits
from model.inflating import GZIPPED, inflated
from model.kinds import ARCHIVES, GZIP, kind_of

LABEL_LENGTH: Final = 255

DIRECTORY_BYTES: Final = 1024
"""Most bytes a member in a zip's directory, whose fixed part has 46: the rest is its name and extra fields."""

_END_OF_DIRECTORY: Final = b"PK\5\6"
_ZIP64_LOCATOR: Final = b"PK\6\7"
_ENCRYPTED: Final = 0x1

_BROKEN: Final = "The archive is cut off or corrupt. Pack it again."


@dataclass(frozen=True)
class SourceFile:
    """A file of a study: what its sender calls it, and how to get its content."""

    label: str
    read: Callable[[], bytes]


def unpacked(files: Iterable[SourceFile], limits: Limits) -> Iterator[SourceFile]:
    """The files, with those of the archives among them in their place.

    Raises:
        ArchiveError: an archive is broken, encrypted, or names files outside itself; or there are several.
        TooManyFilesError, ImageTooLargeError: more files or bytes than the limits.
    """
    number = archives = 0
    for file in files:
        archives += kind_of(file.read()) in ARCHIVES
        if archives > 1:
            raise ArchiveError("There are several archives. Pack the study into one.")
        for member in _members(file, limits):
            number += 1
            if number > limits.slices:
                raise TooManyFilesError(f"The study has more than {limits.slices:,} files. Send one series.")
            yield member


def _members(file: SourceFile, limits: Limits) -> Iterator[SourceFile]:
    data = file.read()
    kind = kind_of(data)
    try:
        if kind == "zip":
            yield from _of_zip(data, limits)
        elif kind == "tar":
            yield from _of_tar(data, limits)
        else:
            yield file
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, struct.error, ValueError, EOFError):
        raise ArchiveError(_BROKEN) from None


def _of_zip(data: bytes, limits: Limits) -> Iterator[SourceFile]:
    _check_directory(data, limits)
    archive = zipfile.ZipFile(io.BytesIO(data))
    members = [member for member in archive.infolist() if not member.is_dir()]
    total, most = sum(member.file_size for member in members), limits.unpacked(len(data))
    if total > most:
        raise ImageTooLargeError(f"The archive unpacks to {total:,} bytes; at most {most:,} are read.")
    for member in members:
        if member.flag_bits & _ENCRYPTED:
            raise ArchiveError("The archive is encrypted. Send it without a password.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveError("The archive is compressed in an unusual way. Pack it as an ordinary zip.")
        yield SourceFile(_label(member.filename), partial(_read_zipped, archive, member))


def _read_zipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    # Reads at most as many bytes as the directory declares, which were counted.
    try:
        return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise ArchiveError(_BROKEN) from None


def _check_directory(data: bytes, limits: Limits) -> None:
    """Refuse a directory of very many members before Python's zipfile makes an object of each (APPNOTE 4.3.16)."""
    end = data.rfind(_END_OF_DIRECTORY, max(0, len(data) - 2**16 - 22), max(0, len(data) - 18))
    if end < 0:
        raise ArchiveError(_BROKEN)
    if data[max(0, end - 20) :].startswith(_ZIP64_LOCATOR):
        raise ArchiveError("The archive is a zip64, which is made for more than 4 GB. Pack fewer files.")
    number, size = struct.unpack_from("<HI", data, end + 10)
    if number > limits.slices or size > limits.slices * DIRECTORY_BYTES:
        raise TooManyFilesError(f"The archive has more than {limits.slices:,} files. Pack one series.")


def _of_tar(data: bytes, limits: Limits) -> Iterator[SourceFile]:
    plain = inflated(data, GZIPPED, "The archive", limits) if data.startswith(GZIP) else data
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        for number, member in enumerate(archive):
            if number > 2 * limits.slices:  # folders and links count here, too
                raise TooManyFilesError(f"The archive has more than {limits.slices:,} files. Pack one series.")
            if member.isfile() and not member.issparse():
                yield SourceFile(_label(member.name), partial(_part, plain, member.offset_data, member.size))


def _part(plain: bytes, begin: int, size: int) -> bytes:
    return plain[begin : begin + size]


def _label(name: str) -> str:
    """The last part of a name, safe to show."""
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or not parts[0]:
        raise ArchiveError("A name in the archive points outside it. Pack the files anew.")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in parts[-1][:LABEL_LENGTH])
