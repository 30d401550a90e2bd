"""Reading of DICOM and NIfTI: pixels, and what headers say of them."""

import contextlib
import gzip
import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from model import volumes
from model.errors import ImageError, VolumeError
from model.header import Limits
from model.images import decode
from model.phantom import lung_phantom
from model.window import Window
from tests.pictures import encode
from tests.scans import dataset, dicom_slice, enhanced, hounsfield, nifti, saved, scan

GRAY = lung_phantom("covid", 1, 128)


def made(**tags: Any) -> Dataset:
    return dataset(hounsfield(GRAY), **tags)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_uncompressed_and_deflated_files_are_read(syntax: UID) -> None:
    one = made()
    one.file_meta.TransferSyntaxUID = syntax
    np.testing.assert_array_equal(decode(saved(one)), GRAY)


def test_a_big_endian_file_is_read() -> None:
    one = made(PixelData=(hounsfield(GRAY) + 1024).astype(">i2").tobytes())
    one.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    one["PixelData"].VR = "OW"
    np.testing.assert_array_equal(decode(saved(one, implicit_vr=False, little_endian=False)), GRAY)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_lossless_compression_keeps_every_pixel(syntax: UID) -> None:
    one = made()
    one.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(decode(saved(one)), GRAY)


def jpeg_lossless(values: NDArray[np.int16]) -> bytes:
    """Encode by ITU-T T.81, process 14, predictor 1; every Huffman code is its category in 5 bits."""
    rows, columns = values.shape
    samples = values.astype(np.int64) & 0xFFFF
    predicted = np.roll(samples, 1, axis=1)
    predicted[:, 0] = np.roll(samples[:, 0], 1)
    predicted[0, 0] = 1 << 15
    bits = []
    for difference in ((samples - predicted + 0x8000) % 0x10000 - 0x8000).ravel().tolist():
        category = abs(difference).bit_length()
        bits.append(f"{category:05b}")
        if 0 < category < 16:
            bits.append(f"{difference if difference > 0 else difference + (1 << category) - 1:0{category}b}")
    scan = "".join(bits)
    scan += "1" * (-len(scan) % 8)
    body = int(scan, 2).to_bytes(len(scan) // 8, "big").replace(b"\xff", b"\xff\0")
    frame = b"\xff\xc3" + struct.pack(">HBHHBBBB", 11, 16, rows, columns, 1, 1, 0x11, 0)
    table = b"\xff\xc4" + struct.pack(">HB", 19 + 17, 0) + bytes([0, 0, 0, 0, 17, *[0] * 11]) + bytes(range(17))
    return b"\xff\xd8" + frame + table + b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 0, 0) + body + b"\xff\xd9"


def test_jpeg_lossless_keeps_every_pixel() -> None:
    one = made(PixelData=encapsulate([jpeg_lossless(hounsfield(GRAY) + 1024)]))
    one.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    one["PixelData"].VR = "OB"
    np.testing.assert_array_equal(decode(saved(one)), GRAY)


def test_8_bit_baseline_jpeg_is_read() -> None:
    tags = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    rescale = {"RescaleSlope": 1500 / 255, "RescaleIntercept": -1350}
    one = made(**tags, **rescale, PixelData=encapsulate([encode(GRAY, "JPEG", quality=98)]))
    one.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    one["PixelData"].VR = "OB"
    assert np.abs(decode(saved(one)).astype(int) - GRAY).max() < 12


def test_the_files_own_window_is_ignored_and_ours_is_used() -> None:
    np.testing.assert_array_equal(decode(dicom_slice(WindowCenter=[40, 400], WindowWidth=[80, 900])), GRAY)
    wide = decode(dicom_slice(), window=Window(level=-350, width=2000))
    np.testing.assert_array_equal(wide, np.rint((hounsfield(GRAY) + 1350) / 2000 * 255))


def test_the_rescale_of_the_file_is_used() -> None:
    doubled = ((hounsfield(GRAY).astype(np.int32) + 1024) * 2).astype("<i2").tobytes()
    np.testing.assert_array_equal(decode(dicom_slice(PixelData=doubled, RescaleSlope=0.5)), GRAY)


