"""Studies of real patients, where they are."""

import re
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from flask.testing import FlaskClient

from tests.forms import form
from tests.pictures import encode
from tests.scans import zipped

Files = list[tuple[str, bytes]]


def contents(folder: Path) -> Files:
    if not folder.is_dir():
        pytest.skip(f"no DICOM files in {folder}; name the folder with `dicom` in CT_DATA")
    return [(path.name, path.read_bytes()) for path in sorted(folder.glob("*.dcm"))]


@pytest.fixture(scope="module")
def compressed(real_slices: Path) -> Files:
    """30 slices of one series, 12 bit, JPEG Lossless."""
    return contents(real_slices / "dicom" / "P001_jpeg_lossless")


@pytest.fixture(scope="module")
def several(real_slices: Path) -> Files:
    """A localizer, a dose report, two lung and two mediastinum series."""
    return contents(real_slices / "dicom" / "multi_series_study")


def answer(client: FlaskClient, files: Files) -> dict[str, Any]:
    response = client.post("/studies", **form(files))
    assert response.status_code == 200, response.text
    return {name: value for name, value in response.get_json().items() if name != "request_id"}


def test_a_compressed_series_gives_an_answer_whatever_the_order(client: FlaskClient, compressed: Files) -> None:
    study = answer(client, compressed)
    assert (study["series"]["slices"], study["series"]["spacing_mm"], study["series"]["gaps"]) == (30, 4.0, 0)
    assert len(study["slices"]) == 30
    assert study["label"] == "covid"
    shuffled = [compressed[index] for index in np.random.default_rng(1).permutation(30)]
    assert answer(client, shuffled) == study


def test_the_page_shows_the_same_numbers(client: FlaskClient, compressed: Files) -> None:
    page = client.post("/", **form(compressed)).text.partition('class="result study"')[2].partition("</dl>")[0]
    shown = re.findall(r"<output>([\d.]+) %</output>", page)
    assert shown == [f"{100 * p:.1f}" for p in answer(client, compressed)["probabilities"].values()]


def test_of_several_series_a_lung_series_is_chosen_and_the_rest_set_aside(client: FlaskClient, several: Files) -> None:
    study = answer(client, several)
    assert "Lung" in study["series"]["description"]
    reasons = " ".join(note["reason"] for note in study["set_aside"])
    assert "LOCALIZER" in reasons
    assert "DOSE_INFO" in reasons
    assert sum("Mediastinum" in note["what"] for note in study["set_aside"]) == 2
    assert answer(client, [("study.zip", zipped(dict(several)))]) == study


def hounsfield(data: bytes) -> tuple[float, np.ndarray[Any, np.dtype[np.float64]]]:
    """Position and values of one slice, as pydicom alone reads them."""
    dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data))
    values = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    return float(dataset.ImagePositionPatient[2]), values


@pytest.mark.parametrize("axes", ["LPS", "RAS", "SPL"])
def test_the_series_as_nifti_gives_the_probabilities_of_the_dicom(
    client: FlaskClient, compressed: Files, axes: str
) -> None:
    slices = sorted((hounsfield(data) for _, data in compressed), key=lambda one: one[0])
    volume = np.stack([values for _, values in slices]).astype(np.int16).transpose(2, 1, 0)
    affine = np.diag([-0.748, -0.748, 4.0, 1.0])
    affine[2, 3] = slices[0][0]
    wanted = nibabel.orientations.axcodes2ornt(tuple(axes))
    turned = nibabel.Nifti1Image(volume, affine).as_reoriented(
        nibabel.orientations.ornt_transform(nibabel.io_orientation(affine), wanted)
    )
    dicom, nifti = answer(client, compressed), answer(client, [("a.nii", turned.to_bytes())])
    assert nifti["probabilities"] == pytest.approx(dicom["probabilities"], abs=1e-3)
    for one, other in zip(nifti["slices"], dicom["slices"], strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-3)


def test_a_slice_and_the_png_made_of_it_give_the_same_probabilities(client: FlaskClient, compressed: Files) -> None:
    for name, data in compressed[::7]:
        gray = np.clip((hounsfield(data)[1] + 1350) / 1500 * 255, 0, 255).round().astype(np.uint8)
        both = [("a.dcm", data), (name, encode(gray))]
        dicom, png = client.post("/predict", **form(both)).get_json()["predictions"]
        assert dicom["probabilities"] == pytest.approx(png["probabilities"], abs=1e-3)
