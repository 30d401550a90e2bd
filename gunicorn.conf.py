"""How gunicorn serves CovidScanner. Settings of the application itself are in app/config.py."""

import atexit
import gc
import logging
import os
import shutil
import sys
import tempfile
from typing import Any

from model import machine

MEMORY_OF_A_WORKER = 150 * 2**20
"""Bytes, with its reading process; what all workers share comes on top once."""


def setting(name: str, default: int, least: int = 1) -> int:
    """A number from the environment, of those that hosts set and the application does not know."""
    text = os.environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) < 2**16:
        sys.exit(f"CovidScanner cannot start: {name}={text!r} is not allowed; it takes a whole number from {least} on.")
    return int(text)


machine.give_back_memory()

bind = f"{os.environ.get('HOST', '0.0.0.0')}:{setting('PORT', 8000, least=0)}"

# A process a core, as far as the memory goes: decoding and HTTP hold Python's lock, the network does not. Heroku-style
# hosts set WEB_CONCURRENCY.
workers = setting("WEB_CONCURRENCY", max(1, min(machine.cores(), machine.memory() // MEMORY_OF_A_WORKER - 1)))
# The code and the network are loaded once, and shared. TensorFlow does not bear it.
preload_app = os.environ.get("COVIDSCANNER_ENGINE", "onnx") == "onnx"
worker_class = "app.worker.Worker"
keepalive = 10

# Nothing of a request is written to disk: the workers' heartbeat and counts stay in memory where the system allows,
# and there is no control socket.
memory_folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) and machine.has_room("/dev/shm") else None
worker_tmp_dir = memory_folder
control_socket_disable = True

if not os.environ.get("COVIDSCANNER_METRICS_FOLDER"):
    counts = tempfile.mkdtemp(prefix="covidscanner-metrics-", dir=memory_folder)
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
    """A line of JSON a request, on standard output."""
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
