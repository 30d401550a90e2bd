from pathlib import Path

import pytest
from gunicorn.errors import AppImportError

from app import wsgi


def test_a_bad_bundle_stops_the_start_with_a_clear_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COVIDSCANNER_BUNDLE", str(tmp_path))
    with pytest.raises(AppImportError, match=r"cannot start: .*card\.json is missing"):
        wsgi.load()


def test_a_bad_setting_stops_the_start_with_a_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVIDSCANNER_ENGINE", "abacus")
    with pytest.raises(AppImportError, match="COVIDSCANNER_ENGINE='abacus' is not allowed; it takes onnx or keras"):
        wsgi.load()
