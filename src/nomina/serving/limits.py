"""Reading what a client sends: no more than agreed, no longer than agreed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from starlette.requests import ClientDisconnect, Request

from nomina.serving.errors import RequestError
from nomina.serving.settings import Limits

__all__ = ["Bodies", "Held", "gone"]


class Held:
    """The bytes of one request that count against the budget of all."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.n_bytes = 0

    def add(self, n_bytes: int) -> None:
        """Count more of them."""
        self.n_bytes += n_bytes
        self._bodies.n_bytes += n_bytes


class Bodies:
    """Reads bodies and bounds how much memory they take in all.

    Args:
        limits: What the server takes on.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._most = limits.max_bodies * limits.max_body_bytes
        self.n_bytes = 0
        """Bytes of all requests that are being worked on."""

    @contextmanager
    def hold(self) -> Iterator[Held]:
        """Within, a request's bytes count."""
        held = Held(self)
        try:
            yield held
        finally:
            self.n_bytes -= held.n_bytes

    async def read(self, request: Request, held: Held) -> bytes:
        """Read a request's body.

        Args:
            request: The request; nothing of it was read.
            held: Where its bytes count.

        Raises:
            RequestError: 408 if it takes too long, 413 if it is too large, 415 if it is no JSON by its header, 499 if
                the client goes, 503 if the bodies of others fill the memory.
        """
        self._check_head(request)
        body = bytearray()
        with anyio.move_on_after(self._limits.read_timeout_s):
            try:
                async for chunk in request.stream():
                    held.add(len(chunk))
                    body += chunk
                    if len(body) > self._limits.max_body_bytes:
                        raise self._too_large()
                    if self.n_bytes > self._most:
                        raise RequestError.busy("too many large requests at a time; try again later", 1)
            except ClientDisconnect as error:
                raise gone() from error
            return bytes(body)
        raise RequestError(
            408, "slow", f"expected the whole body within {self._limits.read_timeout_s:g} s, got {len(body):,} bytes"
        )

    def _check_head(self, request: Request) -> None:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            # Pages of other origins can send all else without asking first.
            raise RequestError(415, "wrong_type", "expected a body of Content-Type: application/json")
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._limits.max_body_bytes:
            raise self._too_large()

    def _too_large(self) -> RequestError:
        return RequestError(
            413, "too_large", f"expected a body of at most {self._limits.max_body_bytes:,} bytes; send less at once"
        )


def gone() -> RequestError:
    """The client has gone; nobody will read this, but it is counted."""
    return RequestError(499, "gone", "the client closed the connection")
