"""CT as DICOM and NIfTI bytes, made here from phantoms: the good, and what people and attackers send instead."""

import io
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from model.phantom import lung_phantom

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


def saved(made: Dataset, preamble: bytes = bytes(128)) -> bytes:
    """A data set as a DICOM file."""
    buffer = io.BytesIO()
    made.preamble = preamble
    made.save_as(buffer, enforce_file_format=True)
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
