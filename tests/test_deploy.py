"""The files by which others deploy it say the same as the code and as each other."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app import config
from tests.conftest import ROOT
from tests.server import procfile

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
KUBERNETES = list(yaml.safe_load_all((ROOT / "kubernetes.yaml").read_text()))
DOCKERFILE = (ROOT / "Dockerfile").read_text()
FILES = ("Dockerfile", "docker-compose.yml", "kubernetes.yaml", "app.json", "docs/deploy.md", "docs/scaling.md")
PODS = [part["spec"]["template"]["spec"] for part in KUBERNETES if part["kind"] == "Deployment"]


def containers() -> dict[str, Any]:
    """Name -> container, of all deployments."""
    return {container["name"]: container for pod in PODS for container in pod["containers"]}


def test_every_way_to_start_runs_what_the_procfile_says() -> None:
    (command,) = re.findall(r"^CMD (.*)", DOCKERFILE, re.MULTILINE)
    assert json.loads(command) == procfile("web").replace('"', "").split()
    worker = f"exec {procfile('worker')}"
    assert COMPOSE["services"]["worker"]["command"][-1].replace("$$", "$") == worker
    assert containers()["worker"]["command"][-1] == worker
    assert COMPOSE["services"]["redis"]["command"] == containers()["redis"]["args"]


@pytest.mark.parametrize("name", ["docs/deploy.md", "docs/scaling.md"])
def test_every_figure_stands_in_a_block_that_a_command_writes(name: str) -> None:
    commands = re.findall(r"<!-- written by (\S+\.py) -->.*?<!-- end -->", (ROOT / name).read_text(), re.DOTALL)
    assert commands
    assert all((ROOT / command).is_file() for command in commands)


def test_every_setting_that_they_name_is_one() -> None:
    known = {config.PREFIX + setting.name for setting in config.SETTINGS}
    for file in FILES:
        assert set(re.findall(r"COVIDSCANNER_[A-Z_]+", (ROOT / file).read_text())) <= known


@pytest.mark.parametrize("name", ["web", "worker"])
def test_containers_run_without_root_and_on_a_read_only_disk(name: str) -> None:
    service, container = COMPOSE["services"][name], containers()[name]
    assert service["read_only"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert all(pod["securityContext"]["runAsNonRoot"] for pod in PODS)
    assert "\nUSER 65534:65534\n" in DOCKERFILE
    assert container["resources"]["limits"]["memory"]
    assert service["mem_limit"]


def test_probes_ask_addresses_that_there_are(client: Any) -> None:
    for probe in ("readinessProbe", "livenessProbe"):
        assert client.get(containers()["web"][probe]["httpGet"]["path"]).status_code == 200
    (path,) = re.findall(r"\{os.environ\['PORT'\]\}(/\w+)", DOCKERFILE)
    assert client.get(path).status_code == 200


def test_the_image_holds_all_that_the_server_needs_and_no_more() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {"app", "model", "static", "templates", "gunicorn.conf.py", "requirements-serve.txt", "Makefile"} <= kept
    assert all((ROOT / name).exists() for name in kept)
    assert not kept & {"training", "tests", "runs", "requirements.txt"}


def test_a_heroku_build_installs_the_server_alone(tmp_path: Path) -> None:
    for name in ("requirements.txt", "requirements-serve.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    assert os.access(ROOT / "bin" / "pre_compile", os.X_OK)
    subprocess.run([ROOT / "bin" / "pre_compile"], cwd=tmp_path, check=True)
    assert "tensorflow" not in (tmp_path / "requirements.txt").read_text()
    assert set(json.loads((ROOT / "app.json").read_text())["formation"]) == {"web", "worker"}
