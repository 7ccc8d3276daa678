"""Runs of ``nomina`` in processes of their own that are killed with SIGKILL where a function is called.

They are forked from one process that has imported everything, so that starting one takes no time.

    python killed_run.py ARGUMENTS…

is a run that nothing kills, in a process that has nothing in common with the others.
"""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any, NamedTuple

import torch

import nomina.workflow  # noqa: F401 - what takes long to import
from commands import Result
from nomina.cli import main

__all__ = ["NEVER", "Kill", "run"]


class Kill(NamedTuple):
    """When to kill: ``"before"`` or ``"after"`` the n-th call of ``MODULE:FUNCTION``."""

    place: str
    n: int
    when: str


NEVER = Kill("-", 0, "-")

_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(["killed_run"])


def run(kill: Kill, arguments: list[str], log: Path) -> Result:
    """Run a command; its code is that of :mod:`subprocess`.

    Args:
        kill: When to kill it.
        arguments: Those of ``nomina``.
        log: File for what it writes.
    """
    process = _FORKED.Process(target=_run, args=(kill, arguments, log))
    process.start()
    process.join(300)
    assert process.exitcode is not None, "it hangs"
    return Result(process.exitcode, "", log.read_text(encoding="utf-8"))


def _run(kill: Kill, arguments: list[str], log: Path) -> None:
    with log.open("wb") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    _command(kill, arguments)


def _command(kill: Kill, arguments: list[str]) -> None:
    torch.set_num_threads(1)
    if kill != NEVER:
        _kill_at(*kill)
    sys.argv = ["nomina", *arguments]
    main()


def _kill_at(place: str, n: int, when: str) -> None:
    module_name, _, path = place.partition(":")
    owner: Any = importlib.import_module(module_name)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    function = getattr(owner, name)
    calls = 0

    @functools.wraps(function)
    def patched(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == n and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if calls == n:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, patched)


if __name__ == "__main__":
    _command(NEVER, sys.argv[1:])
