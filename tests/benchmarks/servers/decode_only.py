"""Ours, but that the network answers at once: what all the rest costs."""

import numpy as np
from flask import Flask

from app import wsgi
from model.engine import Engine, Outputs
from model.preprocessing import Batch


class NoNetwork:
    """Says of every slice what a real engine said of a black one."""

    name = "none"

    def __init__(self, engine: Engine, batch: Batch) -> None:
        self._black = vars(engine.run(batch))

    def run(self, batch: Batch) -> Outputs:
        return Outputs(**{name: np.repeat(rows, len(batch), axis=0) for name, rows in self._black.items()})


def load() -> Flask:
    application = wsgi.load()
    predictor = application.extensions["predictor"]
    size, channels = predictor.bundle.preprocessing.size, predictor.bundle.preprocessing.channels
    predictor.engine = NoNetwork(predictor.engine, np.zeros((1, size, size, channels), np.float32))
    return application
