"""Reading a format piece by piece, so that a file of any size can be read in little memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from nomina.data.formats.collect import Result, Tally, is_blank
from nomina.data.records import Note, Sentence

__all__ = ["BlockReader", "Documents", "PieceReader"]

Item = TypeVar("Item")


class Documents(NamedTuple):
    """The document that is open, if any, and how many have begun."""

    current: str | None = None
    n: int = 0

    def begin(self, name: str, prefix: str) -> Documents:
        """Open the next one, by its number if it has no name."""
        return Documents(name or f"{prefix}{self.n + 1}", self.n + 1)


class PieceReader(ABC, Generic[Item]):
    """Reads one file, a piece after the other; what a piece says of those after it is remembered.

    An item is what the format counts in notes and errors: a line, or a row of a table. A record is one or several
    items. A piece begins and ends where records do. What holds for the whole file, such as the names of its columns,
    is decided by its head, when the reader is made.

    Args:
        notes: What was decided.
    """

    def __init__(self, notes: tuple[Note, ...] = ()) -> None:
        self._notes = notes
        self._tally = Tally()

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was decided, and what was counted so far."""
        return self._notes + self._tally.notes()

    def begins(self, items: Sequence[Item], i: int) -> bool:
        """Whether a record begins at an item.

        Args:
            items: Items in a row, of which the first begins a record.
            i: Index from 1 to the number of items; that is where the next one will stand.
        """
        return True

    @abstractmethod
    def read(self, items: Sequence[Item], first: int) -> list[Sentence]:
        """Read the next piece; one that fails leaves no trace.

        Args:
            items: Whole records.
            first: 1-based number of the first item in the file.

        Raises:
            DataError: If a record is faulty; carries its line.
        """

    def skip(self, items: Sequence[Item]) -> None:
        """Pass over a faulty record; what it says of the records after it holds."""

    def whole(self, items: Sequence[Item]) -> Result:
        """Read all of a file."""
        return Result(self.read(items, 1), self.notes)


class BlockReader(PieceReader[str]):
    """Reads lines of which blank ones part the records."""

    def begins(self, items: Sequence[str], i: int) -> bool:
        """Whether the line before is blank."""
        return is_blank(items[i - 1])
