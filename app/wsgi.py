"""What gunicorn loads: the application, or one clear line on why the server cannot start."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from gunicorn.arbiter import Arbiter

from app import config, create_app
from app.config import ConfigurationError
from model.errors import BundleError


def load() -> Flask:
    """Make the application from the environment."""
    with _refusal():
        return create_app()


def check_settings() -> None:
    """What `load` would say of the settings, for a main process that does not load the application itself."""
    with _refusal():
        config.read(os.environ)


@contextmanager
def _refusal() -> Iterator[None]:
    """Where the server cannot start, say why and end, with no worker after it."""
    try:
        yield
    except (BundleError, ConfigurationError) as error:
        print(f"CovidScanner cannot start: {error}", file=sys.stderr)
        sys.exit(Arbiter.APP_LOAD_ERROR)  # the status of a worker that must not be replaced
