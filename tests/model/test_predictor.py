import pytest

from model import bundle
from model.errors import UnsupportedTypeError
from model.predictor import Options, Predictor
from tests.pictures import NOT_A_PICTURE, slice_file


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(bundle.load())


def test_a_prediction_names_the_most_probable_class(predictor: Predictor) -> None:
    prediction = predictor.predict(slice_file(), Options(abstain=False))
    assert prediction.label
    assert list(prediction.probabilities) == ["noncovid", "covid", "cap"]
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-6)
    assert prediction.probabilities[prediction.label] == max(prediction.probabilities.values())


def test_the_same_bytes_give_the_same_prediction(predictor: Predictor) -> None:
    assert predictor.predict(slice_file()) == predictor.predict(slice_file())


def test_what_is_no_picture_raises(predictor: Predictor) -> None:
    with pytest.raises(UnsupportedTypeError):
        predictor.predict(NOT_A_PICTURE)
