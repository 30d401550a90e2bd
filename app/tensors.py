"""Tensors as the Open Inference Protocol (v2) writes them: JSON, or JSON followed by the raw values.

Source: https://github.com/kserve/open-inference-protocol, "Inference Protocol" and "Binary Tensor Data Extension".
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from flask import Request, Response, current_app, jsonify
from numpy.typing import NDArray

from app import bounded_json
from app.errors import Problem

JSON_LENGTH: Final = "Inference-Header-Content-Length"
"""The header that tells how many bytes of a body are JSON; the raw values follow."""

DATATYPE: Final = "FP32"
_RAW: Final = np.dtype("<f4")

MAX_JSON_BYTES: Final = 8 * 2**20
"""Of the part that is JSON: two slices in full precision. Its numbers take ten times that in memory."""

JSON_MARKS: Final = b'[{"'
MOST_MARKS: Final = 2**18
"""Of the above in JSON: three slices, nested as the shape is, have as many lists."""

Tensor = NDArray[np.float32]


@dataclass(frozen=True)
class TensorRequest:
    """What a client asks of a network."""

    tensor: Tensor
    """The one input."""
    outputs: dict[str, bool]
    """Name of each output wanted -> whether its values shall follow raw. In the order asked."""
    id: str | None
    """The client's own name of the request."""


def read_request(request: Request, name: str, shape: Sequence[int], outputs: Sequence[str]) -> TensorRequest:
    """Read a request for a network of one input.

    Args:
        request: as received; its body is within the limits.
        name: of the input.
        shape: of the input, without the number of slices.
        outputs: names of the outputs that there are.

    Raises:
        Problem: it is not of the protocol's form, or not for this network.
    """
    members, raw = _split(request)
    tensor = _input(members, raw, name, shape)
    own_id = members.get("id")
    if own_id is not None and not isinstance(own_id, str):
        raise Problem("invalid_tensor", 'The member "id" must be text.')
    return TensorRequest(tensor, _wanted(members, outputs), own_id)


def response(members: Mapping[str, Any], tensors: Mapping[str, Tensor], raw: Mapping[str, bool]) -> Response:
    """The answer: `members`, and the tensors by name, those that are wanted `raw` after the JSON."""
    described = [_described(name, tensor, raw[name]) for name, tensor in tensors.items()]
    head = {**members, "outputs": described}
    values = [tensor.astype(_RAW, copy=False).tobytes() for name, tensor in tensors.items() if raw[name]]
    if not values:
        return jsonify(head)
    text = current_app.json.dumps(head, separators=(",", ":")).encode()
    answer = Response(b"".join([text, *values]), mimetype="application/octet-stream")
    answer.headers[JSON_LENGTH] = str(len(text))
    return answer


def _split(request: Request) -> tuple[dict[str, Any], bytes]:
    """The JSON of a body, and the raw values after it."""
    body = request.get_data()
    length = request.headers.get(JSON_LENGTH)
    if length is None:
        length = str(len(body))
    elif not length.isascii() or not length.isdigit() or int(length) > len(body):
        raise Problem("invalid_tensor", f"{JSON_LENGTH} must be the number of bytes of the JSON in the body.")
    if int(length) > MAX_JSON_BYTES:
        raise Problem(
            "too_large", f"At most {MAX_JSON_BYTES:,} bytes of JSON are read. Send the values as binary data."
        )
    members = bounded_json.parse(body[: int(length)], JSON_MARKS, MOST_MARKS)
    if not isinstance(members, dict):
        raise Problem("invalid_json", 'Send a JSON object: {"inputs": [{"name", "shape", "datatype", "data"}]}.')
    return members, body[int(length) :]


def _input(members: Mapping[str, Any], raw: bytes, name: str, shape: Sequence[int]) -> Tensor:
    inputs = members.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise Problem("invalid_tensor", f'The member "inputs" must be a list of one tensor, "{name}".')
    given = inputs[0]
    if given.get("name") != name or given.get("datatype") != DATATYPE:
        raise Problem("invalid_tensor", f'The input must have the name "{name}" and the datatype {DATATYPE}.')
    _check_shape(given.get("shape"), shape)
    values = _values(given, raw)
    if values.size != np.prod(given["shape"]):
        raise Problem("invalid_tensor", f"The shape asks for {np.prod(given['shape']):,} values; {values.size:,} came.")
    if not np.all((values >= 0) & (values <= 1)):  # not a number is neither
        raise Problem(
            "invalid_tensor", "A value is not between 0 and 1: scale the slice as the card's preprocessing does."
        )
    tensor = values.reshape(given["shape"])
    if not np.all(tensor == tensor[..., :1]):
        raise Problem("invalid_tensor", "The channels of a slice must be equal: it is gray, repeated.")
    return tensor


def _check_shape(given: Any, shape: Sequence[int]) -> None:
    most = current_app.config["MAX_FILES"]
    if not isinstance(given, list) or any(type(size) is not int for size in given) or given[1:] != list(shape):
        raise Problem("invalid_tensor", f"The shape must be [n, {', '.join(map(str, shape))}].")
    if not 1 <= given[0] <= most:
        raise Problem("invalid_tensor", f"From 1 to {most} slices are read at once.")


def _values(given: Mapping[str, Any], raw: bytes) -> Tensor:
    size = _parameters(given).get("binary_data_size")
    if size is None:
        return _numbers(given.get("data"))
    if type(size) is not int or size != len(raw) or size % _RAW.itemsize:
        raise Problem("invalid_tensor", '"binary_data_size" must be the number of bytes after the JSON.')
    return np.frombuffer(raw, _RAW).astype(np.float32, copy=False)


def _numbers(data: Any) -> Tensor:
    if isinstance(data, list):
        with suppress(ValueError), np.errstate(over="ignore"):  # lists of different lengths; numbers beyond float32
            values = np.asarray(data)
            if values.dtype.kind in "fiu":
                return values.astype(np.float32).ravel()
    raise Problem("invalid_tensor", 'The member "data" must be a list of numbers, flat or as the shape nests them.')


def _wanted(members: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, bool]:
    by_default = _parameters(members).get("binary_data_output") is True
    asked = members.get("outputs")
    if asked is None or asked == []:
        return dict.fromkeys(outputs, by_default)
    if not isinstance(asked, list) or not all(isinstance(one, dict) and one.get("name") in outputs for one in asked):
        raise Problem(
            "invalid_tensor", f'"outputs" must be a list of {{"name": …}} with names of {", ".join(outputs)}.'
        )
    return {one["name"]: _parameters(one).get("binary_data", by_default) is True for one in asked}


def _parameters(members: Mapping[str, Any]) -> dict[str, Any]:
    parameters = members.get("parameters", {})
    if not isinstance(parameters, dict):
        raise Problem("invalid_tensor", 'The member "parameters" must be an object.')
    return parameters


def _described(name: str, tensor: Tensor, raw: bool) -> dict[str, Any]:
    head = {"name": name, "datatype": DATATYPE, "shape": list(tensor.shape)}
    if raw:
        return {**head, "parameters": {"binary_data_size": tensor.size * _RAW.itemsize}}
    return {**head, "data": tensor.ravel().tolist()}
