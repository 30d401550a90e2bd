"""DICOM bytes -> header, and frames, windowed or in Hounsfield units. Runs in the reading process: see `model.reading`.

Parsers and native decoders meet hostile bytes here, so nothing but `model.reading` imports this module.
Clauses are those of DICOM 2024: PS3.3 (modules), PS3.5 (encoding), PS3.10 (files).
"""

import io
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread, uid
from pydicom.datadict import tag_for_keyword
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_modality_lut
from pydicom.pixels.utils import iter_pixels
from pydicom.tag import BaseTag

from model.errors import ImageError, ImageTooLargeError, UnreadableImageError, UnsupportedTypeError
from model.geometry import MAX_TILT, Orientation, axial_orientation
from model.header import Header, Limits, Plane
from model.inflating import PLAIN, inflated
from model.pictures import MIN_SIDE, Slice
from model.window import HounsfieldSlice, Window, rounded

READABLE_SYNTAXES: Final = frozenset(
    {
        *(uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian),
        *(uid.DeflatedExplicitVRLittleEndian, uid.RLELossless),
        *(*uid.JPEGTransferSyntaxes, *uid.JPEGLSTransferSyntaxes),
        *(uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K),
    }
)

PROGRAMS: Final = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe")
"""How programs begin. The 128 bytes before ``DICM`` may hold anything (PS3.10, 7.1), so that a file can be both."""

GROUP_LENGTH: Final = b"\2\0\0\0UL\4\0"
"""Tag, VR and length of FileMetaInformationGroupLength (0002,0000), the first element after ``DICM``."""

PIXEL_DATA: Final = {struct.pack(order + "HH", 0x7FE0, 0x0010) for order in "<>"}

REFORMATS: Final = frozenset(
    {"LOCALIZER", "MPR", "REFORMATTED", "MIP", "MINIP", "AVERAGE", "PROJECTION IMAGE", "VOLUME_RENDERING", "DOSE_INFO"}
)
"""Values of ImageType (0008,0008) of what is no slice of the scan (PS3.3 C.8.2.1.1.1, and what vendors add)."""

CODE: Final = re.compile(r"[A-Z0-9_ ]{1,16}")
"""A code string (PS3.5 6.2, CS)."""

KEYWORDS: Final = (
    "ImageType",
    "SOPInstanceUID",
    "Modality",
    "SeriesDescription",
    "PatientID",
    "PatientName",
    "SliceThickness",
    "ConvolutionKernel",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "FrameOfReferenceUID",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "RescaleIntercept",
    "RescaleSlope",
    "ModalityLUTSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "SpecificCharacterSet",
)
TAGS: Final = [BaseTag(tag) for keyword in KEYWORDS if (tag := tag_for_keyword(keyword)) is not None]

_BROKEN: Final = "The DICOM is cut off or corrupt. Export it again."


def describe(data: bytes, limits: Limits) -> Header:
    """The header of a DICOM file.

    Raises:
        ImageError: it cannot be read at all. What can be read but not classified has a `refusal` in its header.
    """
    with _faults_named():
        dataset, has_pixels = _parse(_inflated(data, limits))
        try:
            _check(dataset, has_pixels, limits)
            planes, refusal = _planes(dataset), None
        except ImageError as error:
            planes, refusal = (), (error.code, str(error))
        return _header(dataset, planes, refusal)


def frames(data: bytes, indices: Sequence[int], window: Window, limits: Limits) -> Iterator[Slice]:
    """Decode frames of a file that `describe` did not refuse: uint8, (height, width), turned to the standard view."""
    for values, inverted in _decoded(data, indices, limits):
        gray = window.apply(values)
        yield 255 - gray if inverted else gray


def hounsfield(data: bytes, indices: Sequence[int], limits: Limits) -> Iterator[HounsfieldSlice]:
    """The same frames in Hounsfield units: int16, (height, width). One that is shown inverted is not inverted here."""
    for values, _ in _decoded(data, indices, limits):
        yield rounded(values)


def _decoded(data: bytes, indices: Sequence[int], limits: Limits) -> Iterator[tuple[NDArray[Any], bool]]:
    """Hounsfield units of frames, turned to the standard view, and whether the lowest value is shown white."""
    with _faults_named():
        plain = _inflated(data, limits)
        dataset, has_pixels = _parse(plain)
        _check(dataset, has_pixels, limits)
        for index, stored in zip(indices, iter_pixels(io.BytesIO(plain), indices=indices, raw=True), strict=True):
            turned = _orientation(dataset, index).apply(_hounsfield(stored, dataset, index))
            yield np.ascontiguousarray(turned), _is_inverted(dataset)


