"""What runs the network: ONNX Runtime (the default), or Keras on the ``.h5`` itself. Same input, same outputs.

Each engine imports its library when it is made, so that a server on ONNX Runtime never loads TensorFlow.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from model import machine
from model.bundle import Bundle
from model.preprocessing import Batch

OUTPUTS: Final = ("probabilities", "logits", "features", "feature_map")
"""Names of the outputs that every compiled network has, in order."""

MORE_OUTPUTS: Final = ("fine_map",)
"""Those that not every network has."""

ENGINES: Final = ("onnx", "keras")


@dataclass(frozen=True)
class Outputs:
    """What the network says of n slices; all float32. Sizes are those of the custom CNN at 256 pixels."""

    probabilities: NDArray[np.float32]
    """(n, 3), rows sum to 1."""
    logits: NDArray[np.float32]
    """(n, 3), before the softmax."""
    features: NDArray[np.float32]
    """(n, 512), the pooled last map."""
    feature_map: NDArray[np.float32]
    """(n, 8, 8, 512), the last map before the global average pooling."""
    fine_map: NDArray[np.float32] | None = None
    """(n, 16, 16, 512), the map of which `feature_map` is the maximum over 2 × 2; where that is how it comes about."""


class Engine(Protocol):
    """Runs the network; may be called from several threads at once."""

    name: str

    def run(self, batch: Batch) -> Outputs:
        """One forward pass of float32 (n, size, size, channels) in [0, 1], all channels equal."""
        ...


def create_engine(bundle: Bundle, name: str = "onnx") -> Engine:
    """Make the engine called `name`, one of `ENGINES`, for a bundle."""
    engines: dict[str, Callable[[Bundle], Engine]] = {"onnx": OnnxEngine, "keras": KerasEngine}
    return engines[name](bundle)


class OnnxEngine:
    """ONNX Runtime on one thread a call: several calls at once use several cores, and none waits for another."""

    name = "onnx"

    def __init__(self, bundle: Bundle) -> None:
        # Since 1.29 the library reports each session to its maker, unless this is set before it is imported.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        _register_allocator()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.use_env_allocators", "1")
        self._session = onnxruntime.InferenceSession(bundle.onnx, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        # One, where the network was compiled for gray itself: the channels of a batch are equal.
        self._channels = self._session.get_inputs()[0].shape[-1]
        # The first run warms the network up, before the workers are made: its activations must not stay with the main
        # process, where nobody uses them again.
        self._run_options = onnxruntime.RunOptions()
        self._run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        there = {output.name for output in self._session.get_outputs()}
        self._outputs = [*OUTPUTS, *(name for name in MORE_OUTPUTS if name in there)]
        # Each run at once holds some 20 MB of activations; more of them than cores gain nothing.
        self._places = threading.BoundedSemaphore(machine.cores())

    def run(self, batch: Batch) -> Outputs:
        with self._places:
            options, self._run_options = self._run_options, None
            taken = np.ascontiguousarray(batch[..., : self._channels])
            answers = self._session.run(self._outputs, {self._input: taken}, options)
        return Outputs(**dict(zip(self._outputs, answers, strict=True)))


@cache
def _register_allocator() -> None:
    """Let ONNX Runtime ask for as much memory as it needs; by itself it rounds up to the next power of two."""
    import onnxruntime

    as_requested, default = 1, -1
    arena = {
        "arena_extend_strategy": as_requested,
        "initial_chunk_size_bytes": default,
        "max_dead_bytes_per_chunk": default,
    }
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg(arena))


class KerasEngine:
    """Keras on the ``.h5``: the reference, some times slower and larger."""

    name = "keras"

    def __init__(self, bundle: Bundle) -> None:
        import keras

        from model.architecture import with_all_outputs

        self._network = with_all_outputs(keras.models.load_model(bundle.h5, compile=False))
        self._lock = threading.Lock()

    def run(self, batch: Batch) -> Outputs:
        with self._lock:
            outputs = self._network.predict_on_batch(batch)
        return Outputs(**outputs)
