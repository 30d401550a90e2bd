"""API keys: who may ask. Optional; with keys set, everything but the health checks asks for one.

The settings hold SHA-256 hashes alone, so that whoever reads them cannot ask. Keys are long random text (see the README
for how to make one), which is why a plain hash is enough. The page is behind the same switch: a browser is asked for
a password, and takes the key for it.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from flask import Flask, current_app, request

from app.errors import Problem

OPEN: Final = frozenset({"api.healthz", "api.readyz", "inference.live", "inference.ready", "static"})
"""End points that tell nothing of patients, and that hosts ask without a key."""


def init_app(app: Flask) -> None:
    """Ask for a key, where there are some."""
    if app.config["API_KEYS"]:
        app.before_request(_check)


def _check() -> None:
    if request.endpoint in OPEN:
        return
    if not _known(_sent(), current_app.config["API_KEYS"]):
        raise Problem("unauthorized", "Send an API key in the header Authorization, as: Bearer KEY.")


def _sent() -> str:
    authorization = request.authorization
    if authorization is None:
        return request.headers.get("X-API-Key", "")
    return (authorization.password if authorization.type == "basic" else authorization.token) or ""


def _known(key: str, hashes: Sequence[str]) -> bool:
    """In constant time, whichever key it is."""
    sent = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    return sum(hmac.compare_digest(sent, known) for known in hashes) > 0
