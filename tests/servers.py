"""Servers on real sockets, and clients that may do what no library would."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from fastapi import FastAPI

__all__ = ["Answer", "Client", "eventually", "parse", "raw_exchange", "running"]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One connection that is kept alive."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, content: Any = None, **headers: str) -> Answer:
        body = None if content is None else content if isinstance(content, bytes) else json.dumps(content).encode()
        sent = {
            "Content-Type": "application/json",
            **self.headers,
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        self.connection.request(method, path, body, sent)
        response = self.connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def predict(self, content: Any, **headers: str) -> Answer:
        return self.ask("POST", "/predict", content, **headers)


@contextmanager
def running(app: FastAPI) -> Iterator[int]:
    """An application on a free port, as ``nomina serve`` runs it; yields the port."""
    from nomina.serving.server import bind, build_server

    sock = bind("127.0.0.1", 0)
    server = build_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    try:
        yield sock.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        assert not thread.is_alive(), "the server did not end"


def parse(received: bytes) -> Answer:
    """One answer, as it came."""
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(
        int(status.split()[1]), {name.lower(): value for name, value in headers.items()}, _whole(body, headers)
    )


def _whole(body: bytes, headers: dict[str, str]) -> bytes:
    assert len(body) == int(headers.get("content-length", len(body))), "the answer is cut off, or is more than one"
    return body


def eventually(holds: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def raw_exchange(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Send bytes as they are, with pauses between the parts; all that came until the server closed the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        for part in parts:
            try:
                sock.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(pause_s)
        received = b""
        try:
            while chunk := sock.recv(65536):
                received += chunk
        except ConnectionResetError:
            pass
    return received
