"""Ours, but that the network answers at once: what all the rest costs."""

import numpy as np
from flask import Flask

from app import wsgi
from model.engine import Outputs
from model.preprocessing import Batch


class NoNetwork:
    """Says the same of every slice."""

    name = "none"

    def run(self, batch: Batch) -> Outputs:
        logits = np.zeros((len(batch), 3), np.float32)
        features = np.zeros((len(batch), 512), np.float32)
        return Outputs(logits + np.float32(1 / 3), logits, features, np.zeros((len(batch), 8, 8, 512), np.float32))


def load() -> Flask:
    application = wsgi.load()
    application.extensions["predictor"].engine = NoNetwork()
    return application
