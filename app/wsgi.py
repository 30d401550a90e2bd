"""What gunicorn loads: the application, or one clear line on why the server cannot start."""

from flask import Flask
from gunicorn.errors import AppImportError

from app import create_app
from app.config import ConfigurationError
from model.errors import BundleError


def load() -> Flask:
    """Make the application from the environment; gunicorn prints an `AppImportError` without a traceback and stops."""
    try:
        return create_app()
    except (BundleError, ConfigurationError) as error:
        raise AppImportError(f"CovidScanner cannot start: {error}") from error
