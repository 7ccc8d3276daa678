"""``nomina`` and ``python`` for those who type commands in a shell, started at once.

Two small programs of these names hand their arguments, folder, variables and streams to the process of the tests, which
forks (``forked.py``) what they ask for and tells them how it ended.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import shutil
import socket
import sys
import tempfile
from functools import cache
from multiprocessing import reduction
from pathlib import Path
from threading import Thread
from typing import Any

from forked import SERVED, become
from nomina.cli import main

__all__ = ["programs"]

_PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as door:
    door.connect({address!r})
    asked = os.path.basename(sys.argv[0]), sys.argv[1:], os.getcwd(), dict(os.environ)
    socket.send_fds(door, [json.dumps(asked).encode()], [0, 1, 2])
    door.shutdown(socket.SHUT_WR)
    sys.exit(int(door.recv(16) or 1))
"""


@cache
def programs() -> Path:
    """The folder of the two programs, which work as long as this process runs."""
    folder = Path(tempfile.mkdtemp(prefix="at-hand-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(folder / "door"))
    door.listen()
    for name in ("nomina", "python"):
        program = folder / name
        program.write_text(_PROGRAM.format(python=sys.executable, address=str(folder / "door")), encoding="utf-8")
        program.chmod(0o755)
    Thread(target=_answer_all, args=(door,), daemon=True).start()
    return folder


def _answer_all(door: socket.socket) -> None:
    while True:
        Thread(target=_answer, args=(door.accept()[0],), daemon=True).start()


def _answer(client: socket.socket) -> None:
    with client:
        message, streams, _, _ = socket.recv_fds(client, 65536, 3)
        while more := client.recv(65536):
            message += more
        process = SERVED.Process(target=_run, args=(_Streams(streams), *json.loads(message)))
        process.start()
        for stream in streams:
            os.close(stream)
        process.join()
        client.sendall(str(process.exitcode).encode())


class _Streams:
    """File descriptors that go along to a new process."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, ([reduction.DupFd(number) for number in self.numbers],)


def _received(sent: list[Any]) -> _Streams:
    return _Streams([one.detach() for one in sent])


def _run(streams: _Streams, name: str, arguments: list[str], folder: str, variables: dict[str, str]) -> None:
    os.chdir(folder)
    stdin, stdout, stderr = streams.numbers
    sys.stdin = os.fdopen(stdin, encoding="utf-8")
    with os.fdopen(stdout, "wb") as out, os.fdopen(stderr, "wb") as err:
        if name == "nomina":
            become(main, [name, *arguments], variables, out, err)
        else:
            become(_python, arguments, variables, out, err)


def _python() -> None:
    """What ``python -c PROGRAM`` and ``python -m MODULE`` do."""
    flag, text = sys.argv[:2]
    sys.argv[:2] = [flag]
    sys.path.insert(0, "")
    if flag == "-c":
        exec(compile(text, "<string>", "exec"), {"__name__": "__main__"})
    else:
        runpy.run_module(text, run_name="__main__", alter_sys=True)
