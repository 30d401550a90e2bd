"""Run the Dockerfile's own steps in a clean root file system, where there is no Docker; then start what came of it.

    python tests/clean_root.py [--debian bookworm]

Needs root, `debootstrap`, Debian's and Python's package index. Debian's own Python stands in for the base image, so the
release must have that of the Dockerfile. The server is started as the Dockerfile's user on a read-only file system,
asked by its health check, and given a slice.
"""

import argparse
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.conftest import ROOT
from tests.pictures import slice_file

BASE = "python3,python3-venv,ca-certificates"
"""Debian packages that make of a bare system what the Dockerfile begins with."""

PORT = "8799"


@dataclass
class Stage:
    """A file system, and what the instructions so far say of it."""

    root: Path
    workdir: str = "/"
    user: str = "0:0"
    environment: dict[str, str] = field(
        default_factory=lambda: {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
    )
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)

    def inside(self, *command: str, **environment: str) -> list[str]:
        """The command line that runs `command` in it."""
        values = [f"{name}={value}" for name, value in {**self.environment, **environment}.items()]
        moved = ["sh", "-c", 'cd "$0" && exec "$@"', self.workdir, *command]
        return ["chroot", f"--userspec={self.user}", str(self.root), "env", "-i", *values, *moved]

    def path(self, name: str) -> Path:
        """Where a path of the Dockerfile lies outside."""
        return (
            self.root / os.path.normpath(f"{self.workdir}/{name}").lstrip("/")
            if name[0] != "/"
            else self.root / name[1:]
        )


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """(instruction, its arguments), without comments and line breaks."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, arguments = line.strip().partition(" ")
            yield name, arguments.strip()


def build(folder: Path, base: Path) -> Stage:
    """Follow the Dockerfile; returns its last stage.

    Raises:
        SystemExit: an instruction that is not known here, or a command that fails.
    """
    stages: dict[str, Stage] = {}
    stage = Stage(base)
    for name, arguments in instructions((ROOT / "Dockerfile").read_text()):
        print(f"{name} {arguments}", flush=True)
        if name == "FROM":
            stage = Stage(folder / f"stage{len(stages)}")
            subprocess.run(["cp", "-a", base, stage.root], check=True)
            stages[arguments.split()[-1]] = stage
        elif name == "COPY":
            _copy(stage, stages, shlex.split(arguments))
        elif name == "RUN":
            with mounted(stage.root):
                subprocess.run(stage.inside("sh", "-c", arguments), check=True)
        else:
            _note(stage, name, arguments)
    return stage


def _note(stage: Stage, name: str, arguments: str) -> None:
    if name == "WORKDIR":
        stage.workdir = arguments
        stage.path(".").mkdir(parents=True, exist_ok=True)
    elif name == "ENV":
        pairs = (pair.partition("=") for pair in shlex.split(arguments))
        stage.environment |= {key: value.replace("$PATH", stage.environment["PATH"]) for key, _, value in pairs}
    elif name == "USER":
        stage.user = arguments
    elif name == "CMD":
        stage.command = json.loads(arguments)
    elif name == "HEALTHCHECK":
        stage.healthcheck = json.loads(arguments.partition("CMD ")[2])
    elif name != "EXPOSE":
        raise SystemExit(f"{name} is not known here.")


def _copy(stage: Stage, stages: dict[str, Stage], words: list[str]) -> None:
    *sources, target = [word for word in words if not word.startswith("--")]
    origin = next((word.removeprefix("--from=") for word in words if word.startswith("--from=")), None)
    for source in sources:
        if origin:
            subprocess.run(["cp", "-a", stages[origin].path(source), stage.path(target)], check=True)
        else:
            _copy_context(source, stage.path(target))


def _copy_context(source: str, target: Path) -> None:
    """The files of the repository that .dockerignore, a list of exceptions, lets through."""
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    asked = kept if source == "." else [source]
    files = subprocess.run(["git", "ls-files", *asked], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in files.splitlines():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)


@contextmanager
def mounted(root: Path, read_only: bool = False) -> Iterator[None]:
    """A root with the parts that the kernel gives, and the names and certificates of this machine."""
    for name in ("/etc/hosts", "/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"):
        shutil.copy(name, root / name[1:])
    with ExitStack() as stack:

        def mount(*options: str, at: Path) -> None:
            subprocess.run(["mount", *options, str(at)], check=True)
            stack.callback(subprocess.run, ["umount", str(at)], check=True)

        mount("--bind", str(root), at=root)
        if read_only:
            subprocess.run(["mount", "-o", "remount,bind,ro", root], check=True)
        mount("-t", "proc", "proc", at=root / "proc")
        mount("-t", "tmpfs", "tmpfs", at=root / "tmp")
        mount("-t", "tmpfs", "tmpfs", at=root / "dev")
        _make_devices(root / "dev")
        yield


def _make_devices(folder: Path) -> None:
    """What containers have; not those of this machine, which must outlive the folder."""
    for name, minor in {"null": 3, "zero": 5, "random": 8, "urandom": 9}.items():
        os.mknod(folder / name, stat.S_IFCHR, os.makedev(1, minor))
        (folder / name).chmod(0o666)
    (folder / "shm").mkdir()
    (folder / "shm").chmod(0o1777)
    (folder / "fd").symlink_to("/proc/self/fd")


def check(stage: Stage) -> None:
    """Start it, wait until the health check passes, and classify a slice."""
    with mounted(stage.root, read_only=True):
        server = subprocess.Popen(stage.inside(*stage.command, HOST="127.0.0.1", PORT=PORT))
        try:
            _wait_for_health(stage)
            address = f"http://127.0.0.1:{PORT}/predict"
            request = urllib.request.Request(address, slice_file(), {"Content-Type": "image/png"})
            with urllib.request.urlopen(request) as response:
                print(response.read().decode())
        finally:
            server.terminate()
            server.wait(60)


def _wait_for_health(stage: Stage) -> None:
    command = stage.inside(*stage.healthcheck, PORT=PORT)
    for _ in range(60):
        answer = subprocess.run(command, capture_output=True, text=True)
        if answer.returncode == 0:
            return
        time.sleep(1)
    raise SystemExit(f"The health check does not pass: {answer.stderr}")


def main() -> None:
    """Build and check, in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--debian", default="bookworm", help="release whose Python is that of the Dockerfile")
    release = parser.parse_args().debian
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary) / "base"
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={BASE}", release, base], check=True)
        check(build(Path(temporary), base))


if __name__ == "__main__":
    main()
