"""Run ``nomina`` and have it killed with SIGKILL when it calls a function for the n-th time.

    python killed_run.py MODULE:FUNCTION N before|after ARGUMENTS…

Not a test itself; the tests run it as a process of its own.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
from typing import Any

import torch


def kill_at(place: str, n: int, when: str) -> None:
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
    _, place, n, when, *arguments = sys.argv
    torch.set_num_threads(1)
    from nomina.cli import main

    if place != "-":
        kill_at(place, int(n), when)
    sys.argv = ["nomina", *arguments]
    main()
