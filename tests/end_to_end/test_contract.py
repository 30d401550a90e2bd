"""The OpenAPI document against the live server: Schemathesis sends what the document allows, and what it does not."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.server import Server


def test_the_server_does_what_its_document_says(server: Server, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    options = "--generation-deterministic --max-examples 10 --max-time 40 --phases examples,coverage,fuzzing --no-color"
    command = [program, "--config-file", ROOT / "tests" / "schemathesis.toml", "run", f"{server.address}/openapi.json"]
    run = subprocess.run(
        [*map(str, command), *options.split()], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stdout
