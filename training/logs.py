"""Where the figures of every epoch go, beside ``history.csv``, which every run has."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from training.errors import TrainingError
from training.run_folder import RunFolder

Log = Callable[[int, Mapping[str, float]], object]
"""Is told (epoch, figures) after each epoch; epochs count on from stage to stage, from 1."""


def tensorboard(folder: RunFolder) -> Log:
    """Scalars in the folder of the run, for ``tensorboard --logdir``."""
    from tensorboard.summary import Writer

    writer = Writer(str(folder.path / "tensorboard"))

    def write(epoch: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            writer.add_scalar(name, value, epoch)
        writer.flush()

    return write


def wandb(folder: RunFolder) -> Log:
    """A run of Weights & Biases; with ``WANDB_MODE=offline`` it stays in the folder of the run.

    Raises:
        TrainingError: the package is not installed.
    """
    try:
        import wandb
    except ImportError:
        raise TrainingError("Weights & Biases is not installed: pip install wandb") from None
    folder.path.mkdir(parents=True, exist_ok=True)
    # The same for the same folder, so that a resumed run goes on in its curve.
    identifier = hashlib.sha256(str(folder.path.resolve()).encode()).hexdigest()[:12]
    run = wandb.init(project="covidscanner", id=identifier, name=folder.path.name, resume="allow", dir=folder.path)
    return lambda epoch, figures: run.log(dict(figures), step=epoch)


LOGS: Final[dict[str, Callable[[RunFolder], Log]]] = {"tensorboard": tensorboard, "wandb": wandb}
"""Its name for ``--log`` -> what opens it for a run."""
