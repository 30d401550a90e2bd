"""JPEG's draft mode, which decodes at half the size: how far would it move the answers, and what would it save?

    python tests/benchmarks/draft.py [FOLDER]

Takes slices of 512 × 512 pixels of DICOM files (by default those in ../shared/ct/dicom), as JPEG of quality 95.
"""

import io
import random
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from model import bundle, images
from model.errors import ImageError
from model.pictures import Slice
from model.predictor import Predictor
from tests.conftest import REAL_SLICES
from tests.pictures import encode

SLICES = 60
BAR = 1e-3
"""Of a probability: what the mode may change."""


def jpegs(folder: Path) -> list[bytes]:
    """Some of the slices below a folder."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    found: list[bytes] = []
    for file in random.Random(0).sample(files, len(files)):
        try:
            pixels = images.decode(file.read_bytes())
        except ImageError:
            continue
        if min(pixels.shape) >= 512:
            found.append(encode(pixels, "JPEG", quality=95))
        if len(found) == SLICES:
            break
    return found


def decoded(data: bytes, size: int | None) -> tuple[Slice, float]:
    """The gray slice, not smaller than `size` in draft mode, and the seconds of processor time that it took."""
    began = time.thread_time()
    with Image.open(io.BytesIO(data)) as picture:
        if size:
            picture.draft("L", (size, size))
        pixels = np.asarray(picture.convert("L"))
    return pixels, time.thread_time() - began


def main() -> None:
    """Decode both ways, and print the differences."""
    predictor = Predictor(bundle.load())
    preprocessing = predictor.bundle.preprocessing
    moved, took = [], []
    for data in jpegs(Path(sys.argv[1]) if len(sys.argv) > 1 else REAL_SLICES / "dicom"):
        (whole, slow), (small, quick) = decoded(data, None), decoded(data, preprocessing.size)
        answers = [predictor.run(preprocessing.batch([pixels])).probabilities for pixels in (whole, small)]
        moved.append(float(np.abs(answers[0] - answers[1]).max()))
        took.append((slow, quick))
    slow, quick = np.median(np.array(took), axis=0) * 1000
    within = np.mean(np.array(moved) < BAR)
    print(f"{len(moved)} slices; a probability moves by {np.median(moved):.4f} (median) to {max(moved):.4f};")
    print(f"{within:.0%} stay within {BAR}. Decoding: {slow:.2f} ms, in draft mode {quick:.2f} ms.")


if __name__ == "__main__":
    main()
