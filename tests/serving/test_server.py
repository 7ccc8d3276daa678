"""The socket, and the end in good order."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from nomina.errors import ConfigError
from nomina.inference import Predictor
from nomina.serving.app import create_app
from nomina.serving.server import Server, bind, build_server, serve, url_of
from servers import Client, eventually


@contextmanager
def started(predictor: Predictor) -> Iterator[tuple[Server, int, threading.Thread]]:
    """A server that nothing but the test ends."""
    sock = bind("127.0.0.1", 0)
    server = build_server(create_app(predictor))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    yield server, sock.getsockname()[1], thread
    thread.join(timeout=30)
    assert not thread.is_alive()


def test_a_signal_ends_it_when_all_is_answered(gated: Any) -> None:
    with started(gated) as (server, port, thread), ThreadPoolExecutor(2) as threads:
        kept = Client(port)
        assert kept.ask("GET", "/ready").status == 200
        accepted = threads.submit(Client(port).predict, {"words": ["accepted"]})
        eventually(lambda: gated.asked)
        server.handle_exit(signal.SIGTERM, None)
        for client in (kept, Client(port)):
            answer = client.predict({"words": ["late"]})
            assert (answer.status, answer.json["error"]["kind"]) == (503, "busy")
            assert client.ask("GET", "/ready").status == 503
            assert client.ask("GET", "/health").status == 200
        assert thread.is_alive()
        gated.gate.set()
        assert accepted.result().status == 200
        thread.join(timeout=20)
        assert gated.asked == [["accepted"]]
        with pytest.raises(ConnectionRefusedError):
            Client(port).ask("GET", "/health")


def test_a_second_signal_ends_it_at_once(gated: Any) -> None:
    with started(gated) as (server, port, thread), ThreadPoolExecutor(1) as threads:
        accepted = threads.submit(Client(port).predict, {"words": ["accepted"]})
        eventually(lambda: gated.asked)
        server.handle_exit(signal.SIGTERM, None)
        server.handle_exit(signal.SIGTERM, None)
        eventually(lambda: not server.servers[0].is_serving())
        gated.gate.set()  # a batch that has begun cannot be left
        thread.join(timeout=20)
        assert accepted.exception() is not None or accepted.result().status == 200


def test_addresses_that_cannot_be_had() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port} cannot be had"):
            bind("127.0.0.1", port)
    with pytest.raises(ConfigError, match="cannot be had"):
        bind("no.such.host.invalid", 0)


def test_an_address_that_is_taken_before_it_listens(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise OSError(98, "Address already in use")

    before = sys.getswitchinterval()
    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "create_server", refuse)
    with bind("127.0.0.1", 0) as sock, pytest.raises(ConfigError, match=r"cannot be had .*already in use"):
        serve(create_app(predictor), sock)
    sys.setswitchinterval(before)


def test_urls() -> None:
    with bind("127.0.0.1", 0) as sock:
        assert url_of(sock) == f"http://127.0.0.1:{sock.getsockname()[1]}"
    if socket.has_ipv6:
        with bind("::1", 0) as sock:
            assert url_of(sock) == f"http://[::1]:{sock.getsockname()[1]}"
