"""Files to try the page with: the server can read what it offers."""

import gzip
import re

import nibabel
import numpy as np
import pytest
from flask.testing import FlaskClient

from model.samples import STUDY_SLICES, WORD
from tests.app.problems import assert_problem
from tests.forms import form


def names(client: FlaskClient) -> list[str]:
    return [sample["name"] for sample in client.get("/samples").get_json()]


def test_every_sample_says_that_it_is_synthetic(client: FlaskClient) -> None:
    assert len(names(client)) == 4
    assert all(name.startswith("synthetic-") for name in names(client))
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(client.get("/samples/synthetic-study.nii.gz").data))
    assert bytes(image.header["descrip"].item()).decode() == WORD


@pytest.mark.parametrize("label", ["noncovid", "covid", "cap"])
def test_a_sample_slice_is_read(client: FlaskClient, label: str) -> None:
    data = client.get(f"/samples/synthetic-{label}.png").data
    (answer,) = client.post("/predict", **form([("a.png", data)])).get_json()["predictions"]
    assert set(answer["probabilities"]) == {"noncovid", "covid", "cap"}
    assert answer["gate"]["accepted"]


def test_the_sample_study_is_read_and_has_something_in_every_window(client: FlaskClient) -> None:
    data = client.get("/samples/synthetic-study.nii.gz").data
    answer = client.post("/studies", **form([("study.nii.gz", data)])).get_json()
    assert answer["series"]["slices"] == STUDY_SLICES
    assert len(answer["slices"]) > STUDY_SLICES / 2
    volume = np.asarray(nibabel.Nifti1Image.from_bytes(gzip.decompress(data)).dataobj)
    for low, high in ((-1350, -800), (0, 80), (300, 1300)):  # lung, organs, bone
        assert ((volume > low) & (volume < high)).mean() > 0.004


def test_another_name_is_not_found(client: FlaskClient) -> None:
    assert_problem(client.get("/samples/other.png"), 404, "not_found")


def test_the_page_of_the_card_shows_the_drawn_slices_on_which_the_network_fails(client: FlaskClient) -> None:
    page = client.get("/model", headers={"Accept": "text/html"}).get_data(as_text=True)
    shown = re.findall(r'src="(/samples/drawn-[^"]+)"', page)
    assert shown
    for address in shown:
        picture = client.get(address)
        assert picture.mimetype == "image/png"
        assert picture.data.startswith(b"\x89PNG")
