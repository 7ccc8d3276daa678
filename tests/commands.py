"""Commands as a user types them, and what they came to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

__all__ = ["Result", "in_folder"]


class Result(NamedTuple):
    code: int
    out: str
    err: str


def in_folder(command: list[str], folder: Path) -> str:
    """Run a command of the page's reader in a folder; returns what it wrote."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=400, env={**os.environ, "PATH": path}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
