"""CT as DICOM and NIfTI bytes, made here from phantoms: the good, and what people and attackers send instead."""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, Literal

import nibabel
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLossless,
    generate_uid,
)

from model.phantom import lung_phantom
from tests.pictures import encode

SPACING = 1.5
"""Millimetres between the pixels of a phantom's slices."""


def hounsfield(gray: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Phantoms are drawn in the lung window: level -600, width 1500."""
    return np.rint(gray / 255.0 * 1500 - 1350).astype(np.int16)


def scan(number: int = 8, label: str = "covid", size: int = 128) -> NDArray[np.int16]:
    """A volume of different slices, feet first: Hounsfield units, shape (number, size, size)."""
    return np.stack([hounsfield(lung_phantom(label, seed, size)) for seed in range(number)])


def dataset(values: NDArray[np.int16], position: float = 0.0, series: str = "1", **tags: Any) -> Dataset:
    """One slice of a series as a CT image; `tags` are set last, and those that are None are left out."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = CTImageStorage
    made.SOPInstanceUID = generate_uid(entropy_srcs=[series, str(position), values.tobytes().hex()])
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.Modality, made.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    made.PatientID, made.PatientName = "4711", "Mustermann^Erika"
    made.StudyInstanceUID = made.FrameOfReferenceUID = "1.2.3"
    made.SeriesInstanceUID, made.SeriesDescription = f"1.2.3.{series}", f"Series {series}"
    made.ConvolutionKernel, made.SliceThickness = "B60f", 2
    made.ImageOrientationPatient, made.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-96, -96, position]
    made.PixelSpacing = [SPACING, SPACING]
    made.Rows, made.Columns = values.shape
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 16, 15, 1
    made.RescaleSlope, made.RescaleIntercept = 1, -1024
    made.WindowCenter, made.WindowWidth = 40, 400
    made.PixelData = (values + 1024).astype("<i2").tobytes()
    for keyword, value in tags.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def saved(made: Dataset, preamble: bytes = bytes(128), **encoding: bool) -> bytes:
    """A data set as a DICOM file."""
    buffer = io.BytesIO()
    made.preamble = preamble
    made.save_as(buffer, enforce_file_format=True, **encoding)
    return buffer.getvalue()


def dicom_slice(label: str = "covid", seed: int = 1, size: int = 128, **tags: Any) -> bytes:
    """A phantom slice as a DICOM file."""
    return saved(dataset(hounsfield(lung_phantom(label, seed, size)), **tags))


def dicom_series(volume: NDArray[np.int16], first: float = -300.0, step: float = 5.0, **tags: Any) -> list[bytes]:
    """A volume as one DICOM file a slice."""
    return [saved(dataset(values, first + step * index, **tags)) for index, values in enumerate(volume)]


def nifti(volume: NDArray[Any], first: float = -300.0, step: float = 5.0, axes: str = "LPS") -> bytes:
    """A volume as a NIfTI file whose axes point as `axes` says."""
    affine = np.array([[-SPACING, 0, 0, 96], [0, -SPACING, 0, 96], [0, 0, step, first], [0, 0, 0, 1]], np.float64)
    image = nibabel.Nifti1Image(volume.transpose(2, 1, 0), affine)
    wanted = nibabel.orientations.axcodes2ornt(tuple(axes))
    turned = image.as_reoriented(nibabel.orientations.ornt_transform(nibabel.io_orientation(affine), wanted))
    data: bytes = turned.to_bytes()
    return data


