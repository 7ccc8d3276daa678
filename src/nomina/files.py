"""Write files so that they are complete or not there at all, and by one process at a time."""

from __future__ import annotations

import fcntl
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

from nomina.errors import OutputError

__all__ = ["Growing", "alone", "check_free", "exists", "flush", "open_growing", "open_output", "part_of", "write_text"]


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


class Growing(NamedTuple):
    """An output that grows record by record.

    Attributes:
        file: Open for more records.
        n_records: Records that an earlier run wrote to it.
        last: The last of them.
    """

    file: TextIO
    n_records: int
    last: str


def part_of(path: Path) -> Path:
    """The name of an output that is not complete yet."""
    return path.with_name(f"{path.name}.part")


@contextmanager
def open_growing(
    path: Path,
    *,
    ends_record: Callable[[bytes], bool],
    facts: Mapping[str, Any],
    resume: bool = False,
    overwrite: bool = False,
) -> Iterator[Growing]:
    """Open a text file (UTF-8, Unix line ends) whose records stay where writing is cut off, to be continued later.

    It grows as ``NAME.part``, with what it is made from beside it, and gets its own name when it is complete.

    Args:
        path: The file to write; its folder is made where it is missing.
        ends_record: Whether a line, its line end included, is the last of a record.
        facts: What the file is made from, as JSON has it. Only a file of the same can be continued.
        resume: Continue what an earlier run began. A record that was cut off is written again.
        overwrite: Whether a complete file, or one that was begun, may be replaced.

    Raises:
        OutputError: If the file exists or was begun and may neither be replaced nor continued, was begun from something
            else, is being written by another process, or cannot be written.
    """
    if not overwrite:
        check_free(path)
    part = part_of(path)
    beside = part.with_name(f"{part.name}.json")
    if exists(part) and part.stat().st_size and not resume and not overwrite:
        raise OutputError(
            f"{part} was begun by a run that was cut off; continue it (--resume), or replace it (--overwrite)"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = part.open("a+b")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputError(f"{path} is being written by another process; wait for it") from error
        n_records, last, end = _whole_records(file, ends_record) if resume else (0, 0, 0)
        if n_records:
            _check_same(beside, facts)
        else:
            write_text(beside, json.dumps(facts) + "\n")
        file.truncate(end)
        text = io.TextIOWrapper(file, encoding="utf-8", newline="\n")
        try:
            yield Growing(text, n_records, _between(part, last, end))
            text.flush()
            part.replace(path)
            beside.unlink(missing_ok=True)
        finally:
            with suppress(OSError):  # the fault that led here is the one to tell
                text.flush()
                if not part.stat().st_size:
                    part.unlink()
                    beside.unlink(missing_ok=True)


def _whole_records(file: BinaryIO, ends_record: Callable[[bytes], bool]) -> tuple[int, int, int]:
    """How many records of a file are whole, and where the last of them begins and ends."""
    file.seek(0)
    n_records = last = end = position = 0
    for line in file:
        position += len(line)
        if line.endswith(b"\n") and ends_record(line):
            n_records, last, end = n_records + 1, end, position
    return n_records, last, end


def _between(path: Path, start: int, end: int) -> str:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start).decode("utf-8")


def _check_same(beside: Path, facts: Mapping[str, Any]) -> None:
    try:
        begun = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        begun = {}
    if changed := [name for name, fact in facts.items() if begun.get(name) != fact]:
        raise OutputError(
            f"{beside.with_suffix('')} was begun with another {', '.join(changed)}; give the same again, or begin anew "
            "(--overwrite)"
        )
