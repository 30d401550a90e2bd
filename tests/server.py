"""A real server: the Procfile's own command, in its own process, on a free port."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.conftest import ROOT

READY_SECONDS = 120
"""The paper's way takes half of it on a busy machine."""


@dataclass
class Server:
    """A running server: where it listens, its master process, and the folder it may write temporary files to."""

    address: str
    process: subprocess.Popen[bytes]
    temporary: Path

    @property
    def port(self) -> int:
        """Where it listens on this machine."""
        return int(self.address.rpartition(":")[2])

    def processes(self) -> list[int]:
        """Process ids of the whole tree."""
        tree = [self.process.pid]
        for pid in tree:
            tree += _children(pid)
        return tree

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        return _children(self.process.pid)

    def readers(self) -> list[int]:
        """Process ids of the workers' reading processes."""
        return [reader for worker in self.workers() for reader in _children(worker)]


def procfile(name: str) -> str:
    """The command of a process type."""
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    return lines[name]


def _pass_on(log: IO[bytes]) -> None:
    """Write a server's log to ours: pytest keeps that in a file, which would count as what the server wrote to disk."""
    with log:
        while chunk := os.read(log.fileno(), 2**16):
            os.write(2, chunk)


def _children(pid: int) -> list[int]:
    """Of all threads of a process: each thread has its own."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in files for child in file.read_text().split()]


def free_port() -> int:
    """Where nobody listens on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def start(temporary: Path, command: str = "", ready: str = "/readyz", **settings: str) -> Server:
    """Start a server and wait until it is ready.

    Args:
        temporary: where it may write temporary files.
        command: what starts it on the port $PORT; by default the Procfile's.
        ready: the address that answers when it is ready.
        settings: further environment variables; without a PORT it takes a free one.
    """
    port = settings.get("PORT") or str(free_port())
    command = command or procfile("web")
    # Without CI: ONNX Runtime reports to its maker, and writes a file, unless it sees that it is tested.
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment |= settings
    environment |= {"HOST": "127.0.0.1", "PORT": port, "TMPDIR": str(temporary)}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = subprocess.Popen(["sh", "-c", f"exec {command}"], cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    threading.Thread(target=_pass_on, args=[process.stderr], daemon=True).start()
    server = Server(f"http://127.0.0.1:{port}", process, temporary)
    given_up = time.monotonic() + READY_SECONDS
    while True:
        try:
            urllib.request.urlopen(server.address + ready)
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None, "the server stopped by itself"
            assert time.monotonic() < given_up, f"the server is not ready after {READY_SECONDS} s"
            time.sleep(0.05)
        else:
            break
    # The first worker answers while the others are still being made.
    while len(server.workers()) < int(settings.get("WEB_CONCURRENCY", 1)):
        time.sleep(0.01)
    return server


def stop(server: Server) -> int:
    """Stop a server as a host would; returns its exit status."""
    server.process.terminate()
    return server.process.wait(30)


def kill(server: Server) -> None:
    """End all of a server at once, as a power cut would."""
    for pid in server.processes():
        os.kill(pid, signal.SIGKILL)
    server.process.wait(30)


def resident_megabytes(pids: list[int]) -> float:
    """Resident memory of these processes together; pages that they share count in each."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def proportional_megabytes(pids: list[int]) -> float:
    """Memory of these processes together; a page that n processes share counts 1/n in each (proc(5), `Pss`)."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def peak_megabytes(pid: int) -> float:
    """The most resident memory that a process ever had (proc(5), `VmHWM`)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
