"""Hardly a server: a process a core that reads what a client sends, predicts, and answers with as many bytes as ours.

    python tests/benchmarks/servers/bare.py PORT WORKERS

No HTTP is read but the length of the body, no answer is made but one; clients are taken as they come, one at a time.
"""

import os
import selectors
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from model import bundle
from model.predictor import Predictor

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 700\r\n\r\n" + b" " * 700
"""About as long as an answer of ours, with its head."""


def serve(listener: socket.socket, predictor: Predictor) -> None:
    """Answer all clients, for ever."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                _accept(listener, selector)
            else:
                _answer(key.fileobj, selector, predictor)  # type: ignore[arg-type]


def _accept(listener: socket.socket, selector: selectors.BaseSelector) -> None:
    try:
        client, _ = listener.accept()
    except BlockingIOError:  # another process was faster
        return
    client.setblocking(True)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    selector.register(client, selectors.EVENT_READ)


def _answer(client: socket.socket, selector: selectors.BaseSelector, predictor: Predictor) -> None:
    head, _, body = client.recv(2**18).partition(b"\r\n\r\n")
    if not head:
        selector.unregister(client)
        client.close()
        return
    length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0] or 0)
    while len(body) < length:
        body += client.recv(2**18)
    if body:
        predictor.predict(body[body.index(b"\r\n\r\n") + 4 :])  # what follows the picture is not looked at
    client.sendall(ANSWER)


def main() -> None:
    """Load the network, then be as many processes as were asked for."""
    predictor = Predictor(bundle.load())
    predictor.warm_up()
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        listener.setblocking(False)
        for _ in range(int(sys.argv[2]) - 1):
            if os.fork() == 0:
                break
        serve(listener, predictor)


if __name__ == "__main__":
    main()
