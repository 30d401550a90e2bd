"""Several accelerators of one machine, and half-precision arithmetic."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from training.errors import TrainingError
from training.experiment import Precision


@contextmanager
def computing(precision: Precision, devices: int) -> Iterator[None]:
    """Train in there with this precision, each batch shared out among so many devices.

    Weights stay float32 in every precision (Micikevicius et al., *Mixed precision training*, ICLR 2018).

    Raises:
        TrainingError: there are fewer devices, or the backend cannot share.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        with _shared(devices):
            yield
    finally:
        keras.config.set_dtype_policy(before)


@contextmanager
def _shared(devices: int) -> Iterator[None]:
    if devices == 1:
        yield
    elif keras.config.backend() == "jax":
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=_first(devices, _of_jax())))
        try:
            yield
        finally:
            keras.distribution.set_distribution(None)
    elif keras.config.backend() == "tensorflow":
        import tensorflow

        with tensorflow.distribute.MirroredStrategy(_first(devices, _of_tensorflow())).scope():
            yield
    else:
        raise TrainingError(f"Several devices need the backend jax or tensorflow, not {keras.config.backend()}.")


def _of_jax() -> list[str]:
    return list(keras.distribution.list_devices())


def _of_tensorflow() -> list[str]:
    import tensorflow

    devices = tensorflow.config.list_logical_devices
    return [device.name for device in devices("GPU") or devices("CPU")]


def _first(count: int, devices: list[str]) -> list[str]:
    if len(devices) < count:
        raise TrainingError(f"{count} devices are wanted, and this machine has {len(devices)}.")
    return devices[:count]
