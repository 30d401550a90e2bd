"""The same function behind LitServe: python tests/benchmarks/servers/lit.py PORT WORKERS"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import litserve
from fastapi import Request

from model import bundle
from model.predictor import Predictor


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.predictor = Predictor(bundle.load())
        self.predictor.warm_up()

    def decode_request(self, request: Request) -> bytes:
        return bytes(request["file"].file.read())  # LitServe gives the form

    def predict(self, data: bytes) -> dict[str, float]:
        return self.predictor.predict(data).probabilities

    def encode_response(self, output: dict[str, float]) -> dict[str, float]:
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=int(sys.argv[2]))
    server.run(port=int(sys.argv[1]), host="127.0.0.1", generate_client_file=False, log_level="error")
