"""The process: a socket, uvicorn, and an end in good order."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from concurrent.futures import Future
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from nomina.errors import ConfigError
from nomina.serving.batching import Batcher
from nomina.serving.protocol import protocol
from nomina.serving.settings import Limits

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["Server", "bind", "build_server", "serve", "url_of"]

_BACKLOG = 1024
_KEEP_ALIVE_S = 30
_SWITCH_S = 0.0005


def bind(host: str, port: int) -> socket.socket:
    """A socket that does not listen yet.

    Args:
        host: Name or address.
        port: 0 for a free one.

    Raises:
        ConfigError: If the address is in use, or cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, proto, _, address = found[0]
        sock = socket.socket(family, kind, proto)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except (OSError, OverflowError) as error:
        raise _no_socket(host, port, error) from error
    sock.set_inheritable(False)
    return sock


def _no_socket(host: str, port: int, error: Exception) -> ConfigError:
    found = f"found that {host}:{port} cannot be had ({error})"
    return ConfigError([f"--host, --port: expected a free address, {found}; --port 0 takes any free port"])


def url_of(sock: socket.socket) -> str:
    """Where a server on a socket is reached from."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(app: FastAPI, sock: socket.socket, on_start: Callable[[], None] | None = None) -> None:
    """Serve until a signal ends it.

    Args:
        app: From :func:`nomina.serving.app.create_app`.
        sock: From :func:`bind`.
        on_start: Is called when the socket listens.

    Raises:
        ConfigError: If another process listens there by now.
    """
    # The event loop and the worker share the interpreter; by default each may keep the other waiting for 5 ms.
    sys.setswitchinterval(_SWITCH_S)
    server = build_server(app, on_start)
    try:
        server.run(sockets=[sock])
    except OSError as error:
        if server.started:
            raise
        host, port = sock.getsockname()[:2]
        raise _no_socket(host, port, error) from error


def build_server(app: FastAPI, on_start: Callable[[], None] | None = None) -> Server:
    """A server of an application, ready for ``run(sockets=[…])``.

    Args:
        app: From :func:`nomina.serving.app.create_app`.
        on_start: Is called when the socket listens.
    """
    limits: Limits = app.state.settings.limits
    config = uvicorn.Config(
        app,
        http=protocol(limits),
        loop="asyncio",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    return Server(config, app.state.batcher, on_start)


class Server(uvicorn.Server):
    """uvicorn, which ends differently: what was accepted is finished while new requests are told to come back.

    Args:
        config: uvicorn's.
        batcher: The application's queue.
        on_start: Is called when the socket listens.
    """

    def __init__(self, config: uvicorn.Config, batcher: Batcher, on_start: Callable[[], None] | None = None) -> None:
        super().__init__(config)
        self._on_start = on_start
        self._batcher = batcher
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: Future[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self._on_start is not None:
            self._on_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in good order; at once on a second signal."""
        if self._end is not None or self._loop is None:
            self.should_exit = self.force_exit = True
            return
        self._batcher.close()
        self._end = asyncio.run_coroutine_threadsafe(self._drain(), self._loop)  # the loop may be asleep

    async def _drain(self) -> None:
        await self._batcher.finished()
        self.should_exit = True
