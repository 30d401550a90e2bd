"""How gunicorn serves CovidScanner. Settings of the application itself are in app/config.py."""

import atexit
import ctypes
import gc
import logging
import os
import shutil
import tempfile
from contextlib import suppress
from typing import Any

from model.allocation import give_back

MEMORY_OF_A_WORKER = 150 * 2**20
"""Bytes, with its reading process; what all workers share comes on top once."""


def machine_memory() -> int:
    """Bytes that this process may have: of the machine, or of its container."""
    try:
        with open("/sys/fs/cgroup/memory.max") as file:
            return int(file.read())
    except (OSError, ValueError):  # no container, or one without a limit
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


give_back()

bind = f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ.get('PORT', '8000')}"

# A process a core, as far as the memory goes: decoding and HTTP hold Python's lock, the network does not. Heroku-style
# hosts set WEB_CONCURRENCY.
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
workers = int(os.environ.get("WEB_CONCURRENCY") or max(1, min(cores, machine_memory() // MEMORY_OF_A_WORKER - 1)))
# The code and the network are loaded once, and shared. TensorFlow does not bear it.
preload_app = os.environ.get("COVIDSCANNER_ENGINE", "onnx") == "onnx"
worker_class = "app.worker.Worker"
# Those that wait in the queue, those that run, and some to answer health checks meanwhile.
threads = int(os.environ.get("COVIDSCANNER_QUEUE") or 32) + cores + 6
keepalive = 10

# Nothing of a request is written to disk: the workers' heartbeat and counts stay in memory where the system allows,
# and there is no control socket.
memory_folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
worker_tmp_dir = memory_folder
control_socket_disable = True

if not os.environ.get("COVIDSCANNER_METRICS_FOLDER"):
    counts = tempfile.mkdtemp(prefix="covidscanner-metrics-", dir=memory_folder)
    os.environ["COVIDSCANNER_METRICS_FOLDER"] = os.environ["PROMETHEUS_MULTIPROC_DIR"] = counts
    main_process = os.getpid()

    def remove_counts() -> None:
        """The main process, when it ends; a worker inherits this and must not."""
        if os.getpid() == main_process:
            shutil.rmtree(counts, ignore_errors=True)

    atexit.register(remove_counts)

# Heroku's router gives up after 30 s.
timeout = 30
graceful_timeout = 25

with suppress(OSError, AttributeError):  # a C library that knows of it (GNU's: mallopt(3), M_ARENA_MAX)
    # Otherwise each of many threads keeps free memory of its own.
    ctypes.CDLL(None).mallopt(-8, 1)


def when_ready(_server: Any) -> None:
    """Before there are workers: what is loaded stays where it is, so that they share it."""
    gc.collect()
    gc.freeze()


def post_fork(_server: Any, _worker: Any) -> None:
    """A line of JSON a request, on standard output."""
    access = logging.getLogger("covidscanner.access")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    access.handlers, access.propagate = [handler], False
    access.setLevel(logging.INFO)


def child_exit(_server: Any, worker: Any) -> None:
    """What a worker counted stays; what it only held (the queue) goes with it."""
    from prometheus_client import multiprocess  # not before its folder is named

    multiprocess.mark_process_dead(worker.pid, os.environ["COVIDSCANNER_METRICS_FOLDER"])  # type: ignore[no-untyped-call]
