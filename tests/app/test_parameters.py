import base64
import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from app import create_app
from tests.app.problems import assert_problem
from tests.pictures import encode, slice_file
from tests.scans import dicom_series, scan, zipped

PICTURE = {"data": slice_file(), "content_type": "image/png"}


def predicted(client: FlaskClient, query: str = "", data: bytes = PICTURE["data"]) -> dict:  # type: ignore[type-arg, assignment]
    response = client.post(f"/predict{query}", data=data, content_type="image/png")
    assert response.status_code == 200
    prediction: dict[str, object] = response.get_json()["predictions"][0]
    return prediction


@pytest.mark.parametrize(
    "query", ["abstain=perhaps", "explain=1", "class=flu", "level=2", "level=0.905", "level=nan", "level="]
)
@pytest.mark.parametrize("address", ["/predict", "/studies"])
def test_a_bad_value_is_refused_by_name(client: FlaskClient, address: str, query: str) -> None:
    body = assert_problem(client.post(f"{address}?{query}", **PICTURE), 400, "invalid_parameter")
    assert query.partition("=")[0] in body["detail"]


def test_the_heatmap_comes_when_asked_for_and_of_the_class_asked_for(client: FlaskClient) -> None:
    assert "heatmap" not in predicted(client)
    assert predicted(client, "?explain=true&class=cap")["heatmap"]["label"] == "cap"
    heatmap = predicted(client, "?explain=true&class=covid")["heatmap"]
    values = np.array(heatmap["values"])
    assert values.shape == (16, 16)
    assert values.min() >= 0
    assert values.max() <= 1
    with Image.open(io.BytesIO(base64.b64decode(heatmap["image"].partition(",")[2]))) as picture:
        assert (picture.format, picture.size) == ("PNG", (32, 32))
        assert np.asarray(picture.convert("RGBA"))[..., 3].max() == 204, "never so dense that it hides the slice"


def test_a_higher_level_gives_no_smaller_set(client: FlaskClient) -> None:
    answers = [predicted(client, f"?level={level}") for level in ("0.5", "0.80", "0.9", "0.99")]
    assert [answer["level"] for answer in answers] == [0.5, 0.8, 0.9, 0.99]
    sets = [set(answer["prediction_set"]) for answer in answers]
    assert all(small <= large for small, large in pairwise(sets))


@pytest.mark.parametrize("kind", ["noise", "white", "inverted", "colour"])
def test_what_is_no_chest_ct_has_no_label_but_its_probabilities(client: FlaskClient, kind: str) -> None:
    random = np.random.default_rng(1)
    slice_ = np.asarray(Image.open(io.BytesIO(slice_file())))
    pixels = {
        "noise": random.integers(0, 256, (256, 256), dtype=np.uint8),
        "white": np.full((256, 256), 255, np.uint8),
        "inverted": 255 - slice_,
        "colour": np.stack([slice_, slice_ // 2, 255 - slice_], axis=-1),
    }[kind]
    answer = predicted(client, "", encode(pixels))
    assert answer["label"] is None
    assert answer["abstained"] in ("not_chest_ct", "poor_quality")
    assert answer["gate"]["accepted"] is False
    assert answer["gate"]["reason"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert predicted(client, "?abstain=false", encode(pixels))["label"]


def test_studies_take_the_same_parameters(client: FlaskClient) -> None:
    sent = zipped({f"{n}.dcm": data for n, data in enumerate(dicom_series(scan()))})
    kind = "application/octet-stream"
    answer = client.post("/studies?explain=true&class=cap&abstain=false", data=sent, content_type=kind).get_json()
    assert answer["label"]
    assert answer["abstained"] is None
    assert answer["slices"]
    assert all(one["heatmap"]["label"] == "cap" for one in answer["slices"])
    assert all({"prediction_set", "gate"} <= set(one) for one in answer["slices"])


def test_an_older_bundle_is_served_without_the_new_members(older_bundle: Path) -> None:
    client = create_app({"BUNDLE": older_bundle}).test_client()
    answer = predicted(client, "?explain=true")
    assert list(answer) == ["filename", "label", "abstained", "probabilities"]
    assert answer["label"]
    assert client.get("/readyz").get_json()["answers_without"] == ["calibration", "gate", "heatmap"]