def enhanced(volume: NDArray[np.int16], first: float = -300.0, step: float = 5.0) -> bytes:
    """A volume as one multi-frame file with functional groups, as Enhanced CT has them (PS3.3 A.38)."""
    made = dataset(volume[0], first)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope", "RescaleIntercept"):
        delattr(made, keyword)
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = EnhancedCTImageStorage
    made.NumberOfFrames, made.PixelData = len(volume), (volume + 1024).astype("<i2").tobytes()
    made.SharedFunctionalGroupsSequence = [
        _group(
            PlaneOrientationSequence={"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
            PixelValueTransformationSequence={"RescaleSlope": 1, "RescaleIntercept": -1024},
        )
    ]
    made.PerFrameFunctionalGroupsSequence = [
        _group(PlanePositionSequence={"ImagePositionPatient": [-96, -96, first + step * index]})
        for index in range(len(volume))
    ]
    return saved(made)


def _group(**macros: dict[str, Any]) -> Dataset:
    group = Dataset()
    for name, members in macros.items():
        item = Dataset()
        for keyword, value in members.items():
            setattr(item, keyword, value)
        setattr(group, name, [item])
    return group


def zipped(files: dict[str, bytes], **options: Any) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(files: dict[str, bytes], mode: Literal["w", "w:gz"] = "w:gz") -> bytes:
    """A tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def encrypted(archive: bytes) -> bytes:
    """The archive with the flag of encryption on its first member (APPNOTE 4.4.4)."""
    entry = archive.rindex(b"PK\1\2")
    return archive[: entry + 8] + bytes([archive[entry + 8] | 1]) + archive[entry + 9 :]


def deflated_bomb(megabytes: int = 1000) -> bytes:
    """A DICOM whose deflated data set is far larger than the file."""
    plain = dataset(scan(1)[0])
    plain.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    whole = saved(plain)
    begin = 144 + int.from_bytes(whole[140:144], "little")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = b"".join(deflater.compress(bytes(2**20)) for _ in range(megabytes))
    return whole[:begin] + body + deflater.flush()


def _encoded(stream: bytes, syntax: str) -> bytes:
    """A DICOM whose compressed pixel data is `stream`."""
    made = dataset(scan(1)[0], PixelData=encapsulate([stream]))
    made.file_meta.TransferSyntaxUID = UID(syntax)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return saved(made, implicit_vr=False, little_endian=True)


def _large_jpeg() -> bytes:
    """A JPEG that declares 60,000 × 60,000 pixels, whatever the DICOM says."""
    jpeg = bytearray(encode(lung_phantom("covid", 1, 128), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = (60000).to_bytes(2, "big") * 2
    return bytes(jpeg)


def _nan() -> bytes:
    volume = scan(1).astype(np.float32)
    volume[0, 60, 60] = np.nan
    return nifti(volume)


def _header(offset: int, kind: str, *values: float) -> bytes:
    """A NIfTI of one slice with other values in its header (nifti1.h)."""
    data = bytearray(nifti(scan(1)))
    struct.pack_into("<" + kind * len(values), data, offset, *values)
    return bytes(data)


REFUSED: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "a DICOM without pixel data": (lambda: dicom_slice(PixelData=None), 422, "unreadable_image"),
    "a truncated DICOM": (lambda: dicom_slice()[:9000], 422, "unreadable_image"),
    "a DICOM that ends in its header": (lambda: dicom_slice()[:300], 415, "unsupported_type"),
    "Rows and Columns that lie": (lambda: dicom_slice(Rows=512, Columns=512), 422, "unreadable_image"),
    "Rows and Columns beyond the limit": (lambda: dicom_slice(Rows=65535, Columns=65535), 413, "too_large"),
    "a JPEG larger than Rows and Columns": (lambda: _encoded(_large_jpeg(), JPEGBaseline8Bit), 422, "unreadable_image"),
    "noise for a JPEG": (lambda: _encoded(bytes(range(256)) * 40, JPEGLossless), 422, "unreadable_image"),
    "a private transfer syntax": (lambda: _encoded(bytes(1000), "1.2.3.4.5.6"), 415, "unsupported_type"),
    "a 60,000-frame header": (lambda: dicom_slice(NumberOfFrames=60000), 413, "too_large"),
    "a deflated bomb": (lambda: deflated_bomb(), 413, "too_large"),
    "a PDF in DICOM": (
        lambda: dicom_slice(
            SOPClassUID=EncapsulatedPDFStorage, Modality="DOC", PixelData=None, EncapsulatedDocument=b"%PDF-1.7 "
        ),
        415,
        "unsupported_type",
    ),
    "an X-ray": (lambda: dicom_slice(Modality="DX"), 415, "unsupported_type"),
    "an angiogram": (lambda: dicom_slice(Modality="XA"), 415, "unsupported_type"),
    "an MR": (lambda: dicom_slice(Modality="MR"), 415, "unsupported_type"),
    "a localizer": (lambda: dicom_slice(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), 415, "unsupported_type"),
    "a coronal slice": (lambda: dicom_slice(ImageOrientationPatient=[1, 0, 0, 0, 0, -1]), 415, "unsupported_type"),
    "no orientation": (lambda: dicom_slice(ImageOrientationPatient=None), 415, "unsupported_type"),
    "no rescale tags": (lambda: dicom_slice(RescaleSlope=None, RescaleIntercept=None), 415, "unsupported_type"),
    "a palette": (lambda: dicom_slice(PhotometricInterpretation="PALETTE COLOR"), 415, "unsupported_type"),
    "colours": (lambda: dicom_slice(PhotometricInterpretation="RGB", SamplesPerPixel=3), 415, "unsupported_type"),
    "a program that is a DICOM, too": (
        lambda: saved(dataset(scan(1)[0]), b"MZ\x90".ljust(128, b"\0")),
        415,
        "unsupported_type",
    ),
    "a NIfTI with NaNs": (lambda: _nan(), 422, "unreadable_image"),
    "a NIfTI of four dimensions": (lambda: _header(40, "h", 4, 128, 64, 1, 2), 415, "unsupported_type"),
    "a NIfTI of two dimensions": (lambda: _header(40, "h", 2, 128, 128), 415, "unsupported_type"),
    "a NIfTI with a zero affine": (lambda: _header(280, "f", *[0.0] * 12), 422, "unreadable_image"),
    "a NIfTI with a wrong dim": (lambda: _header(40, "h", 3, 128, 128, 700), 422, "unreadable_image"),
    "a NIfTI with a negative dim": (lambda: _header(40, "h", 3, 128, -128, 1), 422, "unreadable_image"),
    "a truncated NIfTI": (lambda: nifti(scan(1))[:9000], 422, "unreadable_image"),
    "a NIfTI bomb": (lambda: gzip.compress(nifti(scan(1)) + bytes(100 * 2**20)), 413, "too_large"),
}
"""One file that /predict and /studies refuse -> what makes its bytes, and the status and code of the answer."""


def _many_empty() -> bytes:
    return zipped({f"{number}.dcm": b"" for number in range(50_000)})


REFUSED_ARCHIVES: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "a zip bomb": (lambda: zipped({"bomb.dcm": bytes(200 * 2**20)}), 413, "too_large"),
    "a tar.gz bomb": (lambda: tarred({"bomb.dcm": bytes(200 * 2**20)}), 413, "too_large"),
    "a zip in a zip": (lambda: zipped({"inner.zip": zipped({"a.dcm": dicom_slice()})}), 422, "bad_archive"),
    "a zip in a tar": (lambda: tarred({"inner.zip": zipped({"a.dcm": dicom_slice()})}), 422, "bad_archive"),
    "a name outside a zip": (lambda: zipped({"../../etc/a.dcm": dicom_slice()}), 422, "bad_archive"),
    "a name outside a tar": (lambda: tarred({"/etc/a.dcm": dicom_slice()}), 422, "bad_archive"),
    "an encrypted zip": (lambda: encrypted(zipped({"a.dcm": dicom_slice()})), 422, "bad_archive"),
    "50,000 empty members": (lambda: _many_empty(), 413, "too_many_files"),
    "a truncated zip": (lambda: zipped({"a.dcm": dicom_slice()})[:-60], 422, "bad_archive"),
    "a truncated tar.gz": (lambda: tarred({"a.dcm": dicom_slice()})[:-60], 422, "bad_archive"),
    "an empty zip": (lambda: zipped({}), 422, "no_series"),
    "a zip of letters": (lambda: zipped({"letter.txt": b"Dear radiologist,\n" * 50}), 415, "unsupported_type"),
}
"""One archive that is refused by /studies -> what makes its bytes, and the status and code of the answer."""
