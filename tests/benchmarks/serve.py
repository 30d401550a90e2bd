"""The server on ONNX Runtime against the same server on Keras: time to ready, requests a second, memory.

    python tests/benchmarks/serve.py

Both run in turn on this machine, with the same slices and four clients; the last line is the ratio.
"""

import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.pictures import slice_file
from tests.server import resident_megabytes, start, stop

REQUESTS = 200
CLIENTS = 4
SLICES = [slice_file(seed=seed, size=512) for seed in range(10)]


def measure(engine: str) -> tuple[float, float, float]:
    """Seconds to ready, requests a second, megabytes of all processes after them."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        server = start(Path(temporary), COVIDSCANNER_ENGINE=engine)
        ready = time.monotonic() - began

        def send(number: int) -> None:
            data = SLICES[number % len(SLICES)]
            request = urllib.request.Request(f"{server.address}/predict", data, {"Content-Type": "image/png"})
            urllib.request.urlopen(request).read()

        began = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(send, range(REQUESTS)))
        rate = REQUESTS / (time.monotonic() - began)
        memory = resident_megabytes([server.process.pid, *server.workers()])
        stop(server)
    return ready, rate, memory


def main() -> None:
    """Measure both and print them."""
    figures = {engine: measure(engine) for engine in ("onnx", "keras")}
    print(f"\n{'engine':8} {'ready, s':>9} {'requests/s':>11} {'memory, MB':>11}")
    for engine, (ready, rate, memory) in figures.items():
        print(f"{engine:8} {ready:9.2f} {rate:11.1f} {memory:11.0f}")
    onnx, keras = figures["onnx"], figures["keras"]
    print(f"{'ratio':8} {onnx[0] / keras[0]:9.2f} {onnx[1] / keras[1]:11.2f} {onnx[2] / keras[2]:11.2f}")


if __name__ == "__main__":
    main()
