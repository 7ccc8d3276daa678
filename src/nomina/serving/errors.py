"""What a request comes to if it does not come to an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["MOST_SHOWN", "RequestError", "shown_faults"]

MOST_SHOWN = 300
"""Characters of a message; what a client sent may be quoted in it."""

_MOST_FAULTS = 5
_LONGEST_NAME = 40


class RequestError(Exception):
    """A request that is refused or failed.

    Args:
        status: HTTP status.
        kind: Short stable name, for programs.
        message: What was expected, what was found and what to do, for people.
        headers: More headers of the answer.
    """

    def __init__(self, status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message if len(message) <= MOST_SHOWN else f"{message[: MOST_SHOWN - 1]}…"
        self.headers = dict(headers or {})

    @classmethod
    def busy(cls, message: str, retry_after_s: float) -> RequestError:
        """The server is full or about to end; the client shall come back."""
        return cls(503, "busy", message, {"Retry-After": str(max(1, round(retry_after_s)))})


def shown_faults(faults: Iterable[Mapping[str, Any]]) -> str:
    """What is wrong with a request's body and where, in one line.

    Args:
        faults: From ``ValidationError.errors()``.
    """
    lines = [f"{_place(fault['loc'])}: {fault['msg']}" for fault in faults]
    more = [f"and {len(lines) - _MOST_FAULTS} more"] if len(lines) > _MOST_FAULTS else []
    return "; ".join([*lines[:_MOST_FAULTS], *more])


def _place(location: Iterable[int | str]) -> str:
    """Where a fault is, such as ``inputs.3.pos``; names that a client made up are cut short."""
    parts = list(location)[1:]  # the first says which kind of request it was taken for
    if parts[:1] == ["inputs"]:
        del parts[2:3]  # ... and this, which kind of item
    names = [str(part)[:_LONGEST_NAME] for part in parts]
    return ".".join(names) or "body"
