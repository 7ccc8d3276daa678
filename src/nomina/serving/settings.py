"""How a server behaves, and what it takes on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from nomina.errors import ConfigError
from nomina.inference import TagUse

__all__ = ["Limits", "ServeSettings"]

_LONGEST_TOKEN = 4096
_ORIGIN = re.compile(r"https?://[^/\s]+")


@dataclass(frozen=True)
class Limits:
    """What a server takes on before it refuses.

    Attributes:
        max_body_bytes: Bytes of one request's body.
        max_words: Words of one request.
        max_queue: Words of all requests that wait or are being labelled.
        timeout_s: Seconds from a whole request to its answer.
        read_timeout_s: Seconds from a request's first byte to its last, and for a client to take its answer.
        max_connections: Connections at a time.
        max_bodies: Bodies of the largest size that are held in memory at a time, counted by their bytes.
    """

    max_body_bytes: int = 1 << 20
    max_words: int = 10_000
    max_queue: int = 50_000
    timeout_s: float = 30.0
    read_timeout_s: float = 10.0
    max_connections: int = 512
    max_bodies: int = 32


@dataclass(frozen=True)
class ServeSettings:
    """How a server behaves.

    Attributes:
        token: What clients must show as ``Authorization: Bearer …``; ``None`` lets everybody in.
        cors: Origins whose pages may ask, such as ``https://example.org``; ``*`` for all.
        limits: What it takes on.
        batch_pieces: Word pieces that are labelled at once, about.
        batch_wait_s: The longest that work waits for company, in seconds; an idle server never waits.
        tags: Which part-of-speech tags to read where a request does not say.
        language: Of texts, for cutting them into sentences and words: an ISO 639 code.

    Raises:
        ConfigError: Every setting that cannot be, at once.
    """

    token: str | None = field(default=None, repr=False)
    cors: tuple[str, ...] = ()
    limits: Limits = Limits()
    batch_pieces: int = 1024
    batch_wait_s: float = 0.003
    tags: TagUse = "auto"
    language: str = "en"

    def __post_init__(self) -> None:
        faults = [*self._faults()]
        if faults:
            raise ConfigError(faults)

    def _faults(self) -> list[str]:
        limits, faults = self.limits, []
        for name, value in {**vars(limits), "batch_pieces": self.batch_pieces}.items():
            if value <= 0:
                faults.append(f"{name}: expected a number above 0, found {value}")
        if self.batch_wait_s < 0:
            faults.append(f"batch_wait_s: expected 0 or more, found {self.batch_wait_s}")
        if limits.max_queue < limits.max_words:
            faults.append(
                f"max_queue: expected room for the largest request, {limits.max_words:,} words, found "
                f"{limits.max_queue:,}; raise it or lower max_words"
            )
        wrong = [origin for origin in self.cors if origin != "*" and not _ORIGIN.fullmatch(origin)]
        faults += [f"cors: expected an origin such as https://example.org, found {origin!r}" for origin in wrong]
        if self.token is not None and not _is_token(self.token):
            faults.append("token: expected printable ASCII characters without blanks, found others or none")
        return faults


def _is_token(token: str) -> bool:
    """Whether a token can stand in a header."""
    return 0 < len(token) <= _LONGEST_TOKEN and token.isascii() and token.isprintable() and " " not in token
