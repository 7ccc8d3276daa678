"""The characters of a file: decoded, and cut into lines only where lines end."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nomina.data.formats.opening import fetch
from nomina.data.records import Note
from nomina.errors import FormatError

__all__ = [
    "MARKS",
    "N_EXAMPLES",
    "Source",
    "count_lines",
    "decode",
    "is_windows",
    "load",
    "split_lines",
    "windows_note",
    "zero_fault",
]

# UTF-32 first: its little-endian mark begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks, and the encodings that they stand for."""

N_EXAMPLES = 5
"""How many places a note shows."""


class Source(NamedTuple):
    """A decoded file: its name for messages, its characters, and what decoding had to decide."""

    path: str
    text: str
    notes: tuple[Note, ...]


def load(path: str | Path) -> Source:
    """Read a text file, a gzip file or a zip archive with one data file.

    What the bytes are is told by their first few, never by the file's extension. Characters are read by their byte
    order mark, else as UTF-8, else as Windows-1252 (a superset of the printable part of latin-1), with a note.

    Args:
        path: A file, ``archive.zip/member``, or ``"sample"`` for the bundled corpus (a local file of that name wins).

    Raises:
        DataError: If there is no such file or it cannot be opened.
        FormatError: If it is damaged, binary, in an unknown encoding, or an archive with several data files.
    """
    name, data = fetch(path)
    return decode(data, name)


def decode(data: bytes, path: str) -> Source:
    """Read the characters of a file as :func:`load` does.

    Raises:
        FormatError: If it is binary, or in an unknown encoding.
    """
    return Source(path, *_decode(data, path))


def split_lines(text: str) -> list[str]:
    r"""Split at ``\n``, ``\r\n`` and a lone ``\r`` only.

    ``str.splitlines`` also splits at U+0085, U+2028 and five more, which occur inside words of real corpora.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _decode(data: bytes, path: str) -> tuple[str, tuple[Note, ...]]:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _decode_marked(data[len(mark) :], encoding, path), ()
    zero = data.find(0)
    if zero >= 0:
        raise zero_fault(path, count_lines(data[:zero]) + 1)
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        return _decode_windows(data, path, error)


def _decode_marked(data: bytes, encoding: str, path: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, errors="ignore")
        raise FormatError(
            f"expected {encoding.upper()} text, as its byte order mark says, found {_found(data, error)}; "
            "save it again as UTF-8",
            path=path,
            line=count_lines(before.encode("utf-8")) + 1,
        ) from error


def _decode_windows(data: bytes, path: str, fault: UnicodeDecodeError) -> tuple[str, tuple[Note, ...]]:
    n_utf8, n_foreign = _count_kinds(data)
    if n_utf8 > n_foreign:
        # Read as Windows-1252, every well-formed character of such a file would turn into two or three wrong ones.
        raise FormatError(
            f"expected UTF-8, found {_found(data, fault)} among {n_utf8:,} good characters beyond ASCII; "
            "mend that line, or save the file again as UTF-8",
            path=path,
            line=_line_of(data, fault),
        )
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"expected UTF-8 or Windows-1252 text, found {_found(data, error)}, which neither defines; "
            "convert the file to UTF-8 first (iconv -f ITS-ENCODING -t UTF-8)",
            path=path,
            line=_line_of(data, error),
        ) from error
    places = [match.start() for match in re.finditer(rb"[\x80-\xff]", data)]
    lines = [count_lines(data[:place]) + 1 for place in places[:N_EXAMPLES]]
    return text, (windows_note(_line_of(data, fault), len(places), lines),)


def is_windows(data: bytes) -> bool:
    """Whether what is no UTF-8 is Windows-1252, rather than UTF-8 with a fault in it."""
    n_utf8, n_foreign = _count_kinds(data)
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return n_utf8 <= n_foreign


def windows_note(line: int, n: int, lines: Sequence[int]) -> Note:
    """Say that a text was read as Windows-1252.

    Args:
        line: The first line that is not UTF-8.
        n: Number of characters beyond ASCII.
        lines: Lines of the first few of them.
    """
    message = (
        f"read as Windows-1252, because line {line} is not UTF-8: {n:,} characters beyond ASCII depend on that; "
        "if they look wrong, convert the file to UTF-8"
    )
    return Note("encoding", message, n, tuple(lines))


def zero_fault(path: str, line: int) -> FormatError:
    """The fault of a text with a zero byte."""
    return FormatError(
        "expected text, found a zero byte: a binary file, or UTF-16 without its mark; save it as UTF-8 text",
        path=path,
        line=line,
    )


def _count_kinds(data: bytes) -> tuple[int, int]:
    """Numbers of the UTF-8 characters beyond ASCII, and of the bytes that belong to none."""
    lenient = data.decode("utf-8", errors="ignore")
    return len(lenient) - len(lenient.encode("ascii", errors="ignore")), len(data) - len(lenient.encode("utf-8"))


def _found(data: bytes, error: UnicodeDecodeError) -> str:
    return f"byte 0x{data[error.start]:02x}" if error.start < len(data) else "the end of the file"


def _line_of(data: bytes, error: UnicodeDecodeError) -> int:
    return count_lines(data[: error.start]) + 1


def count_lines(data: bytes) -> int:
    """How many lines end in these bytes."""
    return len(re.findall(rb"\r\n|\r|\n", data))
