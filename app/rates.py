"""How often a client may ask: counted in this process, or in a Redis for all of them."""

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address


def init_app(app: Flask) -> None:
    """Count the requests of each address, where there is a limit. While the Redis is away, each process counts."""
    if not app.config["RATE_LIMIT"]:
        return
    limiter = Limiter(
        get_remote_address,
        app=app,
        default_limits=[app.config["RATE_LIMIT"]],
        storage_uri=app.config["RATE_STORAGE"],
        headers_enabled=True,
        in_memory_fallback_enabled=app.config["RATE_STORAGE"] != "memory://",
    )
    for endpoint in ("api.healthz", "api.readyz", "static"):
        limiter.exempt(app.view_functions[endpoint]) if endpoint in app.view_functions else None
