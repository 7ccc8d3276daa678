"""What a command of the command line came to."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Result"]


class Result(NamedTuple):
    code: int
    out: str
    err: str
