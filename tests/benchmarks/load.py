"""A client that costs little beside the server that it measures: raw sockets, requests made beforehand."""

import socket
import threading
import time
from dataclasses import dataclass
from statistics import quantiles

from tests.forms import form


def upload(data: bytes, path: str = "/predict", name: str = "slice") -> bytes:
    """The bytes of a request that uploads one file in a form, as a browser would."""
    sent = form([(name, data)])
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {sent['content_type']}\r\n"
    return head.encode() + f"Content-Length: {len(sent['data'])}\r\n\r\n".encode() + bytes(sent["data"])


@dataclass(frozen=True)
class Load:
    """What some clients met together."""

    rate: float
    """Answers with status 200 a second."""
    p50: float
    p99: float
    """Milliseconds from the first byte sent to the last received."""
    failures: int
    """Answers with another status, and connections that broke."""


class Connection:
    """A kept-alive connection; opened anew where the server closes it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, request: bytes) -> int:
        """Send one request and read its whole answer; returns the status."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        left = next(int(line[15:]) for line in lines if line.startswith(b"content-length:")) - len(body)
        while left > 0:
            left -= len(self._more())
        if b"connection: close" in lines:
            self.close()
        return int(head[9:12])

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._socket:
            self._socket.close()
        self._socket = None

    def _more(self) -> bytes:
        assert self._socket
        chunk = self._socket.recv(2**16)
        if not chunk:
            raise ConnectionError("the server closed the connection before its answer was whole")
        return chunk


def load(port: int, requests: list[bytes], clients: int, seconds: float) -> Load:
    """Let `clients` ask as fast as they are answered."""
    took: list[float] = []
    failures = 0
    end = time.perf_counter() + seconds

    def client(number: int) -> None:
        nonlocal failures
        connection = Connection(port)
        while (began := time.perf_counter()) < end:
            try:
                status = connection.ask(requests[number % len(requests)])
            except OSError:
                status = 0
                connection.close()
            number += 1
            if status == 200:
                took.append(time.perf_counter() - began)
            else:
                failures += 1
        connection.close()

    threads = [threading.Thread(target=client, args=[number]) for number in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - began
    cuts = quantiles(took, n=100) if len(took) > 1 else [float("nan")] * 99
    return Load(len(took) / passed, cuts[49] * 1000, cuts[98] * 1000, failures)
