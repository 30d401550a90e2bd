"""The worker that gunicorn runs: requests come in without a thread, and a thread gets them whole.

gunicorn's own threaded worker gives a thread to each connection that speaks, and the thread waits for the rest: a few
clients on slow lines, or who are slow on purpose, hold all threads, and nobody else is answered. Here the loop that
accepts connections also collects what they send, as a proxy in front would, so a slow client costs a socket and the
bytes that have come.
"""

import logging
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final

from gunicorn import http
from gunicorn.workers import gthread

HEAD_BYTES: Final = 2**16
"""A head that is longer is passed on as it is, for gunicorn to refuse."""

CHUNK: Final = 2**18

END_OF_CHUNKS: Final = b"0\r\n\r\n"

SPARE_THREADS: Final = 6
"""Beside those of requests that run or wait: they answer health checks meanwhile."""

SEND_SECONDS: Final = 15.0
"""How long a client may leave its answer lying."""


class Arrival:
    """A client's socket, with what has come of the next request. Stands in for the socket where gunicorn reads."""

    def __init__(self, client: socket.socket) -> None:
        self.socket = client
        self.expire(0, 0)
        self._chunks: deque[bytes] = deque()
        self.reset()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.socket, name)

    def reset(self) -> bytes:
        """Wait for the next request; returns what has come of it already."""
        rest = b"".join(self._chunks)
        self._chunks.clear()
        self._head = b""
        self._wanted: int | None = None
        self._chunked = False
        self.received = 0
        self.began = time.monotonic()
        return rest

    def expire(self, seconds: float, bytes_a_second: float) -> None:
        """Set how long a request may take to come: so many seconds, and longer in the measure of what has come."""
        self._seconds, self._rate = seconds, bytes_a_second

    @property
    def deadline(self) -> float:
        """On the monotonic clock: when what has come by then must be whole."""
        return self.began + self._seconds + (self.received / self._rate if self._rate else 0)

    def setblocking(self, blocking: bool) -> None:
        """A thread may wait for its client, but not for ever."""
        self.socket.settimeout(SEND_SECONDS if blocking else 0)

    def recv(self, size: int) -> bytes:
        """What gunicorn's parser reads: first what has come, then from the socket."""
        if not self._chunks:
            return self.socket.recv(size)
        chunk = self._chunks.popleft()
        if len(chunk) > size:
            self._chunks.appendleft(chunk[size:])
        return chunk[:size]

    def collect(self) -> bool:
        """Take what has come. Returns whether the request is whole, or nothing more will come.

        Raises:
            OSError: the connection broke.
        """
        chunk = self.socket.recv(CHUNK)
        if not chunk:
            raise ConnectionResetError  # the client left in the middle, or after its last request
        if not self._chunks:
            self.began = time.monotonic()
        self._chunks.append(chunk)
        self.received += len(chunk)
        if self._wanted is None and not self._chunked:
            self._head += chunk
            self._look_at_head()
        return self._whole()

    def _look_at_head(self) -> None:
        head, found, _ = self._head.partition(b"\r\n\r\n")
        if not found:
            if len(self._head) > HEAD_BYTES:
                self._wanted = 0
            return
        self._wanted = len(head) + 4
        for line in head.lower().split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name == b"content-length":
                self._wanted += int(value) if value.strip().isdigit() else 0
            elif name == b"transfer-encoding":
                self._chunked = True
            elif name == b"expect":  # somebody must first tell the client to go on
                self._wanted = 0
        self._head = b""

    def _whole(self) -> bool:
        if self._chunked:
            last = self._chunks[-1]
            if len(last) < len(END_OF_CHUNKS) and len(self._chunks) > 1:
                last = self._chunks[-2] + last
            return last.endswith(END_OF_CHUNKS)
        return self._wanted is not None and self.received >= self._wanted


def discreet(record: logging.LogRecord) -> bool:
    """A filter of gunicorn's log, which else quotes what was sent: a line that is no HTTP, an address, an error."""
    for beginning in ("Invalid request", "Error handling request"):
        if record.getMessage().startswith(beginning):
            record.msg, record.args = beginning, ()
    if record.exc_info and record.exc_info[0]:
        record.msg = f"{record.msg}: {record.exc_info[0].__name__}"
        record.exc_info = record.exc_text = None
    return True


class Worker(gthread.ThreadWorker):
    """gunicorn's threaded worker, but that a request gets its thread when it is whole."""

    SECONDS: Final = 15.0
    BYTES_A_SECOND: Final = 2.0**15
    """A request has so many seconds to come, and as many more as its bytes take at this rate."""

    MOST_COLLECTED: Final = 600 * 2**20
    """Bytes of all requests that are coming in; above it, one that speaks gets a thread, which waits for its rest."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arriving: dict[int, gthread.TConn] = {}

    def init_process(self) -> None:
        """Begin, in the worker's own process."""
        self.log.error_log.addFilter(discreet)
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application, and have a thread for each request that its queues let run or wait."""
        super().load_wsgi()
        size = sum(self.wsgi.extensions[name].size for name in ("queue", "studies"))
        self.tpool = ThreadPoolExecutor(size + SPARE_THREADS)

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, and wait for its request without a thread."""
        try:
            client, address = listener.accept()
        except OSError:  # another worker was faster, or the client has left
            return
        arrival = Arrival(client)
        arrival.expire(self.SECONDS, self.BYTES_A_SECOND)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conn = gthread.TConn(self.cfg, arrival, address, listener.getsockname())
        conn.initialized, conn.data_ready = True, True
        conn.parser = http.get_parser(self.cfg, arrival, address)
        self.nr_conns += 1
        self._await(conn, self.poller.register)

    def finish_request(self, conn: gthread.TConn, future: Any) -> None:
        """A thread is done with a request: wait for the next, or close."""
        keep = not future.cancelled() and future.exception() is None and future.result()
        if not keep:
            self.nr_conns -= 1
            conn.close()
            return
        behind = conn.parser.unreader.take_buffered() + conn.sock.reset()
        if behind:  # the client did not wait for its answer
            conn.parser.unreader.unread(behind)
            self.enqueue_req(conn)
            return
        conn.set_timeout()
        if not self.alive:
            conn.timeout = min(conn.timeout, time.monotonic() + gthread.STOP_KEEPALIVE_LINGER)
        self.keepalived_conns.append(conn)
        conn.sock.setblocking(False)
        self.poller.register(conn.sock.socket, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))

    def on_client_socket_readable(self, conn: gthread.TConn, client: Any) -> None:
        """A kept-alive connection speaks again."""
        self.keepalived_conns.remove(conn)
        self._await(conn, self.poller.modify)
        self._collect(conn, client)

    def murder_pending(self) -> None:
        """Close what takes too long to come."""
        now = time.monotonic()
        for conn in [conn for conn in self._arriving.values() if conn.sock.deadline < now]:
            self._drop(conn)

    def _await(self, conn: gthread.TConn, watch: Callable[..., Any]) -> None:
        conn.sock.setblocking(False)
        conn.sock.began = time.monotonic()
        self._arriving[id(conn)] = conn
        watch(conn.sock.socket, selectors.EVENT_READ, partial(self._collect, conn))

    def _collect(self, conn: gthread.TConn, _: Any) -> None:
        try:
            whole = conn.sock.collect()
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._drop(conn)
            return
        if whole or sum(other.sock.received for other in self._arriving.values()) > self.MOST_COLLECTED:
            self._forget(conn)
            self.enqueue_req(conn)

    def _forget(self, conn: gthread.TConn) -> None:
        del self._arriving[id(conn)]
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock.socket)

    def _drop(self, conn: gthread.TConn) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()
