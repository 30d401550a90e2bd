"""What tests share: the application, real slices where they are, and components that may be absent."""

import json
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from model import bundle

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).parent.parent
REAL_SLICES = Path(os.environ.get("CT_DATA", ROOT.parent / "shared" / "ct"))
"""Labelled CT slices in the layout of the Kaggle set; no part of the repository."""


def absent(component: str) -> NoReturn:
    """Skip a test whose component is not on this machine; where everything must be there (CI), fail."""
    if os.environ.get("CI"):
        pytest.fail(f"{component} is missing; .ci/run must install it")
    pytest.skip(f"{component} is not on this machine")


@pytest.fixture(scope="session")
def app() -> Flask:
    return create_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def real_slices() -> Path:
    if not (REAL_SLICES / "curated_data").is_dir():
        pytest.skip(f"no CT slices in {REAL_SLICES}; name their folder in CT_DATA")
    return REAL_SLICES


@pytest.fixture(scope="session")
def chromium() -> str:
    return shutil.which("chromium") or shutil.which("chromium-browser") or absent("Chromium")


@pytest.fixture
def older_bundle(tmp_path: Path) -> Path:
    """The shipped bundle as it would be without calibration, gate and heatmap."""
    folder = Path(shutil.copytree(bundle.DEFAULT_FOLDER, tmp_path / "older"))
    card = json.loads((folder / bundle.CARD).read_text())
    del card["calibration"], card["gate"]
    for name in (bundle.HEAD, bundle.GATE):
        del card["files"][name]
        (folder / name).unlink()
    (folder / bundle.CARD).write_text(json.dumps(card))
    return folder
