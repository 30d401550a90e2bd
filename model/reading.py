"""The reading process: parses and decodes DICOM and NIfTI away from the server.

    python -m model.reading <file descriptor> <limit of memory in bytes>

Hostile files may crash a native decoder, make it hang, or take all memory; here that ends a process that holds nothing
but the file. Requests and replies are JSON and raw pixels, never pickles: what comes back from a process that has read
a hostile file is data. `model.isolation` is the other end.
"""

import json
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, Final

from model.errors import ImageError
from model.header import Limits
from model.machine import give_back_memory
from model.window import Window

CPU_SECONDS: Final = 1.5
"""Processor time for each step of a file, before the kernel ends the process (and per 64 MiB of the file)."""

STEP_BYTES: Final = 64 * 2**20

UNUSED: Final = ("requests", "scipy", "tqdm")
"""What pydicom and nibabel load where it is installed, for downloads and formats that are not read here."""

Reply = tuple[dict[str, Any], bytes]
Handler = Callable[[dict[str, Any], bytes], Iterator[Reply]]


def handle(request: dict[str, Any], data: bytes) -> Iterator[Reply]:
    """Answer one request: the header of a file, or frames of it in turn, in a window or in Hounsfield units."""
    from model import dicom, nifti

    module = {"dicom": dicom, "nifti": nifti}[request["kind"]]
    limits = Limits(**request["limits"])
    if request["wanted"] == "header":
        yield {"header": module.describe(data, limits).to_json()}, b""
        return
    if request["wanted"] == "frames":
        slices = module.frames(data, request["indices"], Window(**request["window"]), limits)
    else:
        slices = module.hounsfield(data, request["indices"], limits)
    for pixels in slices:
        yield {"shape": pixels.shape}, pixels.tobytes()


def serve(connection: Connection, handler: Handler) -> None:
    """Answer requests until the other end is closed."""
    connection.send_bytes(b"ready")
    while True:
        try:
            request, data = json.loads(connection.recv_bytes()), connection.recv_bytes()
        except EOFError:
            return
        for reply, pixels in _answer(handler, request, data):
            connection.send_bytes(json.dumps(reply).encode())
            connection.send_bytes(pixels)


def _answer(handler: Handler, request: dict[str, Any], data: bytes) -> Iterator[Reply]:
    seconds = CPU_SECONDS * (1 + len(data) // STEP_BYTES)
    try:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        for reply in handler(request, data):
            yield reply
            signal.setitimer(signal.ITIMER_PROF, seconds)
        yield {"end": True}, b""
    except ImageError as error:
        yield {"error": error.code, "message": str(error)}, b""
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def main(handler: Handler = handle) -> None:
    """Set the limits and serve on the socket that was inherited."""
    descriptor, memory = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the patient's pixels
    give_back_memory()
    serve(Connection(descriptor), handler)


if __name__ == "__main__":
    sys.modules.update(dict.fromkeys(UNUSED))  # type: ignore[arg-type] # none of it is to be found
    # Imported before the process says that it is ready, so that no file's time is spent on it.
    import model.dicom
    import model.nifti  # noqa: F401

    main()
