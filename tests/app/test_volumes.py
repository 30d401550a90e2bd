"""POST /volumes: what the viewer shows."""

import nibabel
import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.app.problems import assert_problem
from tests.forms import form
from tests.pictures import NOT_A_PICTURE
from tests.scans import dicom_series, scan, zipped

VOLUME = scan(4)
FILES = {f"{number}.dcm": data for number, data in enumerate(dicom_series(VOLUME))}


@pytest.mark.parametrize("files", [list(FILES.items()), [("study.zip", zipped(FILES))]], ids=["files", "zip"])
def test_files_and_archives_become_a_volume_that_nobody_keeps(
    client: FlaskClient, files: list[tuple[str, bytes]]
) -> None:
    response = client.post("/volumes", **form(files))
    assert (response.status_code, response.mimetype) == (200, "application/x-nifti")
    assert response.headers["Cache-Control"] == "no-store"
    assert int(response.headers["Content-Length"]) == len(response.data)
    image = nibabel.Nifti1Image.from_bytes(response.data)
    np.testing.assert_array_equal(np.asarray(image.dataobj).transpose(2, 1, 0), VOLUME)


def test_its_slices_are_those_of_the_study(client: FlaskClient) -> None:
    other = dicom_series(VOLUME[:2], series="8", ConvolutionKernel="B30f")
    files = [*FILES.items(), *((f"soft{number}", data) for number, data in enumerate(other))]
    best, asked = (client.post(f"/volumes{query}", **form(files)).data for query in ("", "?series=1.2.3.8"))
    assert [nibabel.Nifti1Image.from_bytes(data).shape[2] for data in (best, asked)] == [4, 2]


def test_what_is_no_picture_is_a_problem(client: FlaskClient) -> None:
    assert_problem(client.post("/volumes", **form([("a.txt", NOT_A_PICTURE)])), 415, "unsupported_type")
    assert_problem(client.post("/volumes", **form([])), 400, "no_image")
