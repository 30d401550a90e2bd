"""The server's end of the reading process (`model.reading`): started when needed, kept warm, replaced when it dies."""

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from model.errors import FILE_ERRORS, DecoderError

ROOT: Final = Path(__file__).parent.parent

MEMORY: Final = 2**30
"""Bytes of address space that the process may have; its libraries take a fifth, and the file it reads its own size."""

START_SECONDS: Final = 60.0
REPLY_SECONDS: Final = 20.0
"""On the clock, where the limit of processor time (`model.reading.CPU_SECONDS`) did not end a step before."""


class ReadingProcess:
    """A process that answers one request at a time; may be asked from several threads.

    Args:
        module: what the process runs; it calls `model.reading.main`.
        memory: bytes of address space that it may have.
    """

    def __init__(self, module: str = "model.reading", memory: int = MEMORY) -> None:
        self._module, self._memory = module, memory
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._ready = False

    @property
    def pid(self) -> int | None:
        """Of the process, where it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process where it does not run; waits neither until it is ready nor until it is free."""
        if self._lock.acquire(blocking=False):
            try:
                self._start()
            finally:
                self._lock.release()

    def stop(self) -> None:
        """End the process; the next request starts another."""
        with self._lock:
            self._stop()

    def ask(self, request: dict[str, Any], data: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Send a request about a file; yields the replies, each with its pixels, until the last.

        Raises:
            DecoderError: the process died or took too long over the file.
            ImageError: the file cannot be read.
        """
        with self._lock:
            whole = False
            try:
                self._send(request, data)
                while True:
                    reply, pixels = self._receive()
                    whole = "end" in reply or "error" in reply
                    if "error" in reply:
                        raise FILE_ERRORS[reply["error"]](reply["message"])
                    if whole:
                        return
                    yield reply, pixels
            except (EOFError, OSError):
                raise DecoderError(
                    "Decoding the file failed, or took too much time or memory. Export it again, uncompressed."
                ) from None
            finally:
                if not whole:  # it died, or the caller wants no more and the rest of the answer is under way
                    self._stop()

    def _send(self, request: dict[str, Any], data: bytes) -> None:
        connection = self._start()
        if not self._ready:
            self._receive_bytes(START_SECONDS)
            self._ready = True
        connection.send_bytes(json.dumps(request).encode())
        connection.send_bytes(data)

    def _receive(self) -> tuple[dict[str, Any], bytes]:
        reply = json.loads(self._receive_bytes(REPLY_SECONDS))
        return reply, self._receive_bytes(REPLY_SECONDS)

    def _receive_bytes(self, seconds: float) -> bytes:
        assert self._connection
        if not self._connection.poll(seconds):
            raise EOFError
        return self._connection.recv_bytes()

    def _start(self) -> Connection:
        if self._connection and self._alive():
            return self._connection
        self._stop()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, str(theirs.fileno()), str(self._memory)],
                cwd=ROOT,
                env={"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # libraries quote tags in their warnings
            )
        self._connection, self._ready = Connection(ours.detach()), False
        return self._connection

    def _alive(self) -> bool:
        if not self._process or not self._connection or self._process.poll() is not None:
            return False
        # Between two requests there is nothing to hear but its end, which must not be the next file's fault.
        return not (self._ready and self._connection.poll())

    def _stop(self) -> None:
        if self._connection:
            self._connection.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._connection = self._process = None


@cache
def reading_process() -> ReadingProcess:
    """The one of this process: made when it is first asked for, and anew after a fork."""
    process = ReadingProcess()
    atexit.register(process.stop)
    os.register_at_fork(after_in_child=reading_process.cache_clear)
    return process
