"""A folder of DICOM series a class -> rows of the manifest: the slices that the server would look at.

Below each class folder (``covid``, ``noncovid``, ``cap`` or the Kaggle names) the files may lie in any folders:
patient, study and series are told by their tags. Of each study the series that shows the lung best is taken, and of it
the slices with enough lung, as `model.study` does. Each of them has the label of the folder.
"""

import hashlib
import hmac
import secrets
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tqdm import tqdm

from model import volumes
from model.archives import SourceFile
from model.errors import ImageError, UnsupportedTypeError, VolumeError
from model.header import Limits
from model.images import decode
from model.kinds import kind_of
from model.lungs import ENOUGH, lung_share
from model.pictures import Slice
from model.series import File, Frame, chosen, grouped
from training.errors import TrainingError
from training.manifest import Row, fingerprint
from training.scan import CLASS_FOLDERS, UNKNOWN, LeftOut, Scan

LIMITS: Final = Limits()

Study = tuple[str, str, str]
"""Label, patient and StudyInstanceUID."""


def holds_dicom(root: Path) -> bool:
    """Whether the first file of a class folder is DICOM."""
    firsts = (next((path for path in folder.rglob("*") if path.is_file()), None) for folder, _ in _class_folders(root))
    return any(kind_of(path.read_bytes()) == "dicom" for path in firsts if path)


def read_salt(path: Path) -> bytes:
    """The secret that patients' identifiers are hashed with; made on the first call, and kept so that the manifest of
    the same data stays the same. It belongs to the data, not to the project.
    """
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32), encoding="utf-8")
    return bytes.fromhex(path.read_text(encoding="utf-8"))


def scan(root: Path, salt: bytes) -> Scan:
    """Describe the lung slices of every study below `root`.

    Raises:
        TrainingError: no slice can be used.
    """
    left_out: list[LeftOut] = []
    rows: list[Row] = []
    for (label, patient, study), files in tqdm(_studies(root, left_out).items(), desc="reading studies", disable=None):
        hashed = hmac.new(salt, (patient or study).encode(), hashlib.sha256).hexdigest()[:16]
        for frame in _frames(files, left_out):
            path, header = Path(frame.file.source.label), frame.file.header
            pixels = _lung(path, left_out)
            if pixels is not None:
                sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
                rows.append(Row(str(path), label, hashed, UNKNOWN, sha256, fingerprint(pixels), study, header.series))
    if not rows:
        raise TrainingError(f"No slice of a lung in a class folder ({', '.join(CLASS_FOLDERS)}) below {root}.")
    return Scan(rows, left_out)


def _studies(root: Path, left_out: list[LeftOut]) -> dict[Study, list[File]]:
    """The files of each study whose header can be read."""
    studies: dict[Study, list[File]] = defaultdict(list)
    for path, label in tqdm(sorted(_class_files(root)), desc="reading headers", unit="file", disable=None):
        try:
            file = _described(path)
        except ImageError as error:
            left_out.append(LeftOut(path, str(error)))
        else:
            studies[label, file.header.patient, file.header.study].append(file)
    return dict(sorted(studies.items()))


def _described(path: Path) -> File:
    data = path.read_bytes()
    kind = kind_of(data)
    if kind != "dicom":
        raise UnsupportedTypeError("It is no DICOM, and lies among DICOM files.")
    header = volumes.describe(data, kind, LIMITS)
    if len(header.planes) > 1:
        raise VolumeError("It holds several frames. Write each to a file of its own.")
    return File(SourceFile(str(path), path.read_bytes), kind, header)


def _frames(files: list[File], left_out: list[LeftOut]) -> list[Frame]:
    """The slices of the series that shows the lung best."""
    series, _ = grouped(files)
    frames = chosen(series)[0].frames if series else []
    used = {id(frame.file) for frame in frames}
    unused = (file for file in files if id(file) not in used)
    left_out += (LeftOut(Path(file.source.label), _why(file)) for file in unused)
    return frames


def _why(file: File) -> str:
    return file.header.refusal[1] if file.header.refusal else "Another series or slice of its study was taken."


def _lung(path: Path, left_out: list[LeftOut]) -> Slice | None:
    try:
        pixels = decode(path.read_bytes())
        if lung_share(pixels) >= ENOUGH:
            return pixels
        reason = "There is little or no lung in it."
    except ImageError as error:
        reason = str(error)
    left_out.append(LeftOut(path, reason))
    return None


def _class_folders(root: Path) -> Iterator[tuple[Path, str]]:
    for folder in root.iterdir() if root.is_dir() else ():
        label = CLASS_FOLDERS.get(folder.name.lower())
        if label and folder.is_dir():
            yield folder, label


def _class_files(root: Path) -> Iterator[tuple[Path, str]]:
    for folder, label in _class_folders(root):
        yield from ((path, label) for path in folder.rglob("*") if path.is_file())
