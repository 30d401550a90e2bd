"""The Open Inference Protocol (v2), which clients of KServe and Triton speak: the network itself, tensor by tensor.

Source: https://github.com/kserve/open-inference-protocol. Nothing is decoded here: who sends a slice this way has
preprocessed it as the card says. Errors are problems like everywhere, with the protocol's member `error` beside.
"""

from typing import Any, Final

import numpy as np
from flask import Blueprint, Response, current_app, jsonify, request

from app import errors, tensors
from app.admission import admitted
from app.classification import predictor
from app.tensors import DATATYPE, Tensor
from app.uploads import read_body
from model.bundle import Bundle

blueprint = Blueprint("inference", __name__, url_prefix="/v2")

SERVER: Final = {"name": "covidscanner", "version": "1", "extensions": ["binary_tensor_data"]}

INPUT: Final = "slice"

OUTPUTS: Final = ("probabilities", "logits", "features")
"""Those of the network's outputs (`model.engine.Outputs`) that the protocol gives."""

MODEL: Final = "/models/<name>"
VERSION: Final = "/models/<name>/versions/<version>"


@blueprint.get("")
def server() -> Response:
    """What this server is."""
    return jsonify(SERVER)


@blueprint.get("/health/live")
def live() -> Response:
    """The process answers."""
    return jsonify(live=True)


@blueprint.get("/health/ready")
def ready() -> Response:
    """The network is loaded: the server starts only so."""
    return jsonify(ready=True)


@blueprint.get(MODEL)
@blueprint.get(VERSION)
def metadata(name: str, version: str | None = None) -> Response:
    """What the network takes and gives."""
    _check_model(name, version)
    bundle = predictor().bundle
    # -1 stands for the number of slices, and for the number of features, which is the network's.
    shapes = zip(OUTPUTS, ([-1, len(bundle.labels)], [-1, len(bundle.labels)], [-1, -1]), strict=True)
    return jsonify(
        name=bundle.name,
        versions=[bundle.version],
        platform="onnxruntime_onnx" if predictor().engine.name == "onnx" else "keras",
        inputs=[{"name": INPUT, "datatype": DATATYPE, "shape": [-1, *input_shape(bundle)]}],
        outputs=[{"name": output, "datatype": DATATYPE, "shape": shape} for output, shape in shapes],
    )


@blueprint.get(f"{MODEL}/ready")
@blueprint.get(f"{VERSION}/ready")
def model_ready(name: str, version: str | None = None) -> Response:
    """The network called `name` is loaded."""
    _check_model(name, version)
    return jsonify(name=name, ready=True)


@blueprint.post(f"{MODEL}/infer")
@blueprint.post(f"{VERSION}/infer")
@admitted
def infer(name: str, version: str | None = None) -> Response:
    """Run the network on preprocessed slices."""
    _check_model(name, version)
    read_body(request, current_app.config["MAX_BODY_BYTES"])
    asked = tensors.read_request(request, INPUT, input_shape(predictor().bundle), OUTPUTS)
    members: dict[str, Any] = {"model_name": name, "model_version": predictor().bundle.version}
    if asked.id is not None:
        members["id"] = asked.id
    given = _run(asked.tensor)
    return tensors.response(members, {output: given[output] for output in asked.outputs}, asked.outputs)


@blueprint.errorhandler(errors.Problem)
def _problem(problem: errors.Problem) -> Response:
    return errors.problem_response(problem, error=problem.detail)


def _run(tensor: Tensor) -> dict[str, Tensor]:
    """The outputs, by name. Slice by slice: together they would take more memory and, on a processor, more time."""
    runs = [predictor().run(tensor[index : index + 1]) for index in range(len(tensor))]
    return {output: np.concatenate([getattr(run, output) for run in runs]) for output in OUTPUTS}


def input_shape(bundle: Bundle) -> tuple[int, int, int]:
    """Of one slice."""
    preprocessing = bundle.preprocessing
    return preprocessing.size, preprocessing.size, preprocessing.channels


def _check_model(name: str, version: str | None) -> None:
    bundle = predictor().bundle
    if name != bundle.name or version not in (None, bundle.version):
        raise errors.Problem("not_found", f"There is one network here: {bundle.name}, version {bundle.version}.")
