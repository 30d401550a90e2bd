"""Ask pip-audit for known vulnerabilities of what the server installs; without a network, say so and go on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).parent.parent / "requirements-serve.txt"
SECONDS = 120


def main() -> int:
    """Print what was found; 1 where there is a vulnerability."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--format=json",
        "--progress-spinner=off",
        "--disable-pip",
        "--no-deps",
    ]
    try:
        run = subprocess.run([*command, "--requirement", REQUIREMENTS], capture_output=True, text=True, timeout=SECONDS)
        packages: list[dict[str, Any]] = json.loads(run.stdout)["dependencies"]
    except (ValueError, subprocess.TimeoutExpired):
        print("pip-audit reached no list of vulnerabilities: nothing was audited.")
        return 0
    audited = [package for package in packages if "skip_reason" not in package]
    print(
        f"pip-audit: {len(audited)} packages of {REQUIREMENTS.name} audited, {len(packages) - len(audited)} not known."
    )
    vulnerable = [(package, fault) for package in audited for fault in package["vulns"]]
    for package, fault in vulnerable:
        fixed = ", ".join(fault["fix_versions"]) or "no version"
        print(f"{package['name']} {package['version']}: {fault['id']}, fixed in {fixed}")
    return int(bool(vulnerable))


if __name__ == "__main__":
    sys.exit(main())
