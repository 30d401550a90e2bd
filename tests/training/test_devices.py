"""Several devices: two pretended ones, in a process of their own, because a backend counts its devices once."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, absent
from tests.training.test_fit import QUICK_FILE
from training import manifest
from training.devices import computing
from training.errors import TrainingError
from training.manifest import Row

PRETEND = {
    "jax": "",
    "tensorflow": "import tensorflow as tf; cpu = tf.config.list_physical_devices('CPU')[0]; "
    "tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2); ",
}


@pytest.mark.parametrize("backend", PRETEND)
def test_a_batch_is_shared_by_two_devices(backend: str, rows: list[Row], tmp_path: Path) -> None:
    if importlib.util.find_spec(backend) is None:
        absent(backend)
    manifest.write(rows, tmp_path / "manifest.csv")
    words = ["fit", str(QUICK_FILE), "--manifest", "manifest.csv", "--cache", "cache", "--out", "run", "--devices", "2"]
    code = f"{PRETEND[backend]}import sys; from training.__main__ import main; sys.exit(main({words}))"
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": str(ROOT),
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    }
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "run" / "custom_cnn.h5").is_file()


def test_more_devices_than_there_are_is_an_error() -> None:
    with pytest.raises(TrainingError, match="99 devices are wanted"), computing("float32", 99):
        pass
