"""Pixels decoded once: a memory-mapped array of 8-bit slices, shared by every run on the same data."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.images import decode
from model.preprocessing import Preprocessing
from training.manifest import Row


def load(rows: Sequence[Row], preprocessing: Preprocessing, cache: Path) -> NDArray[np.uint8]:
    """The resized slices of `rows`, in their order: uint8, shape (n, size, size), memory-mapped.

    The first call decodes the files, through the same functions as the server; later calls open the array from `cache`.
    """
    key = hashlib.sha256(repr(preprocessing).encode())
    for row in rows:
        key.update(row.sha256.encode())
    path = cache / f"slices-{preprocessing.size}-{key.hexdigest()[:16]}.npy"
    if not path.is_file():
        _decode_all(rows, preprocessing, path)
    pixels: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return pixels


def _decode_all(rows: Sequence[Row], preprocessing: Preprocessing, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    shape = (len(rows), preprocessing.size, preprocessing.size)
    array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
    try:
        for index, row in enumerate(tqdm(rows, desc="decoding slices", unit="slice", disable=None)):
            array[index] = preprocessing.resize(decode(Path(row.path).read_bytes(), window=preprocessing.window))
        array.flush()
        # Renamed only when complete, so that an interrupted decode is never taken for a cache.
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
