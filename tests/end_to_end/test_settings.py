"""A real start with what it cannot use, a setting or a file of the bundle: it fails, and one line says why."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app import config
from model import bundle
from tests.conftest import ROOT
from tests.server import procfile

BROKEN = {
    "BUNDLE": "/nowhere",
    "ENGINE": "torch",
    "MAX_BODY_BYTES": "32MB",
    "MAX_FILES": "0",
    "MAX_PIXELS": "1e6",
    "MAX_STUDY_BYTES": "-1",
    "MAX_STUDY_FILES": "many",
    "MAX_SECONDS": "9" * 20,
    "QUEUE": "none",
    "STUDY_QUEUE": "0",
    "API_KEYS": "a-plain-key",
    "RATE_LIMIT": "often",
    "RATE_STORAGE": "redis://user:hidden@host:port",
    "TRUSTED_PROXIES": "all",
    "METRICS_FOLDER": "/nowhere",
    "BROKER_URL": "amqp://user:hidden@host",
    "STUDY_KEY": "hidden",
    "STUDY_SECONDS": "2m",
    "STUDY_EXPIRY": "",
    "CORS_ORIGINS": "pacs.example.org",
}


def start(command: str, folder: Path, **settings: str) -> tuple[int, str]:
    """Exit status and last line of a start that fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(config.PREFIX)}
    environment |= {"PORT": "0", "TMPDIR": str(folder), **settings}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = ["sh", "-c", f"exec {procfile(command)}"]
    run = subprocess.run(shell, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in run.stderr
    return run.returncode, run.stderr.splitlines()[-1]


def test_each_setting_that_is_not_allowed_stops_the_start_and_is_named(tmp_path: Path) -> None:
    assert set(BROKEN) == {setting.name for setting in config.SETTINGS}
    names = {config.PREFIX + name: value for name, value in BROKEN.items()}
    with ThreadPoolExecutor(4) as starts:
        ends = starts.map(lambda name: start("web", tmp_path, **{name: names[name]}), names)
        for name, (status, line) in zip(names, ends, strict=True):
            assert status == 4
            assert line.startswith(f"CovidScanner cannot start: {name}")
            assert " is not allowed; it takes " in line
            assert "hidden" not in line
            assert "a-plain-key" not in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "value"), [("PORT", "http"), ("WEB_CONCURRENCY", "0")])
def test_what_hosts_set_is_checked_too(tmp_path: Path, name: str, value: str) -> None:
    status, line = start("web", tmp_path, **{name: value})
    assert status == 1
    assert line.startswith(f"CovidScanner cannot start: {name}='{value}' is not allowed; it takes ")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "A worker needs COVIDSCANNER_BROKER_URL"),
        ({"COVIDSCANNER_BROKER_URL": "redis://localhost"}, "COVIDSCANNER_BROKER_URL needs COVIDSCANNER_STUDY_KEY"),
        ({"COVIDSCANNER_STUDY_SECONDS": "soon"}, "COVIDSCANNER_STUDY_SECONDS='soon' is not allowed; it takes "),
    ],
)
def test_a_worker_says_in_one_line_why_it_cannot_start(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    status, line = start("worker", tmp_path, **settings)
    assert status == 1
    assert line.startswith(f"CovidScanner cannot start: {said}")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("another file", "is not the file that card.json describes"),
        ("another shape", "it takes 9 numbers of a picture"),
    ],
)
def test_a_gate_that_is_not_the_cards_stops_the_start_and_is_named(tmp_path: Path, fault: str, said: str) -> None:
    folder = Path(shutil.copytree(bundle.DEFAULT_FOLDER, tmp_path / "bundle"))
    gate, card = folder / bundle.GATE, json.loads((folder / bundle.CARD).read_text())
    np.savez(gate, weight0=np.zeros((9, 1), np.float32), bias0=np.zeros(1, np.float32))
    if fault == "another shape":
        card["files"][bundle.GATE] = bundle.file_sha256(gate)
        card["gate"] = {"threshold": 0.0, "limits": card["gate"]["limits"]}
        (folder / bundle.CARD).write_text(json.dumps(card))
    status, line = start("web", tmp_path, COVIDSCANNER_BUNDLE=str(folder))
    assert status != 0
    assert line.startswith(f"CovidScanner cannot start: {gate} is not")
    assert said in line
