"""Around every request: a number, safe headers, an answer whatever happens, one line in the log, counts."""

from __future__ import annotations

import json
import logging
import traceback
from itertools import count
from time import monotonic, time
from typing import Any

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nomina.serving.errors import RequestError
from nomina.serving.metrics import Metrics

__all__ = ["LOGGER", "Envelope", "error_body"]

LOGGER = logging.getLogger("nomina.serving")

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_LINGER_S = 1.0
_MOST_LINGERING = 4 << 20
# Their messages come from the machine and its libraries, never from a text.
_TELLING = (RuntimeError, OSError, MemoryError)


def error_body(kind: str, message: str) -> bytes:
    """JSON of an answer that is none."""
    return json.dumps({"error": {"message": message, "kind": kind}}, ensure_ascii=False).encode()


class Envelope:
    """Wraps an application.

    An answer that comes before the whole body was read ends the connection, and what the client is still sending is
    taken for a moment: else the answer would be lost with the connection.

    Args:
        app: The application.
        metrics: Is told of every request.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, next(self._numbers))
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:
            await exchange.fail(error)
        finally:
            seconds = monotonic() - exchange.start
            self._metrics.request_done(exchange.route, exchange.status, seconds)
            exchange.log(seconds)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, number: int) -> None:
        self.start = monotonic()
        self.status = 499
        self.number = number
        self._scope = scope
        self._receive = receive
        self._send = send
        self._n_bytes = 0
        self._started = False
        headers = dict(scope["headers"])
        self._unread = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"

    @property
    def route(self) -> str:
        """Path of the route; what was asked for itself may hold anything, and any number of things."""
        path: str = getattr(self._scope.get("route"), "path", "other")
        return path

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._unread = False
        else:
            self._n_bytes += len(message.get("body", b""))
            self._unread = self._unread and message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            self.status = message["status"]
            own = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(pair for pair in _HEADERS if pair[0] not in own)]
            if self._unread:
                message["headers"].append((b"connection", b"close"))
        elif self._unread and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _linger(self) -> None:
        most = self._n_bytes + _MOST_LINGERING
        with anyio.move_on_after(_LINGER_S):
            while self._unread and self._n_bytes < most:
                await self.receive()

    async def fail(self, error: Exception) -> None:
        """Answer after a mistake of ours; the client learns its number, the log where it was."""
        name = type(error).__name__
        told = f"{name}: {error}" if isinstance(error, _TELLING) else name
        stack = "".join(traceback.format_tb(error.__traceback__))
        LOGGER.error("request %d failed: %s\n%s", self.number, told, stack)
        if not self._started:  # else the connection ends in the middle of the answer
            message = f"the server failed; its log says more about request {self.number}"
            await self.answer(RequestError(500, "failed", message))

    async def answer(self, error: RequestError) -> None:
        body = error_body(error.kind, error.message)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self.send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    def log(self, seconds: float) -> None:
        """One line of JSON, without anything of the request's content."""
        if not LOGGER.isEnabledFor(logging.INFO):
            return
        facts: dict[str, Any] = {
            "time": round(time(), 3),
            "request": self.number,
            "client": (self._scope.get("client") or ("?",))[0],
            "method": self._scope["method"],
            "route": self.route,
            "status": self.status,
            "ms": round(seconds * 1000, 1),
            "bytes": self._n_bytes,
            "words": self._scope.get("nomina.words", 0),
        }
        LOGGER.info(json.dumps(facts))
