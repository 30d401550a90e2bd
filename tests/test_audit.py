"""What `make check` makes of pip-audit's findings."""

import json
import subprocess
from typing import Any

import pytest

from requirements import audit

FAULT = {"id": "CVE-2026-1", "fix_versions": ["3.2"]}


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([{"name": "flask", "version": "3.1", "vulns": [FAULT]}], 1, "flask 3.1: CVE-2026-1, fixed in 3.2"),
        ([{"name": "flask", "version": "3.1", "vulns": []}], 0, "1 packages"),
        ([{"name": "flask", "skip_reason": "not found"}], 0, "1 not known"),
        (None, 0, "nothing was audited"),
    ],
)
def test_a_vulnerability_fails_the_check_and_no_network_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], packages: Any, status: int, said: str
) -> None:
    output = json.dumps({"dependencies": packages}) if packages else ""
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, output))
    assert audit.main() == status
    assert said in capsys.readouterr().out
