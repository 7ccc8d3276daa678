"""Write files so that they are complete or not there at all, and by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from nomina.errors import OutputError

__all__ = ["alone", "check_free", "exists", "flush", "open_output", "write_text"]


def exists(path: Path) -> bool:
    """Whether something that is to be written is there already.

    Raises:
        OutputError: If the name is too long, or its folder may not be looked into.
    """
    try:
        return path.exists()
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def check_free(path: Path) -> None:
    """Check that nothing has this name yet, before work is done whose result could not be written.

    Raises:
        OutputError: If something has, or the name cannot be one.
    """
    if exists(path):
        raise OutputError(f"{path} exists; choose another name, or replace it (--overwrite)")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Within, no other process is where this one is: the others wait. A holder that dies lets go.

    Args:
        path: An empty file that stands for the place; its folder exists.
    """
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def flush(path: Path) -> None:
    """Wait until a file, or the list of files of a folder, has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def open_output(path: Path, *, overwrite: bool = True) -> Iterator[TextIO]:
    """Open a text file (UTF-8, Unix line ends) that appears under its name only when it is complete.

    Args:
        path: The file to write; its folder is made where it is missing.
        overwrite: Whether an existing file may be replaced.

    Raises:
        OutputError: If the file exists and may not be replaced, or cannot be written.
    """
    if not overwrite:
        check_free(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = temporary.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
    try:
        with file:
            yield file
        temporary.replace(path)
    finally:
        with suppress(OSError):  # the fault that led here is the one to tell
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole text file at once, complete or not at all."""
    with open_output(path) as file:
        file.write(text)