def test_monochrome1_is_inverted() -> None:
    np.testing.assert_array_equal(decode(dicom_slice(PhotometricInterpretation="MONOCHROME1")), 255 - GRAY)


@pytest.mark.parametrize(
    ("cosines", "stored"),
    [
        ([-1, 0, 0, 0, 1, 0], GRAY[:, ::-1]),
        ([1, 0, 0, 0, -1, 0], GRAY[::-1]),
        ([-1, 0, 0, 0, -1, 0], GRAY[::-1, ::-1]),
        ([0, 1, 0, 1, 0, 0], GRAY.T),
        ([0, -1, 0, 1, 0, 0], GRAY[::-1].T),
    ],
)
def test_every_orientation_is_turned_to_the_standard_view(cosines: list[float], stored: Any) -> None:
    one = dataset(hounsfield(stored), ImageOrientationPatient=cosines)
    np.testing.assert_array_equal(decode(saved(one)), GRAY)


@pytest.mark.parametrize(("degrees", "axial"), [(25, True), (35, False)])
def test_a_gantry_may_be_tilted_by_30_degrees(degrees: float, axial: bool) -> None:
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    data = dicom_slice(ImageOrientationPatient=[1, 0, 0, 0, round(cosine, 6), round(sine, 6)])
    assert bool(volumes.describe(data, "dicom", Limits()).planes) == axial


@pytest.mark.parametrize("axes", ["LPS", "RAS", "SPL", "PIR", "ASL"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_nifti_of_any_axes_is_read(axes: str, pack: Any) -> None:
    np.testing.assert_array_equal(decode(pack(nifti(hounsfield(GRAY)[np.newaxis], axes=axes))), GRAY)


def test_a_header_tells_how_the_volume_lies() -> None:
    for data, kind in ((nifti(scan(3), first=-20, step=2.5), "nifti"), (enhanced(scan(3), -20, 2.5), "dicom")):
        header = volumes.describe(data, kind, Limits())  # type: ignore[arg-type]
        assert [plane.position_mm for plane in header.planes] == pytest.approx([-20, -17.5, -15])
        assert header.planes[0].normal == pytest.approx((0, 0, 1))
        assert header.spacing_mm == pytest.approx((1.5, 1.5))


def test_a_kernel_of_two_values_is_kept_as_dicom_writes_it() -> None:
    header = volumes.describe(dicom_slice(ConvolutionKernel=["Br60f", "3"]), "dicom", Limits())
    assert header.kernel == "Br60f\\3"


def test_frames_come_in_the_order_asked_for() -> None:
    volume = scan(4)
    for data, kind in ((nifti(volume), "nifti"), (enhanced(volume), "dicom")):
        last, first = volumes.frames(data, kind, [3, 0], Window(), Limits())  # type: ignore[arg-type]
        np.testing.assert_array_equal(first, lung_phantom("covid", 0, 128))
        np.testing.assert_array_equal(last, lung_phantom("covid", 3, 128))


def test_a_volume_is_no_slice() -> None:
    with pytest.raises(VolumeError, match="3 slices"):
        decode(nifti(scan(3)))


def test_the_pixel_limit_holds_for_scans_too() -> None:
    for data in (dicom_slice(), nifti(scan(1))):
        with pytest.raises(ImageError, match="at most"):
            decode(data, max_pixels=128 * 127)


@pytest.mark.parametrize("data", [dicom_slice(), nifti(scan(1))], ids=["DICOM", "NIfTI"])
def test_broken_bytes_never_raise_anything_else(data: bytes) -> None:
    random = np.random.default_rng(0)
    for _ in range(60):
        broken = bytearray(data)
        for position in random.integers(140, 1200, size=6):
            broken[position] = random.integers(256)
        with contextlib.suppress(ImageError):
            decode(bytes(broken[: random.integers(400, len(data) + 1)]))
