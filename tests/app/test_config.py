import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from app import config, create_app
from model.bundle import DEFAULT_FOLDER
from tests.conftest import ROOT


def test_the_defaults() -> None:
    assert config.read({}) == {
        "BUNDLE": DEFAULT_FOLDER,
        "ENGINE": "onnx",
        "MAX_BODY_BYTES": 33_554_432,
        "MAX_FILES": 64,
        "MAX_PIXELS": 16_777_216,
        "MAX_STUDY_BYTES": 536_870_912,
        "MAX_STUDY_FILES": 2000,
        "MAX_SECONDS": 25,
        "QUEUE": 32,
        "STUDY_QUEUE": 4,
        "API_KEYS": [],
        "RATE_LIMIT": "",
        "RATE_STORAGE": "memory://",
        "TRUSTED_PROXIES": 0,
        "METRICS_FOLDER": "",
        "BROKER_URL": "",
        "STUDY_KEY": b"",
        "STUDY_SECONDS": 120,
        "STUDY_EXPIRY": 900,
        "CORS_ORIGINS": [],
    }


def test_the_environment_sets_them() -> None:
    settings = config.read({"COVIDSCANNER_MAX_FILES": "3", "COVIDSCANNER_CORS_ORIGINS": "https://a.org, https://b.org"})
    assert settings["MAX_FILES"] == 3
    assert settings["CORS_ORIGINS"] == ["https://a.org", "https://b.org"]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("ENGINE", "torch", "onnx or keras"),
        ("MAX_FILES", "0", "a whole number of at least 1"),
        ("MAX_FILES", "many", "a whole number of at least 1"),
        ("MAX_BODY_BYTES", "-5", "a whole number of at least 1"),
        ("CORS_ORIGINS", "pacs.example.org", "origins such as https://"),
    ],
)
def test_a_value_that_is_not_allowed_stops_the_start(name: str, value: str, allowed: str) -> None:
    with pytest.raises(config.ConfigurationError, match=rf"COVIDSCANNER_{name}='{value}'.*{allowed}"):
        config.read({f"COVIDSCANNER_{name}": value})


def test_a_secret_that_is_not_allowed_is_not_shown() -> None:
    with pytest.raises(config.ConfigurationError, match="64 hex digits") as refused:
        config.read({"COVIDSCANNER_API_KEYS": "my-plain-key"})
    assert "my-plain-key" not in str(refused.value)


def test_a_setting_that_does_not_exist_stops_the_start() -> None:
    with pytest.raises(config.ConfigurationError, match=r"COVIDSCANNER_MAX_FILE is no setting.*COVIDSCANNER_MAX_FILES"):
        config.read({"COVIDSCANNER_MAX_FILE": "3"})


@pytest.mark.parametrize(("name", "value"), [("STUDY_KEY", "short"), ("BROKER_URL", "amqp://user:password@host")])
def test_a_secret_of_the_queue_that_is_not_allowed_is_not_shown(name: str, value: str) -> None:
    with pytest.raises(config.ConfigurationError, match=f"COVIDSCANNER_{name} .*is not allowed") as raised:
        config.read({f"COVIDSCANNER_{name}": value})
    assert value not in str(raised.value)


def test_a_queue_needs_a_key() -> None:
    with pytest.raises(config.ConfigurationError, match="needs COVIDSCANNER_STUDY_KEY"):
        config.read({"COVIDSCANNER_BROKER_URL": "redis://localhost"})


def test_every_setting_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for setting in config.SETTINGS:
        assert f"`{config.PREFIX}{setting.name}`" in readme


def test_settings_reach_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVIDSCANNER_MAX_FILES", "5")
    assert create_app().config["MAX_FILES"] == 5


def test_a_full_folder_for_the_counts_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process that shares memory through a file of a full folder is killed when it counts."""
    settings = {"COVIDSCANNER_METRICS_FOLDER": str(tmp_path)}
    assert config.read(settings)["METRICS_FOLDER"] == str(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    with pytest.raises(config.ConfigurationError, match=r"METRICS_FOLDER=.* is not allowed; .*8,388,608 bytes free"):
        config.read(settings)
