"""The Kaggle table: a header, one word a row, ``Sentence #`` on the first row of each sentence or on every row.

Every line is one record. The csv module would let a lone quote, which is a common word, swallow the lines after it;
a line whose quotes do not close is therefore read again without quoting.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from nomina.data.formats.collect import BLANK, Collector, ReadOptions, Result, Tally, is_blank
from nomina.data.formats.pieces import PieceReader
from nomina.data.formats.source import split_lines
from nomina.data.records import Note, Sentence
from nomina.errors import FormatError
from nomina.files import open_output

__all__ = ["KaggleReader", "keeps", "looks_like", "read", "write"]

_SENTENCE = ("sentence #", "sentence", "sentence_id", "sentence id", "sentence_idx", "sent_id")
_WORD = ("word", "words", "token", "form")
_TAG = ("tag", "label", "labels", "ner", "ner_tag")
_POS = ("pos", "pos_tag")
_N_HEAD = 1_000
_N_SEEN = 100_000  # numbers of earlier pieces that are remembered, to notice one that comes again


class _Table(NamedTuple):
    delimiter: str
    width: int
    sentence: int | None
    word: int
    tag: int | None
    features: dict[str, int]
    unnamed: tuple[int, ...]


def looks_like(head: str) -> bool:
    """Whether the first line is a header that names a word column and another known one."""
    return _header(_first_line(head)) is not None


def read(text: str, path: str, options: ReadOptions) -> Result:
    """Read a Kaggle table.

    The delimiter is a comma, a semicolon or a tab. A blank ``Sentence #`` continues the sentence. Where most rows
    carry a number, a change of it starts a sentence; where few do, every number does. Without such a column, empty
    lines part the sentences. Columns beyond the four become token features under their lower-cased names.

    Raises:
        FormatError: If the header names no word column, or rows differ from it and may not.
        TagError: If an entity tag is none.
    """
    lines = split_lines(text)
    return KaggleReader(lines, path, options).whole(lines)


class KaggleReader(PieceReader[str]):
    """Reads a Kaggle table; see :func:`read`.

    Args:
        head: The first lines, 1,000 at least or all; whether rows have tags is decided by them too.
        path: The file, for errors.
        options: How to read.
    """

    def __init__(self, head: Sequence[str], path: str, options: ReadOptions) -> None:
        start = next((i for i, line in enumerate(head) if line.strip(BLANK)), 0)
        table = _header(head[start] if head else "")
        if table is None:
            raise FormatError(
                f"expected a header such as 'Sentence #,Word,POS,Tag', found {head[start][:80] if head else ''!r}",
                path=path,
                line=start + 1,
            )
        self._path = path
        self._table = table
        self._is_strict = options.strict_rows
        self._header_line = start + 1
        self._parse = _quoted_parser(table.delimiter, table.width)
        self._is_sparse = self._has_few_marks(head[start + 1 :][:_N_HEAD])
        self._labelled = self._has_tags(head[start + 1 :])
        self._seen: dict[str, None] = {}  # numbers of sentences
        super().__init__(_header_notes(table, labelled=self._labelled))

    def begins(self, items: Sequence[str], i: int) -> bool:  # noqa: D102
        if self._table.sentence is None:
            return not items[i - 1]
        mark = self._mark(items[i]) if i < len(items) else ""
        if self._is_sparse or not mark:
            return mark != ""
        before = (self._mark(items[j]) for j in range(i - 1, -1, -1))
        return mark != next(filter(None, before), "")

    def read(self, items: Sequence[str], first: int) -> list[Sentence]:  # noqa: D102
        table = self._table
        collector = Collector(
            self._path, tuple(table.features), labelled=self._labelled, keeps_untagged=self._is_strict
        )
        indices, tag = tuple(table.features.values()), table.tag if self._labelled else None
        current, fresh = "", dict[str, None]()
        for number, cells in self._rows(items, first, collector.tally):
            if not cells:
                if table.sentence is None:
                    collector.close()
                continue
            mark = "" if table.sentence is None else cells[table.sentence].strip(BLANK)
            if mark and (self._is_sparse or mark != current):
                collector.close()
                if mark in fresh or mark in self._seen:
                    collector.tally.add("repeated_number", number)
                fresh[mark] = None
                current = mark
            collector.add(number, cells[table.word], [cells[i] for i in indices], None if tag is None else cells[tag])
        collector.close()
        self._remember(fresh)
        self._tally.update(collector.tally)
        return collector.sentences

    def _rows(self, lines: Sequence[str], first: int, tally: Tally | None) -> Iterator[tuple[int, list[str]]]:
        """Line number and cells of every row below the header, padded to its width; no cells for an empty line."""
        delimiter, width, parse = self._table.delimiter, self._table.width, self._parse
        for number, line in enumerate(lines, first):
            if number <= self._header_line:
                continue
            if '"' in line:
                quoted, closes = parse(line)
                cells = list(quoted)
                if not closes and tally is not None:
                    tally.add("lone_quote", number)
            else:
                cells = line.split(delimiter) if line else []
            if len(cells) != width and cells:
                if tally is not None:
                    self._check_width(cells, number, tally)
                cells += [""] * (width - len(cells))
            yield number, cells

    def _check_width(self, cells: list[str], number: int, tally: Tally) -> None:
        width = self._table.width
        too_many = not all(map(is_blank, cells[width:]))
        if self._is_strict and (too_many or len(cells) < width):
            raise FormatError(
                f"expected {width} columns, as the header has, found {len(cells)}: "
                f"{self._table.delimiter.join(cells)[:80]!r}; mend the row",
                path=self._path,
                line=number,
            )
        if too_many:
            tally.add("extra_columns", number)

    def _mark(self, line: str) -> str:
        """What a row has as the number of its sentence."""
        place = self._table.sentence
        _, cells = next(self._rows([line], self._header_line + 1, None))
        return cells[place].strip(BLANK) if cells and place is not None else ""

    def _remember(self, marks: dict[str, None]) -> None:
        self._seen |= marks
        for mark in list(islice(self._seen, max(0, len(self._seen) - _N_SEEN))):
            del self._seen[mark]

    def _has_few_marks(self, head: Sequence[str]) -> bool:
        """Whether most of the first rows leave the sentence's number blank."""
        place = self._table.sentence
        if place is None:
            return False
        rows = [cells for _, cells in self._rows(head, self._header_line + 1, None) if cells]
        return 2 * sum(is_blank(cells[place]) for cells in rows) > len(rows)

    def _has_tags(self, rows: Sequence[str]) -> bool:
        """Whether any row has a tag; a table to be predicted may keep the column and leave it blank."""
        tag = self._table.tag
        return tag is not None and any(
            cells and not is_blank(cells[tag]) for _, cells in self._rows(rows, self._header_line + 1, None)
        )


