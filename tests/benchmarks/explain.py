"""What calibration, prediction set, gate and heatmap cost, beside decoding and one pass of the network.

    python tests/benchmarks/explain.py [--rounds N]

Both run in turn on the same slice, in this process; the ratio is that of the medians. HTTP is left out of both; the
JSON and the PNG of the heatmap are in. The network alone is the bundle's own: it pays for its further outputs (the
finer map) in both. Then a server, of as many workers as it starts by itself, answers the slice with
everything, and its memory is read: proportional (pages that processes share count once), and what is resident in each
process, summed.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.encoding import _prediction
from model import bundle
from model.images import decode
from model.predictor import Options, Predictor
from tests.benchmarks.load import Connection, upload
from tests.pictures import slice_file
from tests.server import proportional_megabytes, resident_megabytes, start, stop

SIDE = 512
EVERYTHING = Options(explain=True)


def main() -> None:
    """Time both in turn and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    predictor = Predictor(bundle.load())
    preprocessing, data = predictor.bundle.preprocessing, slice_file(size=SIDE)
    ways: dict[str, Callable[[], object]] = {
        "decode and network": lambda: predictor.engine.run(preprocessing.batch([decode(data)])),
        "everything": lambda: json.dumps(_prediction(predictor.predict(data, EVERYTHING))),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    plain, whole = (median(times) for times in seconds.values())
    print(f"{rounds} rounds, a PNG of {SIDE} × {SIDE} pixels")
    print(f"decode and network {1000 * plain:.1f} ms, with everything {1000 * whole:.1f} ms, ratio {whole / plain:.3f}")
    print(memory(data, rounds))


def memory(data: bytes, rounds: int) -> str:
    """What a server holds after so many answers with everything."""
    request = upload(data, path="/predict?explain=true")
    with tempfile.TemporaryDirectory() as folder:
        server = start(Path(folder))
        try:
            with Connection(server.port) as connection:
                assert {connection.ask(request) for _ in range(rounds)} == {200}
            tree = server.processes()
            shared, summed = proportional_megabytes(tree), resident_megabytes(tree)
        finally:
            stop(server)
    return f"memory of a server, {len(tree)} processes: {shared:.0f} MB proportional, {summed:.0f} MB resident, summed"


if __name__ == "__main__":
    main()
