"""Reading chunks so that a faulty record harms no other: it ends the reading, or is handed on with its error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Generic, Literal, TypeVar

from nomina.data.formats.chunks import Chunk
from nomina.data.formats.pieces import PieceReader
from nomina.data.records import Sentence
from nomina.errors import DataError, FormatError

__all__ = ["N_RECORD", "BadRecord", "ChunkReading", "OnError"]

OnError = Literal["stop", "mark"]
"""What becomes of a faulty record: the stream ends with its error, or goes on with it as a :class:`BadRecord`."""

N_RECORD = 2**24
"""How many characters a record may have."""

_N_SHOWN = 1_000  # characters of a record too long to be handed on

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class BadRecord:
    r"""A record that could not be read.

    Attributes:
        path: The file.
        line: 1-based line of the fault (in Parquet, the number of the row).
        error: What was expected and found.
        raw: The record's text, to be handed on: its lines with ``\n`` between them, each byte that is no character
            spelled out (``\xe9``); a row of Parquet as JSON. Of a record without an end in reach, its beginning.
    """

    path: str
    line: int | None
    error: str
    raw: str


class ChunkReading(Generic[Item]):
    """Reads chunks, and where one is faulty, its records one by one.

    Args:
        reader: Reads them.
        path: The file, for what is handed on.
        check: Raises a ``FormatError`` for items that hold what is no character; takes the number of the first.
        show: The text of a record.
        on_error: What becomes of a faulty record.
    """

    def __init__(
        self,
        reader: PieceReader[Item],
        path: str,
        check: Callable[[Sequence[Item], int], None],
        show: Callable[[Sequence[Item]], str],
        on_error: OnError,
    ) -> None:
        self.n_items = 0
        self._reader = reader
        self._path = path
        self._check = check
        self._show = show
        self._on_error = on_error

    def batches(self, chunks: Iterator[Chunk[Item]]) -> Iterator[Sequence[Sentence | BadRecord]]:
        """Read them one after the other.

        Raises:
            DataError: If a record is faulty and that ends the reading.
        """
        for chunk in chunks:
            if chunk.is_overlong:
                yield [self._too_long(chunk)]
            elif not chunk.is_damaged and (found := self._read(chunk)) is not None:
                yield found
            else:
                yield from self._one_by_one(chunk)
            self.n_items += len(chunk.items)

    def _read(self, chunk: Chunk[Item]) -> list[Sentence] | None:
        try:
            return self._reader.read(chunk.items, chunk.first)
        except DataError:
            return None

    def _one_by_one(self, chunk: Chunk[Item]) -> Iterator[Sequence[Sentence | BadRecord]]:
        found: list[Sentence | BadRecord] = []
        begins = [0, *(i for i in range(1, len(chunk.items)) if self._reader.begins(chunk.items, i))]
        for start, end in pairwise([*begins, len(chunk.items)]):
            items, first = chunk.items[start:end], chunk.first + start
            try:
                self._check(items, first)
                found += self._reader.read(items, first)
            except DataError as error:
                fault = error
            else:
                continue
            if self._on_error == "stop":
                yield found
                raise fault
            self._reader.skip(items)
            found.append(self._mark(fault, items, first))
        yield found

    def _mark(self, fault: DataError, items: Sequence[Item], first: int) -> BadRecord:
        place = f"{fault.path}: " if fault.line is None else f"{fault.path}:{fault.line}: "
        line = first if fault.line is None else fault.line
        return BadRecord(self._path, line, str(fault).removeprefix(place), self._show(items))

    def _too_long(self, chunk: Chunk[Item]) -> BadRecord:
        fault = FormatError(
            f"expected a record of at most {N_RECORD:,} characters, found a longer one; is this the right format?",
            path=self._path,
            line=chunk.first,
        )
        if self._on_error == "stop":
            raise fault
        self._reader.skip(chunk.items)
        marked = self._mark(fault, chunk.items, chunk.first)
        return replace(marked, raw=marked.raw[:_N_SHOWN])
