"""What stops a training command with a sentence instead of a traceback."""

from model.errors import CovidScannerError


class TrainingError(CovidScannerError):
    """The data, the configuration or a run cannot be used; the message says why and what to do."""
