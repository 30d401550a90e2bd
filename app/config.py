"""Operations settings: one table, read from the environment as ``COVIDSCANNER_<NAME>``.

Facts about the network (labels, size, thresholds) are not settings: they are in the bundle's card.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from model.bundle import DEFAULT_FOLDER
from model.engine import ENGINES
from model.header import Limits
from model.images import MAX_PIXELS
from model.machine import ROOM, has_room

PREFIX: Final = "COVIDSCANNER_"

KEY_BYTES: Final = 32


class ConfigurationError(Exception):
    """A setting that the server cannot start with; the message names it and says what is allowed."""


@dataclass(frozen=True)
class Setting:
    """A row of the table. `parse` raises ValueError, with what is allowed, for a value that is not."""

    name: str
    default: Any
    parse: Callable[[str], Any]
    help: str
    secret: bool = False
    """Whether a message must not show the value."""


def _positive(text: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{,11}", text):
        raise ValueError("a whole number of at least 1")
    return int(text)


def _hops(text: str) -> int:
    if not re.fullmatch("[0-9]", text):
        raise ValueError("a whole number from 0 to 9")
    return int(text)


def _seconds(text: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{,4}", text):
        raise ValueError("a whole number of seconds, from 1 to 99999")
    return int(text)


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise ValueError("a folder that exists")
    return Path(text)


def _shared_folder(text: str) -> str:
    if not has_room(text):
        raise ValueError(f"a folder that exists and has {ROOM:,} bytes free")
    return text


def _engine(text: str) -> str:
    if text not in ENGINES:
        raise ValueError(" or ".join(ENGINES))
    return text


def _keys(text: str) -> list[str]:
    hashes = [key.strip().lower() for key in text.split(",") if key.strip()]
    if any(not re.fullmatch("[0-9a-f]{64}", key) for key in hashes):
        raise ValueError("SHA-256 hashes of keys, 64 hex digits each, separated by commas")
    return hashes


def _rate(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*/(second|minute|hour|day)", text):
        raise ValueError("a number a time, such as 600/minute")
    return text


def _is_redis(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # which quotes what may be a password
        return False


def _storage(text: str) -> str:
    if text != "memory://" and not _is_redis(text):
        raise ValueError("memory:// or the address of a Redis, such as redis://localhost:6379/0")
    return text


def _origins(text: str) -> list[str]:
    origins = [origin.strip() for origin in text.split(",") if origin.strip()]
    if any(origin != "*" and not origin.startswith(("http://", "https://")) for origin in origins):
        raise ValueError("origins such as https://pacs.example.org, separated by commas, or *")
    return origins


def _broker(text: str) -> str:
    if not _is_redis(text):
        raise ValueError("the address of a Redis, such as redis://localhost:6379/0")
    return text


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, altchars=b"-_" if "-" in text or "_" in text else None, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"{KEY_BYTES} random bytes in base64, such as `openssl rand -base64 {KEY_BYTES}` prints")
    return key


SETTINGS: Final = (
    Setting("BUNDLE", DEFAULT_FOLDER, _folder, "folder of the network to serve"),
    Setting("ENGINE", ENGINES[0], _engine, "what runs the network: onnx, or keras (needs TensorFlow; slower, larger)"),
    Setting("MAX_BODY_BYTES", 32 * 2**20, _positive, "largest request body"),
    Setting("MAX_FILES", 64, _positive, "most pictures in one request"),
    Setting("MAX_PIXELS", MAX_PIXELS, _positive, "most pixels (width × height) in one picture"),
    Setting("MAX_STUDY_BYTES", Limits.bytes, _positive, "largest study: request body, and what is packed in it"),
    Setting("MAX_STUDY_FILES", Limits.slices, _positive, "most files in a study, and most slices in a volume"),
    Setting("MAX_SECONDS", 25, _seconds, "longest time for a request of slices"),
    Setting("QUEUE", 32, _positive, "most requests of a process that wait for their turn; a further one gets 503"),
    Setting("STUDY_QUEUE", 4, _positive, "most studies of a process that wait while it reads one; each is in memory"),
    Setting("API_KEYS", [], _keys, "SHA-256 hashes of the keys that may ask; none by default: anybody may", True),
    Setting("RATE_LIMIT", "", _rate, "most requests of a client, such as 600/minute; none by default"),
    Setting("RATE_STORAGE", "memory://", _storage, "where requests are counted: each process, or a Redis", True),
    Setting("TRUSTED_PROXIES", 0, _hops, "proxies before the server whose X-Forwarded-For names the client"),
    Setting("METRICS_FOLDER", "", _shared_folder, "folder where the processes share counts; gunicorn makes one"),
    Setting("BROKER_URL", "", _broker, "Redis that hands studies to workers; none by default", True),
    Setting("STUDY_KEY", b"", _key, "key under which studies wait in Redis", True),
    Setting("STUDY_SECONDS", 120, _seconds, "longest time that reading a study may take"),
    Setting("STUDY_EXPIRY", 900, _seconds, "seconds after which a waiting study, and later its answer, is gone"),
    Setting("CORS_ORIGINS", [], _origins, "other sites whose pages may call the API; none by default"),
)


def read(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings by name, from the environment or by default.

    Raises:
        ConfigurationError: a value that is not allowed, or a ``COVIDSCANNER_`` name that is no setting.
    """
    names = {PREFIX + setting.name for setting in SETTINGS}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in names)
    if unknown:
        raise ConfigurationError(f"{unknown[0]} is no setting. There are: {', '.join(sorted(names))}.")
    values = {setting.name: _value(setting, environment) for setting in SETTINGS}
    if values["BROKER_URL"] and not values["STUDY_KEY"]:
        raise ConfigurationError(f"{PREFIX}BROKER_URL needs {PREFIX}STUDY_KEY, under which studies wait encrypted.")
    return values


def _value(setting: Setting, environment: Mapping[str, str]) -> Any:
    name = PREFIX + setting.name
    if name not in environment:
        return setting.default
    try:
        return setting.parse(environment[name])
    except ValueError as error:
        if setting.secret:
            raise ConfigurationError(f"{name} (its value is not shown) is not allowed; it takes {error}.") from None
        raise ConfigurationError(f"{name}={environment[name]!r} is not allowed; it takes {error}.") from None
