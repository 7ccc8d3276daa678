"""Bytes as they come, made into characters and lines, and cut where records begin."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from nomina.data.formats.pieces import PieceReader
from nomina.data.formats.source import MARKS, N_EXAMPLES, count_lines, is_windows, windows_note, zero_fault
from nomina.data.records import Note
from nomina.errors import FormatError

__all__ = ["Chunk", "Cutter", "Decoded", "Decoder", "readable"]

Item = TypeVar("Item")

_WINDOWS = "cp1252"
_KEEP = "nomina.keep"
# A byte that is no character stands as U+DC00 plus its value: a surrogate, which no encoding ever decodes to.
_KEPT = re.compile("[\udc00-\udcff]")
_KEPT_OR_ZERO = re.compile("[\0\udc00-\udcff]")
_BEYOND_ASCII = re.compile("[\x80-\u2fff]")  # of Windows-1252, and without what is kept
_N_CONTEXT = 100


class Decoded(NamedTuple):
    r"""Characters, in which all lines end as ``\n``, and whether there are bytes among them that are none."""

    text: str
    is_damaged: bool


@dataclass(frozen=True, slots=True)
class Chunk(Generic[Item]):
    """Whole records in a row.

    Attributes:
        items: Lines, or rows of a table.
        first: 1-based number of the first one in the file.
        is_damaged: Whether some may hold what is no character.
        is_overlong: Whether they are the beginning of one record that does not end in reach.
    """

    items: Sequence[Item]
    first: int
    is_damaged: bool = False
    is_overlong: bool = False


class Decoder:
    """Decodes a file from its bytes as they come.

    The encoding is decided by the head: by its byte order mark, else UTF-8, else Windows-1252 if the head is no UTF-8
    and has more bytes that speak against UTF-8 than characters that speak for it. A byte that cannot be decoded is
    kept, and its line is at fault.

    Args:
        head: The first bytes.
        path: The file, for errors.
        is_whole: Whether the file ends with them.
    """

    def __init__(self, head: bytes, path: str, *, is_whole: bool) -> None:
        self._path = path
        self.is_marked = any(head.startswith(mark) for mark, _ in MARKS)
        self._encoding, self._n_mark = next(
            ((name, len(mark)) for mark, name in MARKS if head.startswith(mark)), ("utf-8", 0)
        )
        self._windows_line = None if self.is_marked else _windows_line(head, is_whole=is_whole)
        if self._windows_line is not None:
            self._encoding = _WINDOWS
        self._decoder = codecs.getincrementaldecoder(self._encoding)()
        self._newlines = io.IncrementalNewlineDecoder(None, translate=True)
        self._n_lines = 0
        self._n_beyond = 0
        self._lines_beyond: list[int] = []

    @property
    def notes(self) -> tuple[Note, ...]:
        """What decoding had to decide, with what it touched so far."""
        if self._windows_line is None:
            return ()
        return (windows_note(self._windows_line, self._n_beyond, self._lines_beyond),)

    def decode(self, data: bytes, *, is_last: bool = False) -> Decoded:
        """Decode the next bytes; what is no whole character or line end waits for the next ones."""
        if self._n_mark:
            self._n_mark, data = max(0, self._n_mark - len(data)), data[self._n_mark :]
        self._decoder.errors = "strict"
        is_damaged = False
        try:
            text = self._decoder.decode(data, is_last)
        except UnicodeDecodeError:
            self._decoder.errors, is_damaged = _KEEP, True
            text = self._decoder.decode(data, is_last)
        text = self._newlines.decode(text, is_last)
        if self._windows_line is not None:
            self._count_beyond(text)
        return Decoded(text, is_damaged or (not self.is_marked and "\0" in text))

    def check(self, lines: Sequence[str], first: int) -> None:
        """Check that there is nothing in lines that is no character.

        Raises:
            FormatError: If there is.
        """
        pattern = _KEPT if self.is_marked else _KEPT_OR_ZERO
        for number, line in enumerate(lines, first):
            found = pattern.search(line)
            if found is None:
                continue
            if found[0] == "\0":
                raise zero_fault(self._path, number)
            expected = "Windows-1252" if self._encoding == _WINDOWS else self._encoding.upper()
            raise FormatError(
                f"expected {expected}, as the file's beginning says, found byte 0x{ord(found[0]) - 0xDC00:02x}; "
                "mend that line, or save the file again as UTF-8",
                path=self._path,
                line=number,
            )

    def _count_beyond(self, text: str) -> None:
        places = [match.start() for match in _BEYOND_ASCII.finditer(text)]
        for place in places[: N_EXAMPLES - len(self._lines_beyond)]:
            self._lines_beyond.append(self._n_lines + text.count("\n", 0, place) + 1)
        self._n_beyond += len(places)
        self._n_lines += text.count("\n")


def readable(text: str) -> str:
    r"""Text in which what is no character is spelled out: ``\xe9``."""
    return _KEPT_OR_ZERO.sub(lambda match: f"\\x{ord(match[0]) & 0xFF:02x}", text)


class Cutter:
    """Cuts a text into chunks of lines, each as soon as its last record is whole.

    Args:
        reader: Tells where records begin.
        n_max: How many characters a record may have. Of one that has more, the beginning is given once, and the rest
            left out.
    """

    def __init__(self, reader: PieceReader[str], n_max: int) -> None:
        self._reader = reader
        self._n_max = n_max
        self._lines: list[str] = []
        self._rest = ""  # the beginning of the next line
        self._first = 1
        self._n_held = 0  # characters, about
        self._is_damaged = False
        self._is_skipping = False

    def chunks(self, texts: Iterable[Decoded]) -> Iterator[Chunk[str]]:
        """Cut the characters of a file."""
        for decoded in texts:
            chunk = self._feed(decoded)
            if chunk is not None:
                yield chunk
        if self._rest:
            self._lines.append(self._rest)
        if self._lines and not self._is_skipping:
            yield Chunk(self._lines, self._first, self._is_damaged)

    def _feed(self, decoded: Decoded) -> Chunk[str] | None:
        n_known = len(self._lines)
        *whole, self._rest = (self._rest + decoded.text).split("\n")
        self._lines += whole
        self._n_held += len(decoded.text)
        self._is_damaged = self._is_damaged or decoded.is_damaged
        if self._is_skipping:
            self._skip()
            n_known = 0
        if self._is_skipping:
            return None
        places = range(len(self._lines), max(0, n_known - 1), -1)
        end = next((i for i in places if self._reader.begins(self._lines, i)), 0)
        if end:
            chunk = Chunk(self._lines[:end], self._first, self._is_damaged)
            self._pass(end)
            self._is_damaged = self._is_damaged and self._n_held > 0
            return chunk
        if self._n_held > self._n_max:
            chunk = Chunk([*self._lines, self._rest], self._first, is_overlong=True)
            self._is_skipping = True
            self._skip()
            return chunk
        return None

    def _skip(self) -> None:
        """Leave out what belongs to the record that is too long."""
        places = range(1, len(self._lines) + 1)
        end = next((i for i in places if self._reader.begins(self._lines, i)), None)
        self._is_skipping = end is None
        if end is not None:
            self._pass(end)
            return
        # The last line tells whether the next one begins a record.
        self._pass(max(0, len(self._lines) - 1))
        self._rest = self._rest[:_N_CONTEXT]

    def _pass(self, n: int) -> None:
        self._lines = self._lines[n:]
        self._first += n
        self._n_held = sum(map(len, self._lines)) + len(self._rest)


def _windows_line(head: bytes, *, is_whole: bool) -> int | None:
    """The first line that is no UTF-8, if the head is Windows-1252."""
    try:
        codecs.utf_8_decode(head, "strict", is_whole)
    except UnicodeDecodeError as error:
        _, n_whole = codecs.utf_8_decode(head, "ignore", is_whole)
        return count_lines(head[: error.start]) + 1 if is_windows(head[:n_whole]) else None
    return None


def _keep(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_KEEP, _keep)