@contextmanager
def _faults_named() -> Iterator[None]:
    """Parsers and decoders of broken files raise nearly anything; all of it means the same to the sender."""
    try:
        yield
    except (ImageError, GeneratorExit):
        raise
    except MemoryError:
        raise ImageTooLargeError("Decoding the DICOM takes more memory than is allowed.") from None
    except Exception:  # noqa: BLE001
        raise UnreadableImageError(_BROKEN) from None


def _inflated(data: bytes, limits: Limits) -> bytes:
    """The file with its data set inflated (PS3.5 A.5): pydicom itself would inflate without a limit."""
    end = 144 + int.from_bytes(data[140:144], "little") if data[132:140] == GROUP_LENGTH else 144
    syntax = uid.DeflatedExplicitVRLittleEndian.encode()
    if syntax not in data[144:end]:
        return data
    head = data[:end].replace(syntax, uid.ExplicitVRLittleEndian.encode().ljust(len(syntax), b"\0"))
    return head + inflated(data[end:], PLAIN, "The DICOM", limits)


def _parse(plain: bytes) -> tuple[Dataset, bool]:
    """The tags that are looked at, and whether pixel data follow them."""
    if plain.startswith(PROGRAMS):
        raise UnsupportedTypeError("The DICOM begins as a program does. Have the file checked; it is not read here.")
    buffer = io.BytesIO(plain)
    dataset = dcmread(buffer, stop_before_pixels=True, specific_tags=TAGS)
    return dataset, buffer.read(4) in PIXEL_DATA


def _check(dataset: Dataset, has_pixels: bool, limits: Limits) -> None:
    """Refuse what is no axial CT slice, or too much, by the tag that says so."""
    _check_kind(dataset)
    if not has_pixels:
        raise UnreadableImageError("The DICOM has no PixelData (7FE0,0010). Send the slices themselves.")
    _check_size(dataset, limits)
    photometric = dataset.get("PhotometricInterpretation", "missing")
    if photometric not in ("MONOCHROME1", "MONOCHROME2") or dataset.get("SamplesPerPixel", 1) != 1:
        raise UnsupportedTypeError(
            f"PhotometricInterpretation (0028,0004) is {_code(photometric)}; a CT slice is MONOCHROME1 or MONOCHROME2."
        )
    if dataset.file_meta.get("TransferSyntaxUID") not in READABLE_SYNTAXES:
        raise UnsupportedTypeError(
            "TransferSyntaxUID (0002,0010) is none that is read here. Send the file uncompressed or as JPEG 2000."
        )
    if "ModalityLUTSequence" not in dataset and None in _rescale(dataset, 0):
        raise UnsupportedTypeError(
            "RescaleSlope (0028,1053) or RescaleIntercept (0028,1052) is missing: the Hounsfield units are unknown."
        )


def _check_kind(dataset: Dataset) -> None:
    modality = dataset.get("Modality") or "missing"
    if modality != "CT":
        raise UnsupportedTypeError(f"Modality (0008,0060) is {_code(modality)}; only CT is read here.")
    reformat = REFORMATS.intersection(_values(dataset.get("ImageType"))[2:])
    if reformat:
        raise UnsupportedTypeError(f"ImageType (0008,0008) has {min(reformat)}: this is no axial slice of the scan.")


def _check_size(dataset: Dataset, limits: Limits) -> None:
    rows, columns, number = int(dataset.Rows), int(dataset.Columns), _number_of_frames(dataset)
    if rows * columns > limits.pixels:
        raise ImageTooLargeError(
            f"Rows (0028,0010) × Columns (0028,0011) is {rows} × {columns}; at most {limits.pixels:,} pixels are read."
        )
    if number > limits.slices:
        raise ImageTooLargeError(f"NumberOfFrames (0028,0008) is {number:,}; at most {limits.slices:,} are read.")
    if min(rows, columns) < MIN_SIDE or number < 1:
        raise UnreadableImageError(
            f"The DICOM has {number} frames of {columns} × {rows} pixels; a slice needs {MIN_SIDE} on each side."
        )


def _planes(dataset: Dataset) -> tuple[Plane, ...]:
    planes = []
    for frame in range(_number_of_frames(dataset)):
        orientation = _orientation(dataset, frame)
        origin = _find(dataset, frame, "PlanePositionSequence", "ImagePositionPatient")
        if origin is None or len(origin) != 3:
            raise UnsupportedTypeError("ImagePositionPatient (0020,0032) is missing: the slice has no place.")
        planes.append(_plane(dataset, orientation, [float(value) for value in origin]))
    return tuple(planes)


