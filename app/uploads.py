"""HTTP request -> the files in it. Three ways to send them: a form, a raw body, JSON with base64."""

import base64
import binascii
import io
import re
from dataclasses import dataclass
from typing import IO, Any, Final, cast

from flask import Request, current_app
from werkzeug.exceptions import RequestEntityTooLarge

from app import bounded_json
from app.errors import Problem

MAX_FILENAME: Final = 255
"""Characters; what common file systems allow."""

SPARE_FORM_PARTS: Final = 16
"""Form parts that a request may have beside its files."""

JSON_MARKS: Final = b'[{,"'
MARKS_A_FILE: Final = MAX_FILENAME + 16
"""What of the above a picture needs in JSON: all characters of its name may be such."""

DRAINED_BODIES: Final = 8
"""How many times the largest body is read and thrown away of a request that is too large."""

ARCHIVE_TYPES: Final = ("application/zip", "application/x-zip-compressed", "application/gzip", "application/x-tar")

RAW_TYPES: Final = ("application/dicom", "application/octet-stream", *ARCHIVE_TYPES)
"""Content types, beside ``image/*``, of a body that is the file itself."""

SMALL_FORM: Final = 2**19
"""Bytes of a form that is looked at as a whole."""

_FILE_HEAD: Final = re.compile(
    rb'\r\nContent-Disposition: form-data; name="[^"\\\0-\x1f]*"; filename="([^"\\\0-\x1f]+)"\r\n'
    rb"(?:Content-Type: [^\0-\x1f]*\r\n)?\r\n"
)
"""What stands before a file in a form, as browsers, curl and most libraries write it (RFC 7578)."""

_HOW_TO_SEND: Final = "Send multipart form data with file parts, a raw body of the file, or JSON with base64."


class InMemoryRequest(Request):
    """A request whose uploads never touch the disk, and keep the order in which they were sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._streams: list[io.BytesIO] = []

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        # Werkzeug's own choice is a temporary file for all but small uploads.
        self._streams.append(io.BytesIO())
        return self._streams[-1]

    def files_in_order(self) -> list[tuple[str, bytes]]:
        """(file name, content) of the form's file parts; `files` groups them by field, which loses their order."""
        if (self.content_length or SMALL_FORM) < SMALL_FORM:
            alone = only_file(self.get_data(), self.mimetype_params.get("boundary", ""))
            if alone:
                return [alone]
        parts = [part for _, parts in self.files.lists() for part in parts]
        order = {id(stream): position for position, stream in enumerate(self._streams)}
        parts.sort(key=lambda part: order[id(part.stream)])
        # Not `read`, which would copy: a study is large.
        return [(part.filename or "", cast(io.BytesIO, part.stream).getvalue()) for part in parts]


def only_file(form: bytes, boundary: str) -> tuple[str, bytes] | None:
    """(file name, content) of a form that is one file, plainly written; ``None`` where Werkzeug's parser must look.

    That one is made for forms that come bit by bit, and takes a third of the time that everything but the network does.
    """
    mark = b"--" + boundary.encode()
    end, head = b"\r\n" + mark + b"--\r\n", _FILE_HEAD.match(form, len(mark))
    if not head or not form.startswith(mark) or not form.endswith(end):
        return None
    begin, stop = head.end(), len(form) - len(end)
    if begin > stop or form.find(mark, begin) != stop + 2:  # there is another part
        return None
    try:
        return head[1].decode(), form[begin:stop]
    except UnicodeDecodeError:
        return None


@dataclass(frozen=True)
class Upload:
    """One file of a request: its bytes, or why they cannot be had."""

    filename: str | None
    data: bytes = b""
    problem: Problem | None = None


@dataclass(frozen=True)
class Allowance:
    """What a request may bring."""

    bytes: int
    files: int

    @classmethod
    def of_slices(cls) -> "Allowance":
        """Where each file is answered by itself."""
        return cls(current_app.config["MAX_BODY_BYTES"], current_app.config["MAX_FILES"])

    @classmethod
    def of_study(cls) -> "Allowance":
        """Where all files get one answer."""
        return cls(current_app.config["MAX_STUDY_BYTES"], current_app.config["MAX_STUDY_FILES"])


