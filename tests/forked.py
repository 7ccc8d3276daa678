"""Commands of ``nomina`` in processes of their own that start at once, and are killed where a function is called.

They are forked from one process that has imported everything, which takes longer than most of what they do; so are the
workers of their searches. All else is as in ``python -m nomina``.
"""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import IO, Any, NamedTuple

import pytest
import torch

import nomina.workflow  # noqa: F401 - what takes long to import
from commands import Result
from nomina.cli import main
from nomina.tuning import worker

__all__ = ["NEVER", "SERVED", "Command", "Kill", "become", "forked_workers"]

SERVED = multiprocessing.get_context("forkserver")
# Not this module: older Pythons do not look for it where their parent does.
SERVED.set_forkserver_preload(["nomina.workflow", "nomina.cli", "nomina.tuning.worker", "pytest"])


class Kill(NamedTuple):
    """When to kill, with SIGKILL: before or after the n-th call of ``MODULE:FUNCTION``."""

    place: str
    n: int
    when: str


NEVER = Kill("-", 0, "-")


class Command:
    """A command that was started.

    Args:
        arguments: Those of ``nomina``.
        log: Where to write what it says: this path with ``.out`` and ``.err``.
        kill: When to kill it.
        patches: Other values of names of modules, for it and its workers.
        environment: Variables besides those of this process.
    """

    def __init__(
        self,
        arguments: list[str],
        log: Path,
        *,
        kill: Kill = NEVER,
        patches: Mapping[str, Any] = MappingProxyType({}),
        **environment: str,
    ) -> None:
        self.files = [log.with_suffix(".out"), log.with_suffix(".err")]
        variables = {**os.environ, **environment}
        self.process = SERVED.Process(target=_run, args=(arguments, self.files, kill, dict(patches), variables))
        self.process.start()

    @property
    def pid(self) -> int:
        """Process id."""
        assert self.process.pid is not None
        return self.process.pid

    def is_running(self) -> bool:
        return self.process.is_alive()

    def kill(self) -> None:
        """Kill it, if it still runs, and wait for its end."""
        self.process.kill()
        self.process.join()

    def result(self) -> Result:
        """What it came to, when it has ended; its code is that of :mod:`subprocess`."""
        self.process.join(300)
        assert self.process.exitcode is not None, "it hangs"
        return Result(self.process.exitcode, *(file.read_text(encoding="utf-8") for file in self.files))


def _run(
    arguments: list[str], files: list[Path], kill: Kill, patches: dict[str, Any], variables: dict[str, str]
) -> None:
    for name, value in patches.items():
        pytest.MonkeyPatch().setattr(name, value)
    with files[0].open("wb") as out, files[1].open("wb") as err:
        become(main, ["nomina", *arguments], variables, out, err, kill)


def become(
    call: Callable[[], None],
    arguments: list[str],
    variables: dict[str, str],
    out: IO[bytes],
    err: IO[bytes],
    kill: Kill = NEVER,
) -> None:
    """Let this process be what a new one would be."""
    os.dup2(out.fileno(), sys.stdout.fileno())
    os.dup2(err.fileno(), sys.stderr.fileno())
    os.environ.clear()
    os.environ.update(variables)
    torch.set_num_threads(1)
    patch = pytest.MonkeyPatch()
    patch.setattr(sys, "argv", arguments)
    _start_workers(patch, _Worker)
    if kill != NEVER:
        _kill_at(patch, *kill)
    call()


@contextmanager
def forked_workers() -> Iterator[None]:
    """Within, the workers of searches in this process start at once."""
    with pytest.MonkeyPatch.context() as patch:
        _start_workers(patch, _ServedWorker)
        yield


def _start_workers(patch: pytest.MonkeyPatch, process: type) -> None:
    pipes = {"DEVNULL": subprocess.DEVNULL, "TimeoutExpired": subprocess.TimeoutExpired}
    patch.setattr("nomina.tuning.workers.subprocess", SimpleNamespace(Popen=process, **pipes))


class _ServedWorker:
    """The process of a worker, with the face of :class:`subprocess.Popen`, forked from the server's."""

    def __init__(
        self, line: list[str], *, env: dict[str, str], stdin: int, stdout: IO[bytes], stderr: IO[bytes]
    ) -> None:
        variables = {name: value for name, value in env.items() if name != worker.PARENT}  # its parent is the server
        self._process = SERVED.Process(target=_work, args=(line[2:], Path(stdout.name), variables))
        self._process.start()
        self.terminate = self._process.terminate
        self.kill = self._process.kill
        self.wait = self._process.join

    def poll(self) -> int | None:
        return self._process.exitcode


def _work(arguments: list[str], log: Path, variables: dict[str, str]) -> None:
    with log.open("ab") as output:
        become(worker.main, arguments, variables, output, output)


class _Worker(ForkProcess):
    """The process of a worker, with the face of :class:`subprocess.Popen`."""

    def __init__(
        self, line: list[str], *, env: dict[str, str], stdin: int, stdout: IO[bytes], stderr: IO[bytes]
    ) -> None:
        assert line[1:3] == ["-m", "nomina.tuning"]
        super().__init__(target=become, args=(worker.main, line[2:], env, stdout, stderr))
        self.start()

    def poll(self) -> int | None:
        return self.exitcode

    def wait(self, timeout: float) -> None:
        self.join(timeout)


def _kill_at(patch: pytest.MonkeyPatch, place: str, n: int, when: str) -> None:
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
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

    patch.setattr(owner, name, patched)
