from pathlib import Path

import pytest

from app import wsgi


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        wsgi.load()
    assert ended.value.code == 4
    return capsys.readouterr().err


def test_a_bad_bundle_stops_the_start_with_a_clear_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COVIDSCANNER_BUNDLE", str(tmp_path))
    (line,) = refusal(capsys).splitlines()
    assert line.startswith("CovidScanner cannot start: ")
    assert "card.json is missing" in line


def test_a_bad_setting_stops_the_start_with_a_clear_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COVIDSCANNER_ENGINE", "abacus")
    assert refusal(capsys) == (
        "CovidScanner cannot start: COVIDSCANNER_ENGINE='abacus' is not allowed; it takes onnx or keras.\n"
    )
