"""What stands around every answer: a request id, and headers that keep patients' data and the page safe."""

import os
import re
from typing import Final

from flask import Flask, Response, g, request

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

SECURITY: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def init_app(app: Flask) -> None:
    """Name every request, and complete every answer."""
    app.before_request(_name_request)
    app.after_request(_complete)


def _name_request() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()


def _complete(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    for name, value in SECURITY.items():
        response.headers.setdefault(name, value)
    # Static files may be kept; nothing that may tell of a patient is.
    if request.endpoint not in ("static", "pages.swagger_ui"):
        response.headers["Cache-Control"] = "no-store"
    return response
