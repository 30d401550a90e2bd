"""The shipped network and the whole path on real CT slices, where they are."""

from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from model import bundle
from model.engine import create_engine
from model.images import decode
from model.predictor import Predictor
from training import manifest, pixels, splits
from training.evaluate import probabilities
from training.manifest import Row
from training.metrics import by_institution, covid_auc
from training.scan import scan


@pytest.fixture(scope="module")
def rows(real_slices: Path) -> list[Row]:
    return scan(real_slices).rows


@pytest.fixture(scope="module")
def some(rows: list[Row]) -> list[Row]:
    return rows[::97]


def test_the_compiled_network_agrees_with_the_h5(some: list[Row]) -> None:
    shipped = bundle.load()
    batch = shipped.preprocessing.batch([decode(Path(row.path).read_bytes()) for row in some])
    onnx, keras = (create_engine(shipped, name).run(batch).probabilities for name in ("onnx", "keras"))
    assert np.abs(onnx - keras).max() < 1e-4


def test_training_and_serving_see_the_same_slice_bit_for_bit(some: list[Row], tmp_path: Path) -> None:
    preprocessing = bundle.load().preprocessing
    trained = preprocessing.batch(list(pixels.load(some, preprocessing, tmp_path)))
    served = preprocessing.batch([decode(Path(row.path).read_bytes()) for row in some])
    np.testing.assert_array_equal(trained, served)


def test_every_real_slice_of_a_sample_is_answered(client: FlaskClient, some: list[Row]) -> None:
    for row in some:
        response = client.post("/predict", data=Path(row.path).read_bytes(), content_type="image/jpeg")
        assert response.status_code == 200


def test_the_test_patients_of_the_card_are_those_of_this_data(rows: list[Row]) -> None:
    """The network was judged on patients that it never saw: the split is repeatable, and the card holds its digests."""
    training = bundle.load().card["training"]
    split = splits.by_patient(rows, training["experiment"]["seed"])
    for part in splits.PARTS:
        assert training["data"][part]["sha256"] == manifest.digest(getattr(split, part))


def test_it_tells_covid_from_the_rest_on_patients_it_never_saw(rows: list[Row]) -> None:
    seed = bundle.load().card["training"]["experiment"]["seed"]
    tested = splits.by_patient(rows, seed).test
    soares = [tested[i] for i in by_institution(tested)["soares"]]
    auc = covid_auc(probabilities(Predictor(bundle.load()), soares), manifest.label_indices(soares))
    assert auc > 0.8
