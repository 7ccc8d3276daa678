"""HTTP of uvicorn, with what it does not bound: connections, headers, and the time that a client may take."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nomina.serving.middleware import error_body
from nomina.serving.settings import Limits

__all__ = ["BoundedProtocol", "protocol"]

_MOST_HEADER_BYTES = 32 * 1024
_GRACE_S = 2.0  # the application itself answers a body that comes too slowly, with reasons; this is for all else

_REFUSED = error_body("busy", "too many connections; try again later")
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_REFUSED), _REFUSED)
)

Wait = Literal["request", "answer"]
"""What a client may keep the server waiting with: its request, or taking the answer."""


def protocol(limits: Limits) -> type[BoundedProtocol]:
    """A protocol for uvicorn's ``http`` setting.

    Args:
        limits: What the server takes on: ``max_connections`` and ``read_timeout_s``.
    """
    return type("Protocol", (BoundedProtocol,), {"limits": limits})


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Clients that take too long lose theirs."""

    limits = Limits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fuses: dict[Wait, asyncio.TimerHandle] = {}
        self._n_header_bytes = 0
        self._in_headers = True

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.limits.max_connections:
            transport.write(_REFUSAL)
            transport.close()
        self._light("request")

    def connection_lost(self, exc: Exception | None) -> None:
        self._put_out("request")
        self._put_out("answer")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._in_headers:
            self._n_header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._n_header_bytes > _MOST_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("The headers are too large.")

    def on_message_begin(self) -> None:
        self._light("request")
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_headers, self._n_header_bytes = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_headers = True
        self._put_out("request")
        super().on_message_complete()

    def pause_writing(self) -> None:
        self._light("answer")
        super().pause_writing()

    def resume_writing(self) -> None:
        self._put_out("answer")
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._light("answer")  # what is left of an answer that nobody takes must not hold the connection

    def _light(self, wait: Wait) -> None:
        self._put_out(wait)
        self._fuses[wait] = self.loop.call_later(self.limits.read_timeout_s + _GRACE_S, self.transport.abort)

    def _put_out(self, wait: Wait) -> None:
        fuse = self._fuses.pop(wait, None)
        if fuse is not None:
            fuse.cancel()
