import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from model import bundle
from model.engine import OUTPUTS, create_engine
from model.phantom import lung_phantom


def test_both_engines_give_the_same_outputs() -> None:
    shipped = bundle.load()
    batch = shipped.preprocessing.batch([lung_phantom(label, 1) for label in shipped.labels])
    onnx, keras = (create_engine(shipped, name).run(batch) for name in ("onnx", "keras"))
    np.testing.assert_allclose(onnx.probabilities, keras.probabilities, atol=1e-4)
    for output in OUTPUTS:
        expected = getattr(keras, output)
        np.testing.assert_allclose(getattr(onnx, output), expected, atol=1e-4 * np.abs(expected).max())


def test_outputs_have_the_documented_shapes() -> None:
    shipped = bundle.load()
    outputs = create_engine(shipped).run(shipped.preprocessing.batch([lung_phantom("covid", 1)] * 2))
    shapes = {name: getattr(outputs, name).shape for name in OUTPUTS}
    assert shapes == {"probabilities": (2, 3), "logits": (2, 3), "features": (2, 512), "feature_map": (2, 8, 8, 512)}
    np.testing.assert_allclose(outputs.probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", ["onnx", "keras"])
def test_calls_from_several_threads_do_not_mix(name: str) -> None:
    shipped = bundle.load()
    engine = create_engine(shipped, name)
    batches = [shipped.preprocessing.batch([lung_phantom("covid", seed)]) for seed in range(6)]
    alone = [engine.run(batch).probabilities for batch in batches]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda batch: engine.run(batch).probabilities, batches))
    np.testing.assert_array_equal(together, alone)


def test_serving_imports_none_of_the_heavy_packages() -> None:
    code = (
        "import sys; from app import create_app; "
        "from tests.pictures import slice_file; "
        "create_app().test_client().post('/predict', data=slice_file(), content_type='image/png'); "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "onnxruntime" in loaded
    assert not {"tensorflow", "keras", "matplotlib", "sklearn", "pandas", "training"} & set(loaded)
