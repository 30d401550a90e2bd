"""The examples that /docs shows, run against the server."""

import json
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import ROOT, absent
from tests.pictures import slice_file
from tests.scans import dicom_series, scan, zipped
from tests.server import Server

EXAMPLES = ROOT / "examples"
RUNS = {".sh": "sh", ".py": sys.executable, ".mjs": "node"}


def output(server: Server, example: str, file: Path) -> str:
    """What an example prints."""
    program = shutil.which(RUNS[Path(example).suffix]) or absent(RUNS[Path(example).suffix])
    if example.endswith(".sh") and not shutil.which("curl"):
        absent("curl")
    command = [program, str(EXAMPLES / example), server.address, str(file)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("example", ["slices.sh", "slices.py", "slices.mjs"])
def test_each_example_gives_the_probabilities_of_a_slice(server: Server, tmp_path: Path, example: str) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(slice_file())
    request = urllib.request.Request(f"{server.address}/predict", slice_file(), {"Content-Type": "image/png"})
    probabilities = json.load(urllib.request.urlopen(request))["predictions"][0]["probabilities"]
    printed = output(server, example, file)
    for probability in probabilities.values():
        assert str(probability) in printed


def test_the_example_of_a_study_prints_its_answer_as_the_last_line(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "study.zip"
    file.write_bytes(zipped({f"{n}.dcm": data for n, data in enumerate(dicom_series(scan()))}))
    *progress, answer = output(server, "study.sh", file).splitlines()
    assert len(json.loads(answer)["slices"]) == 8
    assert json.loads(progress[0])["progress"]


def test_the_page_of_the_api_shows_every_example(server: Server) -> None:
    page = urllib.request.urlopen(f"{server.address}/docs").read().decode()
    assert page.count("<pre") == len(list(EXAMPLES.iterdir())) == 4
