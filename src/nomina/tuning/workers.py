"""Where the workers of a search run: as processes of this machine, or wherever a :class:`Workers` puts them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import torch

from nomina.tuning.worker import PARENT, STORAGE

__all__ = ["LocalWorkers", "Workers"]

_MOMENT_S = 1.5


class Workers(Protocol):
    """Where workers run."""

    def start(self, index: int) -> None:
        """Start the worker with this index, from 0."""

    def ended(self) -> dict[int, str | None]:
        """Workers that have ended since the last call: why, or ``None`` if the search was over for them.

        A reason that starts with ``"error: "`` is a message for people: starting the worker anew would not help.
        """

    def stop(self) -> None:
        """End all that still run."""


class LocalWorkers:
    """Workers as processes of this machine, each with a GPU of its own where there are several.

    Args:
        folder: Output folder of the search.
        storage: Its storage.
    """

    def __init__(self, folder: Path, storage: str | None) -> None:
        self.folder = folder
        self.storage = storage
        self.processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, index: int) -> None:
        """Start a process."""
        environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", PARENT: str(os.getpid())}
        if self.storage is not None:
            environment[STORAGE] = self.storage
        gpus = _gpus()
        if len(gpus) > 1:
            environment["CUDA_VISIBLE_DEVICES"] = gpus[index % len(gpus)]
        log = self.folder / "workers" / f"{index}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self.processes[index] = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "nomina.tuning", str(self.folder)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def ended(self) -> dict[int, str | None]:
        """See :class:`Workers`."""
        codes = {index: process.poll() for index, process in self.processes.items()}
        found = {index: self._why(index, code) for index, code in codes.items() if code is not None}
        for index in found:
            del self.processes[index]
        return found

    def _why(self, index: int, code: int) -> str | None:
        if code == 0:
            return None
        if code < 0:
            return f"killed by signal {-code}"
        lines = (self.folder / "workers" / f"{index}.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else f"exit code {code}"

    def stop(self) -> None:
        """See :class:`Workers`."""
        # Where the search is over, they are about to end of themselves, and leave no interruption in their logs.
        deadline = time.monotonic() + _MOMENT_S
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
        self.processes.clear()


def _gpus() -> list[str]:
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen:
        return chosen.split(",")
    return [str(i) for i in range(torch.cuda.device_count())]
