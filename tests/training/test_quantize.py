from dataclasses import replace
from pathlib import Path

from model import bundle
from model.engine import OnnxEngine
from model.model_card import markdown
from model.phantom import lung_phantom
from model.preprocessing import Preprocessing
from tests.pictures import encode
from tests.training.test_publish import SIZE, fresh
from training import publish, quantize
from training.manifest import Row
from training.splits import Split


def rows(folder: Path, seeds: range) -> list[Row]:
    made = []
    for seed in seeds:
        label = ("covid", "noncovid")[seed % 2]
        path = folder / f"{seed}.png"
        path.write_bytes(encode(lung_phantom(label, seed)))
        made.append(Row(str(path), label, str(seed), "a", str(seed)))
    return made


def test_the_network_in_8_bit_integers_is_compared_and_the_card_tells(tmp_path: Path) -> None:
    shipped = bundle.load()
    tiny = replace(shipped, folder=tmp_path, name="tiny", preprocessing=Preprocessing(SIZE))
    publish._compile(fresh(3), tiny.onnx)
    split = Split(rows(tmp_path, range(8)), rows(tmp_path, range(8, 20)), [])
    figures, small = quantize.trial(tiny, split)
    assert small.stat().st_size < tiny.onnx.stat().st_size / 2
    assert figures["slices"] == 12
    assert figures["agreement"] > 0.5
    assert figures["passes"] in (True, False)
    batch = tiny.preprocessing.batch([lung_phantom("covid", 1)])
    given = OnnxEngine(replace(tiny, name="int8")).run(batch)
    assert abs(given.probabilities - OnnxEngine(tiny).run(batch).probabilities).max() < 0.2
    assert "In 8-bit integers it takes" in markdown({**shipped.card, "int8": figures})
