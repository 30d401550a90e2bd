"""Every error that a client can meet: one table, one JSON shape (RFC 9457, application/problem+json)."""

from dataclasses import dataclass
from typing import Any, Final

from flask import Flask, Response, current_app, g, jsonify
from werkzeug.exceptions import HTTPException

from model.errors import ImageError


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its HTTP status, and a title that does not change from case to case."""

    status: int
    title: str


KINDS: Final = {
    "invalid_request": Kind(400, "The request cannot be understood"),
    "invalid_parameter": Kind(400, "A parameter has a value that is not allowed"),
    "no_image": Kind(400, "No picture in the request"),
    "invalid_json": Kind(400, "The JSON is not of the expected form"),
    "invalid_base64": Kind(400, "The picture is not valid base64"),
    "invalid_tensor": Kind(400, "Not the tensor that the network takes"),
    "invalid_filename": Kind(400, "The file name cannot be used"),
    "unauthorized": Kind(401, "An API key is needed"),
    "not_found": Kind(404, "There is nothing here"),
    "method_not_allowed": Kind(405, "The method is not allowed here"),
    "too_large": Kind(413, "Too large"),
    "too_many_files": Kind(413, "Too many files"),
    "unsupported_type": Kind(415, "Not a type that is read here"),
    "unreadable_image": Kind(422, "The picture cannot be read"),
    "volume": Kind(422, "Several slices, where one is asked for"),
    "bad_archive": Kind(422, "The archive cannot be read"),
    "no_series": Kind(422, "No series of axial CT slices of the lung"),
    "several_patients": Kind(422, "The files are of more than one patient"),
    "all_failed": Kind(422, "None of the pictures could be classified"),
    "too_slow": Kind(422, "Reading took too long"),
    "too_many_requests": Kind(429, "Too many requests"),
    "internal_error": Kind(500, "The server failed"),
    "busy": Kind(503, "The server is busy"),
    "queue_unavailable": Kind(503, "The queue cannot take the study"),
    "timeout": Kind(503, "The request took too long"),
}
"""Code -> kind."""

_CODE_OF_STATUS: Final = {
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_type",
    429: "too_many_requests",
}


class Problem(Exception):
    """A request, or one file of it, that cannot be answered.

    Args:
        code: a key of `KINDS`.
        detail: what was received and what to do, for a person; nothing of a patient's data.
        retry_after: seconds after which the same request may be sent again.
    """

    def __init__(self, code: str, detail: str, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.status, self.title = KINDS[code].status, KINDS[code].title

    @classmethod
    def of(cls, error: ImageError) -> "Problem":
        """What a client is told of a picture that cannot be classified."""
        return cls(error.code, str(error))

    def brief(self) -> dict[str, Any]:
        """The form in which one file's error stands among predictions."""
        return {"status": self.status, "code": self.code, "title": self.title, "detail": self.detail}


def problem_body(problem: Problem) -> dict[str, Any]:
    """The members of the problem as a whole answer."""
    return {"type": f"/problems#{problem.code}", **problem.brief(), "request_id": g.request_id}


def problem_response(problem: Problem, **more: Any) -> Response:
    """The problem as a whole answer; `more` adds members."""
    response = jsonify({**problem_body(problem), **more})
    response.status_code = problem.status
    response.mimetype = "application/problem+json"
    g.problem = problem.code
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="CovidScanner", charset="UTF-8"'
    return response


def init_app(app: Flask) -> None:
    """Answer every error, expected or not, as a problem."""
    app.register_error_handler(Problem, problem_response)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _http_error(error: HTTPException) -> Response:
    code = _CODE_OF_STATUS.get(error.code or 500, "invalid_request")
    detail = error.description or KINDS[code].title
    if code == "too_many_requests":
        detail = f"At most {detail} are answered. Wait, and send the request again."
    response = problem_response(Problem(code, detail))
    # An answer keeps the headers that its status asks for, such as Allow with 405.
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    return problem_response(problem_of_unexpected(error))


def problem_of_unexpected(error: Exception) -> Problem:
    """Log a fault of the server, and what the client is told of it."""
    # The message of an unknown error may quote what was sent, so only its kind and place are logged.
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "unknown"
    current_app.logger.error("request %s: %s at %s", g.request_id, type(error).__name__, where)
    return Problem("internal_error", "The fault is ours. Report it with the request id.")
