"""How gunicorn serves CovidScanner. Settings of the application itself are in app/config.py."""

import atexit
import fcntl
import gc
import logging
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from model import machine

MEMORY_OF_A_WORKER = 150 * 2**20
"""Bytes, with its reading process; what all workers share comes on top once."""

COUNTS = "covidscanner-counts-"
"""How the folders begin in which the processes of a server share their counts."""

COUNT_FILES = {"counter": 2**16, "gauge_livesum": 2**13, "histogram": 2**18}
"""What a process keeps there (prometheus_client's names), and bytes that are enough for all that it counts."""


def setting(name: str, default: int, least: int = 1) -> int:
    """A number from the environment, of those that hosts set and the application does not know."""
    text = os.environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) < 2**16:
        sys.exit(f"CovidScanner cannot start: {name}={text!r} is not allowed; it takes a whole number from {least} on.")
    return int(text)


def hold(folder: str) -> bool:
    """Lock a folder as long as a process of this server lives; false where one of another server's does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return False
    return True


def clear(parent: str) -> None:
    """Remove the counts of servers that were killed."""
    for folder in Path(parent).glob(f"{COUNTS}*"):
        with suppress(OSError):
            if hold(str(folder)):
                shutil.rmtree(folder)


def allocate_counts(pid: int) -> None:
    """Take all the room of a process's counts at once: who writes to mapped memory of a full file system is killed.

    Where there is none any more, they go where temporary files go, and `/metrics` lacks them.
    """
    try:
        for name, size in COUNT_FILES.items():
            with open(f"{os.environ['PROMETHEUS_MULTIPROC_DIR']}/{name}_{pid}.db", "wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError:
        with suppress(OSError):
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix=COUNTS)
            hold(os.environ["PROMETHEUS_MULTIPROC_DIR"])


machine.give_back_memory()

bind = f"{os.environ.get('HOST', '0.0.0.0')}:{setting('PORT', 8000, least=0)}"

# A process a core, as far as the memory goes: decoding and HTTP hold Python's lock, the network does not. Heroku-style
# hosts set WEB_CONCURRENCY.
workers = setting("WEB_CONCURRENCY", max(1, min(machine.cores(), machine.memory() // MEMORY_OF_A_WORKER - 1)))
# The code and the network are loaded once, and shared. TensorFlow does not bear it.
preload_app = os.environ.get("COVIDSCANNER_ENGINE", "onnx") == "onnx"
worker_class = "app.worker.Worker"
keepalive = 10

for parent in ("/dev/shm", tempfile.gettempdir()):
    clear(parent)
# Nothing of a request is written to disk: the workers' heartbeat and counts stay in memory where the system allows,
# and there is no control socket.
memory_folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) and machine.has_room("/dev/shm") else None
worker_tmp_dir = memory_folder
control_socket_disable = True

if not os.environ.get("COVIDSCANNER_METRICS_FOLDER"):
    counts = tempfile.mkdtemp(prefix=COUNTS, dir=memory_folder)
    hold(counts)
    os.environ["COVIDSCANNER_METRICS_FOLDER"] = counts
    main_process = os.getpid()

    def remove_counts() -> None:
        """The main process, when it ends; a worker inherits this and must not."""
        if os.getpid() == main_process:
            shutil.rmtree(counts, ignore_errors=True)

    atexit.register(remove_counts)
if machine.has_room(os.environ["COVIDSCANNER_METRICS_FOLDER"]):  # otherwise the application says so
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.environ["COVIDSCANNER_METRICS_FOLDER"]

# Heroku's router gives up after 30 s.
timeout = 30
graceful_timeout = 25


def on_starting(_server: Any) -> None:
    """Before there are workers: settings that none of them could start with end the start here, once."""
    from app.wsgi import check_settings  # not before the folder of its metrics is named

    check_settings()


def when_ready(_server: Any) -> None:
    """Before there are workers: what is loaded stays where it is, so that they share it."""
    gc.collect()
    machine.trim()
    gc.freeze()


def post_fork(_server: Any, _worker: Any) -> None:
    """Room for what a worker counts, and a line of JSON a request, on standard error."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        allocate_counts(os.getpid())
    access = logging.getLogger("covidscanner.access")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    access.handlers, access.propagate = [handler], False
    access.setLevel(logging.INFO)
    # No line says where in the code it was made, so that is not looked up (Python's logging HOWTO, "Optimization").
    logging._srcfile = None  # type: ignore[attr-defined]


def child_exit(_server: Any, worker: Any) -> None:
    """What a worker counted stays; what it only held (the queue) goes with it."""
    from prometheus_client import multiprocess  # not before its folder is named

    multiprocess.mark_process_dead(worker.pid, os.environ["COVIDSCANNER_METRICS_FOLDER"])  # type: ignore[no-untyped-call]
