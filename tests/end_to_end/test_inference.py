"""The Open Inference Protocol as Triton's own client speaks it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from model import bundle
from model.phantom import lung_phantom
from tests.server import Server

SHIPPED = bundle.load()


@pytest.fixture(scope="module")
def triton(server: Server) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(urlsplit(server.address).netloc) as client:
        yield client


def tensor(binary: bool) -> tuple[InferInput, np.ndarray]:
    values = SHIPPED.preprocessing.batch([lung_phantom("covid", 3), lung_phantom("noncovid", 4)]).round(3)
    given = InferInput("slice", list(values.shape), "FP32")
    given.set_data_from_numpy(values, binary_data=binary)
    return given, values


def test_it_is_live_ready_and_described(triton: InferenceServerClient) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready(SHIPPED.name)
    assert triton.is_model_ready(SHIPPED.name, SHIPPED.version)
    assert triton.get_server_metadata()["name"] == "covidscanner"
    assert triton.get_model_metadata(SHIPPED.name)["inputs"][0]["shape"] == [-1, 256, 256, 3]


@pytest.mark.parametrize("binary", [True, False])
def test_it_infers(triton: InferenceServerClient, binary: bool) -> None:
    given, values = tensor(binary)
    outputs = [InferRequestedOutput("probabilities", binary_data=binary)]
    result = triton.infer(SHIPPED.name, [given], outputs=outputs, request_id="a")
    probabilities = result.as_numpy("probabilities")
    assert probabilities.shape == (2, 3)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    alone, _ = tensor(binary=True)
    everything = triton.infer(SHIPPED.name, [alone])
    assert everything.as_numpy("probabilities") == pytest.approx(probabilities, abs=1e-5)
    assert everything.as_numpy("features").shape == (2, 512)
    assert result.get_response()["id"] == "a"
    assert values.shape == (2, 256, 256, 3)


def test_it_says_what_is_wrong(triton: InferenceServerClient) -> None:
    small = InferInput("slice", [1, 2, 2, 3], "FP32")
    small.set_data_from_numpy(np.zeros((1, 2, 2, 3), np.float32))
    with pytest.raises(InferenceServerException, match=r"The shape must be \[n, 256, 256, 3\]"):
        triton.infer(SHIPPED.name, [small])
    assert not triton.is_model_ready("resnet")
