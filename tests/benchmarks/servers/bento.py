"""The same function behind BentoML: bentoml serve tests.benchmarks.servers.bento:Scanner"""

import os
from pathlib import Path

import bentoml

from model import bundle
from model.predictor import Predictor


@bentoml.service(workers=os.cpu_count() or 1, metrics={"enabled": False})
class Scanner:
    def __init__(self) -> None:
        self.predictor = Predictor(bundle.load())
        self.predictor.warm_up()

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, file: Path) -> dict[str, float]:
        return self.predictor.predict(file.read_bytes()).probabilities
