"""The machine, or the container, that this runs on: how much of it there is, and how memory goes back to it."""

import ctypes
import math
import os
import shutil
from pathlib import Path
from typing import Final

CGROUP: Final = Path("/sys/fs/cgroup")
"""Where a container's limits are (Linux, cgroup v2)."""

ROOM: Final = 8 * 2**20
"""Bytes that the counts of some hundred processes take."""

BLOCK: Final = 2**21
"""Bytes; larger blocks are asked of the system one by one, and go back to it at once. A slice of 512 × 512 pixels takes
smaller ones: asked for anew with each request, they would cost a thousand page faults."""

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
"""Of mallopt(3), as malloc.h numbers them."""


def cores() -> int:
    """Processors that this process may keep busy."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _limit("cpu.max").partition(" ")
    return max(1, min(here, math.ceil(int(quota) / int(period)))) if quota.isdigit() else here


def memory() -> int:
    """Bytes that this process may have."""
    most = _limit("memory.max")
    return int(most) if most.isdigit() else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def has_room(folder: str) -> bool:
    """Whether a folder is there, and not full: who shares memory through files of a full one is killed for it."""
    return Path(folder).is_dir() and shutil.disk_usage(folder).free >= ROOM


def give_back_memory() -> None:
    """Tell the C library, where it is glibc, to have one heap and to keep no large blocks for later.

    By itself it learns from the first large file to put such blocks into the heaps of its threads, and those never
    shrink below the last block that is in use: each thread keeps what the largest file took.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, BLOCK)
        mallopt(_TRIM_THRESHOLD, BLOCK)


def trim() -> None:
    """Have the C library, where it is glibc, give back now what lies free between what is in use."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim:
        malloc_trim(0)


def _limit(name: str) -> str:
    """What the container says; nothing where there is none."""
    try:
        return (CGROUP / name).read_text().strip()
    except OSError:
        return ""
