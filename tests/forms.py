"""Multipart forms, made in memory: Werkzeug's test client writes larger ones to a temporary file."""

from collections.abc import Iterable
from typing import Any


def form(files: Iterable[tuple[str, bytes]], **fields: str) -> dict[str, Any]:
    """What to post to send (name, content) in their order, and form fields."""
    head = '--x\r\nContent-Disposition: form-data; name="{}"'
    parts = [f"{head.format(name)}\r\n\r\n{value}\r\n".encode() for name, value in fields.items()]
    for name, data in files:
        parts += [f'{head.format("file")}; filename="{name}"\r\n\r\n'.encode(), data, b"\r\n"]
    return {"data": b"".join([*parts, b"--x--\r\n"]), "content_type": "multipart/form-data; boundary=x"}
