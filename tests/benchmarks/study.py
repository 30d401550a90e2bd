"""A study of 300 slices: seconds and memory, and where they go.

    python tests/benchmarks/study.py [--slices N] [--size N]

A server of its own takes the study as one request of uncompressed DICOM files; then its parts run here one after the
other, so that what decoding beside the network saves can be seen.
"""

import argparse
import http.client
import json
import sys
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[2]))

from model import bundle, selection, study, volumes
from model.archives import SourceFile
from model.header import Limits
from model.lungs import lung_share
from model.predictor import Predictor
from model.series import chosen, grouped
from tests.forms import form
from tests.scans import dicom_series, scan
from tests.server import peak_megabytes, start, stop

LIMITS = Limits()


def request(files: list[bytes]) -> tuple[float, float, float, float]:
    """Seconds from the last byte sent to the first received, and in all; megabytes of the server and its reader."""
    sent = form([(f"{number}.dcm", data) for number, data in enumerate(files)])
    headers = {"Content-Type": sent["content_type"], "Accept": "application/x-ndjson"}
    with tempfile.TemporaryDirectory() as temporary:
        server = start(Path(temporary))
        with closing(http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=600)) as connection:
            began = time.monotonic()
            connection.request("POST", "/studies", sent["data"], headers)
            received = time.monotonic()
            response = connection.getresponse()
            response.read(1)
            first = time.monotonic() - received
            answer = json.loads(response.read().splitlines()[-1])
        seconds = time.monotonic() - began
        assert len(answer["slices"]) == len(files), answer
        memory = [sum(map(peak_megabytes, pids)) for pids in (server.workers(), server.readers())]
        stop(server)
    return first, seconds, memory[0], memory[1]


def parts(files: list[bytes]) -> dict[str, float]:
    """Seconds for each part, alone."""
    predictor = Predictor(bundle.load())
    predictor.warm_up()
    volumes.describe(files[0], "dicom", LIMITS)
    sources = [SourceFile(str(number), partial(bytes, data)) for number, data in enumerate(files)]
    seconds, began = {}, time.monotonic()

    def lap(name: str) -> None:
        nonlocal began
        seconds[name] = time.monotonic() - began
        began = time.monotonic()

    read = [selection._described(source, LIMITS) for source in sources]
    lap("headers")
    series = chosen(grouped(read)[0])[0]
    lap("choose")
    decode = partial(study._pixels, window=predictor.bundle.preprocessing.window, limits=LIMITS)
    slices = [pixels for _, pixels in selection.decoded(series, decode)]
    lap("decode")
    for pixels in slices:
        lung_share(pixels)  # type: ignore[arg-type]
    lap("lung")
    for begin in range(0, len(slices), study.BATCH):
        predictor.predict_slices(slices[begin : begin + study.BATCH])  # type: ignore[arg-type]
    lap("network")
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--size", type=int, default=512)
    arguments = parser.parse_args()
    few = scan(8, size=arguments.size)
    files = dicom_series(few[[number % len(few) for number in range(arguments.slices)]], step=1.0)
    first, whole, server, reader = request(files)
    print(f"{arguments.slices} slices, {sum(map(len, files)) / 1e6:.0f} MB")
    print(f"request: first byte {first:.2f} s after the last one sent, whole {whole:.2f} s")
    print(f"memory at most: server {server:.0f} MB + reading process {reader:.0f} MB = {server + reader:.0f} MB")
    seconds = parts(files)
    print("alone: " + ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items()))
    print(f"sum of the parts {sum(seconds.values()):.2f} s")


if __name__ == "__main__":
    main()
