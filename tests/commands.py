"""Commands as a user types them, and what they came to."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

__all__ = ["Result", "in_folder"]


class Result(NamedTuple):
    code: int
    out: str
    err: str


def in_folder(command: list[str], folder: Path) -> str:
    """Run a command of the page's reader in a folder; returns what it wrote. Its ``nomina`` and ``python`` are those of
    :mod:`at_hand`."""
    from at_hand import programs

    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
        env={**os.environ, "PATH": f"{programs()}{os.pathsep}{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