def read_uploads(request: Request, allowance: Allowance) -> list[Upload]:
    """The files of a request, in the order sent; at least one.

    Raises:
        Problem: the request as a whole is wrong: nothing in it, too much, or not of a form that is read.
    """
    request.max_content_length = allowance.bytes
    request.max_form_parts = allowance.files + SPARE_FORM_PARTS
    try:
        uploads = _read(request, allowance)
    except RequestEntityTooLarge:
        _drain(request)
        raise _too_large(request, allowance) from None
    if not uploads:
        raise Problem("no_image", f"There is no picture in the request. {_HOW_TO_SEND}")
    if len(uploads) > allowance.files:
        raise Problem(
            "too_many_files", f"The request has {len(uploads)} files; at most {allowance.files} are read. Send several."
        )
    return uploads


def read_body(request: Request, most: int) -> bytes:
    """The body of a request, of at most `most` bytes.

    Raises:
        Problem: it has more.
    """
    request.max_content_length = most
    try:
        return _body(request)
    except RequestEntityTooLarge:
        _drain(request)
        raise Problem("too_large", f"The request is larger than {most:,} bytes.") from None


def _read(request: Request, allowance: Allowance) -> list[Upload]:
    if request.mimetype == "multipart/form-data":
        return _from_form(request)
    if request.is_json:
        return _from_json(request, allowance.files)
    data = _body(request)
    if not data:
        return []
    if request.mimetype.startswith("image/") or request.mimetype in RAW_TYPES:
        return [Upload(None, data)]
    raise Problem("unsupported_type", f"The Content-Type is {request.mimetype[:80] or 'missing'!s}. {_HOW_TO_SEND}")


def _body(request: Request) -> bytes:
    data = request.get_data()
    # Werkzeug cuts a chunked body off at the limit and says nothing.
    if request.content_length is None and len(data) >= (request.max_content_length or 0):
        raise RequestEntityTooLarge
    return data


def _from_form(request: Request) -> list[Upload]:
    assert isinstance(request, InMemoryRequest)
    # A file field in which nobody chose a file arrives without name and content.
    return [_named(name, data) for name, data in request.files_in_order() if name or data]


def _from_json(request: Request, files: int) -> list[Upload]:
    text = _body(request)
    if not text:
        return []
    body = bounded_json.parse(text, JSON_MARKS, (files + 1) * MARKS_A_FILE)
    if not isinstance(body, dict):
        raise Problem(
            "invalid_json", 'Send a JSON object: {"image": "<base64>"} or {"images": [{"image": "<base64>"}]}.'
        )
    items = body.get("images", [body] if "image" in body else [])
    if not isinstance(items, list):
        raise Problem("invalid_json", 'The member "images" must be a list of {"image": "<base64>", "filename": "…"}.')
    return [_from_item(item) for item in items]


def _from_item(item: Any) -> Upload:
    if not isinstance(item, dict) or not isinstance(item.get("image"), str):
        return Upload(None, problem=Problem("invalid_json", 'Each picture needs a member "image" with base64 text.'))
    name = item.get("filename")
    if name is not None and not isinstance(name, str):
        return Upload(None, problem=Problem("invalid_json", 'The member "filename" must be text.'))
    encoded = item["image"]
    if encoded.startswith("data:"):
        encoded = encoded.partition(",")[2]
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return Upload(_shown(name), problem=Problem("invalid_base64", "Encode the file's bytes as standard base64."))
    return _named(name, data)


def _named(name: str | None, data: bytes) -> Upload:
    if name and (fault := _fault_of(name)):
        return Upload(_shown(name), problem=Problem("invalid_filename", f"The file name {fault}. Send a plain name."))
    return Upload(name or None, data)


def _fault_of(name: str) -> str | None:
    if len(name) > MAX_FILENAME:
        return f"has {len(name)} characters; at most {MAX_FILENAME} are allowed"
    if "/" in name or "\\" in name:
        return "has path parts"
    if not name.isprintable():
        return "has control characters"
    return None


def _shown(name: str | None) -> str | None:
    """A name that is not used, in a form that is safe to show to its sender."""
    return name and "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name[:MAX_FILENAME])


def _drain(request: Request) -> None:
    """Read on and throw away, within reason: a client that is still sending would otherwise never see the answer."""
    source = request.environ["wsgi.input"]
    left = DRAINED_BODIES * current_app.config["MAX_BODY_BYTES"]
    while left > 0 and (chunk := source.read(min(left, 2**16))):
        left -= len(chunk)


def _too_large(request: Request, allowance: Allowance) -> Problem:
    if request.content_length is not None and request.content_length <= allowance.bytes:
        return Problem(
            "too_many_files",
            f"The form has too many parts; at most {allowance.files} files are read. Send several.",
        )
    return Problem(
        "too_large", f"The request is larger than {allowance.bytes:,} bytes. Send fewer or smaller files a request."
    )
