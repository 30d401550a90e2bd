"""How often a client may ask: counted in this process, or in a Redis for all of them."""

from flask import Flask, request

from app.keys import OPEN


def init_app(app: Flask) -> None:
    """Count the requests of each address, where there is a limit. While the Redis is away, each process counts."""
    if not app.config["RATE_LIMIT"]:
        return
    from flask_limiter import Limiter  # it brings asyncio and more, and most servers have no limit
    from flask_limiter.util import get_remote_address

    limiter = Limiter(
        get_remote_address,
        app=app,
        default_limits=[app.config["RATE_LIMIT"]],
        storage_uri=app.config["RATE_STORAGE"],
        headers_enabled=True,
        in_memory_fallback_enabled=app.config["RATE_STORAGE"] != "memory://",
    )
    limiter.request_filter(lambda: request.endpoint in OPEN)
