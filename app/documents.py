"""What the pages for programmers and for the curious list: calls, examples, libraries."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import metadata
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent

_LANGUAGES: Final = {".sh": "curl", ".py": "Python", ".js": "JavaScript", ".mjs": "JavaScript"}


@dataclass(frozen=True)
class Call:
    """One call of the API."""

    method: str
    path: str
    summary: str


@dataclass(frozen=True)
class Example:
    """A program that calls the API."""

    title: str
    text: str


@dataclass(frozen=True)
class Library:
    """Somebody else's code that runs in the browser."""

    name: str
    version: str
    licence: str


def calls(openapi: Mapping[str, Any]) -> list[Call]:
    """The calls that an OpenAPI document describes."""
    return [
        Call(method.upper(), path, operation["summary"])
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
        if isinstance(operation, dict) and "summary" in operation
    ]


def examples(folder: Path = ROOT / "examples") -> list[Example]:
    """The examples of the repository, curl first; none where they are not installed."""
    languages = list(_LANGUAGES)
    found = (file for file in folder.glob("*") if file.suffix in _LANGUAGES)
    files = sorted(found, key=lambda file: (languages.index(file.suffix), file.name))
    return [Example(f"{_LANGUAGES[file.suffix]}: {file.stem}", file.read_text()) for file in files]


def libraries(lock: Path = ROOT / "package-lock.json") -> list[Library]:
    """Libraries that the page uses: what package-lock.json names for use rather than for tests, and Swagger UI."""
    swagger = metadata("flask-swagger-ui")
    # The package's version is that of the Swagger UI in it; the package is MIT, what it holds is Apache-2.0.
    return [*_locked(lock), Library("Swagger UI", swagger["Version"], "Apache-2.0")]


def _locked(lock: Path) -> Iterator[Library]:
    packages = json.loads(lock.read_text())["packages"] if lock.is_file() else {}
    for path, package in sorted(packages.items()):
        if path and not package.get("dev"):
            yield Library(path.rpartition("node_modules/")[2], package["version"], package.get("license", "–"))
