"""Volumes to look at, as another reader of NIfTI understands them."""

import json
from functools import partial
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.archives import SourceFile
from model.errors import ImageTooLargeError
from model.header import Limits
from model.phantom import lung_phantom
from model.stack import stacked
from model.window import MISSING
from tests.pictures import encode, slice_file
from tests.scans import SPACING, dicom_series, dicom_slice, enhanced, nifti, scan

VOLUME = scan(4)


def volume_of(files: list[bytes], limits: Limits = Limits()) -> nibabel.Nifti1Image:  # noqa: B008
    sources = [SourceFile(f"{number}", partial(bytes, data)) for number, data in enumerate(files)]
    stack = stacked(sources, limits)
    data = b"".join(stack.parts())
    assert len(data) == stack.size
    return nibabel.Nifti1Image.from_bytes(data)


def facts_of(image: nibabel.Nifti1Image) -> dict[str, object]:
    facts: dict[str, object] = json.loads(image.header.extensions[0].get_content())
    return facts


def values(image: nibabel.Nifti1Image) -> NDArray[Any]:
    return np.asarray(image.dataobj).transpose(2, 1, 0)


@pytest.mark.parametrize(
    "files",
    [dicom_series(VOLUME)[::-1], [enhanced(VOLUME)], [nifti(VOLUME)], [nifti(VOLUME, axes="RAS")]],
    ids=["series", "multi-frame", "NIfTI", "turned NIfTI"],
)
def test_hounsfield_units_and_places_are_kept(files: list[bytes]) -> None:
    image = volume_of(files)
    np.testing.assert_array_equal(values(image), VOLUME)
    assert image.get_data_dtype() == np.int16
    expected = np.array([[-SPACING, 0, 0, 96], [0, -SPACING, 0, 96], [0, 0, 5, -300], [0, 0, 0, 1]])
    np.testing.assert_allclose(image.affine, expected, atol=1e-4)
    facts = facts_of(image)
    assert facts["positions_mm"] == [-300, -295, -290, -285]
    assert (facts["unit"], facts["even"]) == ("HU", True)


def test_pictures_of_two_sizes_stand_in_the_middle_of_the_larger() -> None:
    image = volume_of([slice_file(size=128), slice_file(seed=2, size=100)])
    assert values(image).shape == (2, 128, 128)
    np.testing.assert_array_equal(values(image)[0], lung_phantom("covid", 1, 128))
    np.testing.assert_array_equal(values(image)[1][14:114, 14:114], lung_phantom("covid", 2, 100))
    assert facts_of(image)["unit"] == "gray"


def test_a_picture_that_a_camera_turned_is_turned_back() -> None:
    exif = nothing_but_orientation(6)
    image = volume_of([encode(lung_phantom("covid", 1, 128)[:100], exif=exif)])
    assert values(image).shape == (1, 128, 100)


def nothing_but_orientation(value: int) -> bytes:
    exif = Image.Exif()
    exif[274] = value
    return exif.tobytes()


def test_a_slice_that_cannot_be_decoded_is_missing_and_the_others_keep_their_numbers() -> None:
    files = dicom_series(VOLUME)
    files[1] = files[1][:-5000]
    found = values(volume_of(files))
    assert (found[1] == MISSING).all()
    np.testing.assert_array_equal(found[[0, 2, 3]], VOLUME[[0, 2, 3]])


def test_a_stack_with_a_gap_is_not_even() -> None:
    assert (
        facts_of(volume_of([*dicom_series(VOLUME), dicom_slice(ImagePositionPatient=[-96, -96, 0])]))["even"] is False
    )


def test_more_voxels_than_the_limit_are_refused_before_decoding() -> None:
    with pytest.raises(ImageTooLargeError, match="bytes of voxels"):
        volume_of(dicom_series(VOLUME), Limits(bytes=4 * 128 * 128))