def _quoted_parser(delimiter: str, width: int) -> Callable[[str], tuple[tuple[str, ...], bool]]:
    """A function from a line with quotes to its cells, and whether the quotes made sense."""

    @lru_cache(maxsize=10_000)
    def parse(line: str) -> tuple[tuple[str, ...], bool]:
        plain = tuple(line.split(delimiter))
        try:
            cells = tuple(next(csv.reader([line], delimiter=delimiter, strict=True)))
        except csv.Error:
            return plain, False
        # ',",",O' is a comma in quotes to the csv module, but a row of the right width without quoting.
        return (plain, False) if len(cells) < width == len(plain) else (cells, True)

    return parse


def _first_line(head: str) -> str:
    return next((line for line in split_lines(head) if line.strip(BLANK)), "")


def _header(line: str) -> _Table | None:
    """The table that a header line describes, or ``None`` if it is none."""
    for delimiter in (",", ";", "\t"):
        names = [cell.strip(BLANK + '"').lower() for cell in line.split(delimiter)]
        places = {role: _place(names, role) for role in (_SENTENCE, _WORD, _TAG, _POS)}
        word, pos = places[_WORD], places[_POS]
        if word is None or sum(place is not None for place in places.values()) < 2:
            continue
        features = {} if pos is None else {"pos": pos}
        features |= {name: i for i, name in enumerate(names) if name and i not in places.values()}
        unnamed = tuple(i for i, name in enumerate(names) if not name)
        return _Table(delimiter, len(names), places[_SENTENCE], word, places[_TAG], features, unnamed)
    return None


def _place(names: list[str], role: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in role if name in names), None)


def _header_notes(table: _Table, *, labelled: bool) -> tuple[Note, ...]:
    notes = []
    others = [name for name in table.features if name != "pos"]
    if others:
        notes.append(Note("columns", f"kept as token features: {', '.join(others)}", len(others)))
    if table.unnamed:
        places = ", ".join(str(i + 1) for i in table.unnamed)
        notes.append(Note("unused", f"columns without a name were not read: {places}", len(table.unnamed)))
    if table.tag is not None and not labelled:
        notes.append(Note("unlabelled", "the tag column is blank on every row: read without labels"))
    return tuple(notes)


def keeps(feature: str) -> bool:
    """Whether a column can have this name and be read by it."""
    known = {*_SENTENCE, *_WORD, *_TAG, *_POS} - {"pos"}
    return feature not in known and feature == feature.strip(BLANK + '"').lower() and feature.isprintable()


def write(sentences: Sequence[Sentence], path: Path) -> None:
    """Write the table: ``Sentence #`` on the first row of a sentence, ``Word``, token features, ``Tag``."""
    features = tuple(sentences[0].features)
    labelled = sentences[0].labels is not None
    header = ["Sentence #", "Word", *("POS" if name == "pos" else name for name in features), *(["Tag"] * labelled)]
    with open_output(path) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        for number, sentence in enumerate(sentences, 1):
            columns = [sentence.words, *sentence.features.values()]
            columns += [] if sentence.labels is None else [sentence.labels]
            for i, cells in enumerate(zip(*columns, strict=True)):
                table.writerow([f"Sentence: {number}" if i == 0 else "", *cells])
