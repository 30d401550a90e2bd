"""Studies that wait for a worker, and their answers: encrypted, in Redis, for minutes.

    covidscanner:study:<id>           hash: state, progress, attempts. A study exists as long as this does
    covidscanner:study:<id>:payload   list: what was sent, in pieces; gone as soon as there is an answer
    covidscanner:study:<id>:answer    the answer

Every piece is sealed by AES-256-GCM under the key of the settings, and bound to its study and its place. Redis learns
how large a study is and how far it is read, nothing of the patient.
"""

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

import redis
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.payload import Answer, Payload, Standing

PIECE: Final = 2**20
"""Bytes that are sealed together."""

NONCE: Final = 12
"""Bytes; NIST SP 800-38D, 8.2."""

ATTEMPTS: Final = 3
"""How often a study is begun: one that ends its worker each time must not go round for ever."""

CONNECT_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 10.0

# Ends a study, where it has not ended before: the answer is stored once, whoever else read the same study.
_FINISH: Final = """
if redis.call('HEXISTS', KEYS[1], 'state') == 0 or redis.call('HGET', KEYS[1], 'state') == 'done' then return 0 end
redis.call('SET', KEYS[3], ARGV[1], 'EX', ARGV[2])
redis.call('HSET', KEYS[1], 'state', 'done')
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[2])
return 1
"""

# Sets fields of a study that is there and has not ended: a cancelled one must not come back.
_UPDATE: Final = """
if redis.call('HEXISTS', KEYS[1], 'state') == 0 or redis.call('HGET', KEYS[1], 'state') == 'done' then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
"""


class Vault:
    """The studies in one Redis. Methods raise `redis.RedisError` where it cannot be reached or is full.

    Args:
        url: of Redis.
        key: 32 bytes.
        seconds: after which a study, and later its answer, is gone.
    """

    def __init__(self, url: str, key: bytes, seconds: int) -> None:
        # Any: redis-py's types do not tell the blocking client from the asynchronous one.
        self._redis: Any = redis.Redis.from_url(
            url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=ANSWER_SECONDS, health_check_interval=5
        )
        self._cipher = AESGCM(key)
        self._seconds = seconds
        self._finish = self._redis.register_script(_FINISH)
        self._update = self._redis.register_script(_UPDATE)

    def put(self, study: str, payload: Payload) -> None:
        """Keep a study until a worker takes it. It exists when all of it is there."""
        status, pieces, _ = _keys(study)
        head = {"query": payload.query, "series": payload.series, "request_id": payload.request_id}
        files = [(name, len(data)) for name, data in payload.files]
        for place, piece in enumerate(_pieces({**head, "files": files}, payload.files)):
            self._redis.rpush(pieces, self._sealed(piece, f"{study}/{place}"))
            self._redis.expire(pieces, self._seconds)
        self._redis.hset(status, "state", "queued")
        self._redis.expire(status, self._seconds)

    def take(self, study: str) -> Payload | None:
        """What was sent, to be read now; None where the study was cancelled, expired, or has its answer.

        Raises:
            TooManyAttemptsError: reading it ended its worker each time.
        """
        status, pieces, _ = _keys(study)
        if not self._update([status], ["state", "running"]):
            return None
        if self._redis.hincrby(status, "attempts", 1) > ATTEMPTS:
            raise TooManyAttemptsError
        count = self._redis.llen(pieces)
        opened = [self._opened(self._redis.lindex(pieces, place), f"{study}/{place}") for place in range(count)]
        if None in opened or not opened:
            return None
        head, *rest = [piece for piece in opened if piece is not None]
        members = json.loads(head)
        files = list(_files(members.pop("files"), iter(rest)))
        return Payload(**members, files=files)

    def report(self, study: str, progress: dict[str, Any]) -> bool:
        """Note how far a study is; False where nobody waits for it any more."""
        return bool(self._update([_keys(study)[0]], ["progress", json.dumps(progress)]))

    def finish(self, study: str, answer: Answer) -> bool:
        """Keep the answer and forget the files; False where there was an answer before, or nobody waits for one."""
        sealed = self._sealed(json.dumps([answer.status, answer.body]).encode(), f"{study}/answer")
        return bool(self._finish(list(_keys(study)), [sealed, self._seconds]))

    def look(self, study: str) -> Standing | None:
        """How far a study is; None where there is none of this id."""
        status, _, answer = _keys(study)
        fields = self._redis.hgetall(status)
        if b"state" not in fields:
            return None
        progress = json.loads(fields[b"progress"]) if b"progress" in fields else None
        opened = self._opened(self._redis.get(answer), f"{study}/answer")
        return Standing(fields[b"state"].decode(), progress, Answer(*json.loads(opened)) if opened else None)

    def delete(self, study: str) -> bool:
        """Forget all of a study; False where there was none. A worker that reads it stops."""
        return bool(self._redis.delete(*_keys(study)))

    def _sealed(self, plain: bytes, place: str) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, place.encode())

    def _opened(self, sealed: bytes | None, place: str) -> bytes | None:
        """The plain text; None where there is none, or it was sealed by another key or for another place."""
        if sealed is None:
            return None
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], place.encode())
        except InvalidTag:
            return None


class TooManyAttemptsError(Exception):
    """Reading a study ended its worker each time."""


def _keys(study: str) -> tuple[str, str, str]:
    status = f"covidscanner:study:{study}"
    return status, f"{status}:payload", f"{status}:answer"


def _pieces(head: dict[str, Any], files: Sequence[tuple[str, bytes]]) -> Iterator[bytes]:
    yield json.dumps(head).encode()
    for _, data in files:
        for begin in range(0, len(data), PIECE):
            yield data[begin : begin + PIECE]


def _files(described: Sequence[tuple[str, int]], pieces: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    for name, size in described:
        yield name, b"".join(next(pieces) for _ in range(0, size, PIECE))