def _plane(dataset: Dataset, orientation: Orientation, origin: list[float]) -> Plane:
    shape, spacing = _turned(dataset, orientation)
    corner = orientation.corner(origin, shape, spacing or (0.0, 0.0))
    return Plane(orientation.position(origin), orientation.normal, orientation.across, orientation.down, corner)


def _turned(dataset: Dataset, orientation: Orientation) -> tuple[tuple[int, int], tuple[float, float] | None]:
    """Rows and columns of the turned slices, and the millimetres between them."""
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    spacing = _find(dataset, 0, "PixelMeasuresSequence", "PixelSpacing")
    down, across = map(float, spacing) if spacing and len(spacing) == 2 else (0.0, 0.0)
    if orientation.transpose:
        rows, columns, down, across = columns, rows, across, down
    return (rows, columns), (down, across) if min(down, across) > 0 else None


def _is_inverted(dataset: Dataset) -> bool:
    """Whether the lowest value is white (PS3.3 C.7.6.3.1.2)."""
    return bool(dataset.get("PhotometricInterpretation") == "MONOCHROME1")


def _orientation(dataset: Dataset, frame: int) -> Orientation:
    cosines = _find(dataset, frame, "PlaneOrientationSequence", "ImageOrientationPatient")
    if cosines is None or len(cosines) != 6:
        raise UnsupportedTypeError("ImageOrientationPatient (0020,0037) is missing: the slice may not be axial.")
    values = [float(value) for value in cosines]
    orientation = axial_orientation(values[:3], values[3:])
    if orientation is None:
        raise UnsupportedTypeError(
            f"ImageOrientationPatient (0020,0037) is more than {MAX_TILT:.0f}° from axial. Send the axial series."
        )
    return orientation


def _hounsfield(stored: NDArray[Any], dataset: Dataset, frame: int) -> NDArray[Any]:
    """The modality LUT (PS3.3 C.11.1): stored values -> Hounsfield units, float32."""
    slope, intercept = _rescale(dataset, frame)
    if slope is None or intercept is None:
        return apply_modality_lut(stored, dataset)
    return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def _rescale(dataset: Dataset, frame: int) -> tuple[float | None, float | None]:
    slope, intercept = (
        _find(dataset, frame, "PixelValueTransformationSequence", keyword)
        for keyword in ("RescaleSlope", "RescaleIntercept")
    )
    return slope, intercept


def _find(dataset: Dataset, frame: int, macro: str, keyword: str) -> Any:
    """A value of one frame: from its functional group, the shared one (PS3.3 C.7.6.16), or the data set; or None."""
    groups = []
    if "PerFrameFunctionalGroupsSequence" in dataset:
        groups.append(dataset.PerFrameFunctionalGroupsSequence[frame])
    groups.extend(dataset.get("SharedFunctionalGroupsSequence") or [])
    for item in [*(part for group in groups for part in group.get(macro) or []), dataset]:
        value = item.get(keyword)
        if value is not None and value != "":
            return value
    return None


def _number_of_frames(dataset: Dataset) -> int:
    return int(dataset.get("NumberOfFrames") or 1)


def _values(value: Any) -> list[str]:
    """The texts of a value that may be none, one or several."""
    return [str(part) for part in value] if isinstance(value, MultiValue) else [str(value or "")]


def _code(value: object) -> str:
    """A coded value in a form that can be shown; free text is not."""
    text = str(value)
    return text if CODE.fullmatch(text) or text == "missing" else "not a code"


def _header(dataset: Dataset, planes: tuple[Plane, ...], refusal: tuple[str, str] | None) -> Header:
    def text(keyword: str) -> str:
        return "\\".join(_values(dataset.get(keyword)))

    shape, spacing = (int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)), None
    if planes:
        shape, spacing = _turned(dataset, _orientation(dataset, 0))
    thickness = _find(dataset, 0, "PixelMeasuresSequence", "SliceThickness") if planes else None
    kernel = _find(dataset, 0, "CTReconstructionSequence", "ConvolutionKernel") if planes else None
    return Header(
        kind="dicom",
        rows=shape[0],
        columns=shape[1],
        planes=planes,
        spacing_mm=spacing,
        thickness_mm=float(thickness) if thickness else None,
        patient=text("PatientID") or text("PatientName"),
        study=text("StudyInstanceUID"),
        series=text("SeriesInstanceUID"),
        instance=text("SOPInstanceUID"),
        frame_of_reference=text("FrameOfReferenceUID"),
        description=text("SeriesDescription"),
        kernel="\\".join(_values(kernel)),
        inverted=_is_inverted(dataset),
        refusal=refusal,
    )
