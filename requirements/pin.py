"""Pin requirements*.txt, for every supported Python and platform, from the short lists beside this file."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
OUTPUTS = {
    "serve.in": "requirements-serve.txt",
    "run.in": "requirements.txt",
    "dev.in": "requirements-dev.txt",
    "gpu.in": "requirements-gpu.txt",
}
OPTIONS = ("--universal", "--python-version=3.10", "--quiet", "--no-emit-index-url", "--no-annotate")

for source, output in OUTPUTS.items():
    command = [sys.executable, "-m", "uv", "pip", "compile", *OPTIONS, "--custom-compile-command=make requirements"]
    subprocess.run([*command, FOLDER / source, "--output-file", FOLDER.parent / output], check=True)
