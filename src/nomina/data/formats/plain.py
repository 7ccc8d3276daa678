"""Text that is no corpus, for prediction: with one sentence a line, or as people write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from nomina.data import raw, text
from nomina.data.formats.collect import is_blank
from nomina.data.formats.pieces import BlockReader, PieceReader
from nomina.data.records import Note, Sentence

__all__ = ["RawReader", "TextReader"]

_LONG_PARAGRAPH = 200  # lines
_STOP = re.compile(r"[^\W\d_]{4,}[.!?][\"'\u2019\u201d)\]]*[ \t]*$")  # no abbreviation


class TextReader(PieceReader[str]):
    """Cuts every line into words as :mod:`nomina.data.text` does; blank lines are none.

    Args:
        path: The file, for messages.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._n_sentences = 0

    @property
    def notes(self) -> tuple[Note, ...]:
        """That it was read as text, and how many sentences there were so far."""
        message = f"read as text, one sentence a line: {self._n_sentences:,} sentences"
        return (Note("text", message, self._n_sentences),)

    def read(self, items: Sequence[str], first: int) -> list[Sentence]:  # noqa: D102
        found = [
            replace(text.sentence(line), line=number, source=self._path)
            for number, line in enumerate(items, first)
            if not is_blank(line)
        ]
        self._n_sentences += len(found)
        return found


class RawReader(BlockReader):
    """Cuts running text into sentences and words as :mod:`nomina.data.raw` does.

    A record is a paragraph, which ends with a blank line; one of more than 200 lines may also end with a line that ends
    a sentence.

    Args:
        path: The file, for messages.
        language: As spaCy names it.

    Raises:
        ConfigError: If there is no such language.
        MissingExtraError: If spaCy is not installed.
    """

    def __init__(self, path: str, language: str) -> None:
        super().__init__()
        raw.sentences("", language=language)  # says at once what is wrong with the language
        self._path = path
        self._language = language
        self._n_sentences = self._n_characters = 0

    @property
    def notes(self) -> tuple[Note, ...]:
        """That it was read as running text, and how many sentences there were so far."""
        message = f"read as running text ({self._language}): {self._n_sentences:,} sentences"
        return (Note("raw", message, self._n_sentences),)

    def begins(self, items: Sequence[str], i: int) -> bool:  # noqa: D102
        return super().begins(items, i) or (i > _LONG_PARAGRAPH and _STOP.search(items[i - 1]) is not None)

    def read(self, items: Sequence[str], first: int) -> list[Sentence]:  # noqa: D102
        found = [
            replace(
                sentence,
                line=first - 1 + (sentence.line or 1),
                start_char=self._n_characters + sentence.start_char,
            )
            for sentence in raw.sentences("\n".join(items), language=self._language, source=self._path)
        ]
        self._n_sentences += len(found)
        self.skip(items)
        return found

    def skip(self, items: Sequence[str]) -> None:  # noqa: D102
        self._n_characters += sum(map(len, items)) + len(items)
