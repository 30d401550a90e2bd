"""What the training step waits for: images/s of the step alone, of the input alone, and of both as `fit` runs them.

    [KERAS_BACKEND=jax] python tests/benchmarks/train_speed.py [--config FILE] [--slices N]

The three are timed in turn, several rounds of them in one run; the ratio is that of both together over the step alone.
Below it, the seconds of an epoch of the Kaggle set's 13,684 training slices; the paper took 122 s on a P100.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import keras

from model.labels import LABELS
from model.phantom import lung_phantom
from training import experiment
from training.batches import Batches, Examples, epoch_order
from training.compare import CONFIGS
from training.devices import computing
from training.fit import make_network, make_trainer

PAPER_SLICES = 13_684
ROUNDS = 5


def examples(size: int, count: int, folder: Path) -> Examples:
    """Phantom slices on disk, memory-mapped, as a run's are."""
    kept = np.lib.format.open_memmap(folder / "slices.npy", mode="w+", dtype=np.uint8, shape=(count, size, size))
    for index in range(count):
        kept[index] = lung_phantom(LABELS[index % len(LABELS)], index, size)
    targets = np.eye(len(LABELS), dtype=np.float32)[np.arange(count) % len(LABELS)]
    return Examples(np.load(folder / "slices.npy", mmap_mode="r"), targets, np.ones(count, np.float32))


def rate(run: Callable[[], object], images: int) -> float:
    """Images/s of one call."""
    started = time.perf_counter()
    run()
    return images / (time.perf_counter() - started)


def main() -> None:
    """Print the rates and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=CONFIGS / "paper_tuned.toml")
    parser.add_argument("--slices", type=int, default=96, help="in an epoch")
    parser.add_argument("--precision", default="float32")
    arguments = parser.parse_args()
    wanted = experiment.load(arguments.config)
    stage = wanted.stages[-1]
    print(f"{keras.backend.backend()}, {arguments.config.stem}: {stage.size} pixels, batches of {stage.batch_size}")

    with tempfile.TemporaryDirectory() as folder, computing(arguments.precision, 1):
        made = examples(stage.size, arguments.slices, Path(folder))
        trainer = make_trainer(make_network(wanted, stage), made, wanted, stage)
        batches = Batches(made, stage.batch_size, epoch_order(arguments.slices, (0,)))
        first = batches[0]
        images = len(batches) * stage.batch_size
        runs: dict[str, Callable[[], object]] = {
            "step alone": lambda: [trainer.train_on_batch(*first) for _ in range(len(batches))],
            "input alone": lambda: [batches[index] for index in range(len(batches))],
            "both": lambda: trainer.fit(batches, shuffle=False, verbose=0),
        }
        for run in runs.values():  # compiled, and read from the disk
            run()
        rates: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(ROUNDS):
            for name, run in runs.items():
                rates[name].append(rate(run, images))
    for name, measured in rates.items():
        print(f"{name:12} {median(measured):9.1f} images/s   ({min(measured):.1f} to {max(measured):.1f})")
    ratio = median(both / alone for both, alone in zip(rates["both"], rates["step alone"], strict=True))
    print(f"ratio        {ratio:9.2f}   both together over the step alone")
    print(f"an epoch     {PAPER_SLICES / median(rates['both']):9.0f} s for {PAPER_SLICES:,} slices")


if __name__ == "__main__":
    main()
