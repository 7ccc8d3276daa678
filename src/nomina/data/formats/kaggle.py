"""The Kaggle table: a header, one word a row, ``Sentence #`` on the first row of each sentence or on every row.

Every line is one record. The csv module would let a lone quote, which is a common word, swallow the lines after it;
a line whose quotes do not close is therefore read again without quoting.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from nomina.data.formats.collect import BLANK, Collector, ReadOptions, Result, is_blank
from nomina.data.formats.source import split_lines
from nomina.data.records import Note, Sentence
from nomina.errors import FormatError
from nomina.files import open_output

__all__ = ["keeps", "looks_like", "read", "write"]

_SENTENCE = ("sentence #", "sentence", "sentence_id", "sentence id", "sentence_idx", "sent_id")
_WORD = ("word", "words", "token", "form")
_TAG = ("tag", "label", "labels", "ner", "ner_tag")
_POS = ("pos", "pos_tag")
_N_HEAD = 1_000


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
        FormatError: If the header names no word column.
        TagError: If an entity tag is none.
    """
    lines = split_lines(text)
    start = next((i for i, line in enumerate(lines) if line.strip(BLANK)), 0)
    table = _header(lines[start] if lines else "")
    if table is None:
        raise FormatError(
            f"expected a header such as 'Sentence #,Word,POS,Tag', found {lines[start][:80] if lines else ''!r}",
            path=path,
            line=start + 1,
        )
    labelled = _has_tags(table, lines, start)
    collector = Collector(path, tuple(table.features), labelled=labelled)
    _collect(collector, table, lines, start, labelled=labelled)
    return Result(collector.sentences, _header_notes(table, labelled=labelled) + collector.tally.notes())


def _collect(collector: Collector, table: _Table, lines: list[str], start: int, *, labelled: bool) -> None:
    sparse = _is_sparse(table, lines, start)
    indices, tag = tuple(table.features.values()), table.tag if labelled else None
    current, seen = "", set[str]()
    for number, cells in _rows(table, lines, start, collector):
        if not cells:
            if table.sentence is None:
                collector.close()
            continue
        mark = "" if table.sentence is None else cells[table.sentence].strip(BLANK)
        if mark and (sparse or mark != current):
            collector.close()
            if mark in seen:
                collector.tally.add("repeated_number", number)
            seen.add(mark)
            current = mark
        collector.add(number, cells[table.word], [cells[i] for i in indices], None if tag is None else cells[tag])
    collector.close()


def _rows(table: _Table, lines: list[str], start: int, collector: Collector | None) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every row below the header, padded to its width; no cells for an empty line."""
    delimiter, width = table.delimiter, table.width
    parse = _quoted_parser(delimiter, width)
    for number, line in enumerate(lines[start + 1 :], start + 2):
        if '"' in line:
            quoted, closes = parse(line)
            cells = list(quoted)
            if not closes and collector is not None:
                collector.tally.add("lone_quote", number)
        else:
            cells = line.split(delimiter) if line else []
        if len(cells) != width and cells:
            if len(cells) > width and collector is not None and not all(map(is_blank, cells[width:])):
                collector.tally.add("extra_columns", number)
            cells += [""] * (width - len(cells))
        yield number, cells


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


def _is_sparse(table: _Table, lines: list[str], start: int) -> bool:
    """Whether most of the first rows leave the sentence's number blank."""
    if table.sentence is None:
        return False
    head = [cells for _, cells in _rows(table, lines[: start + 1 + _N_HEAD], start, None) if cells]
    return 2 * sum(is_blank(cells[table.sentence]) for cells in head) > len(head)


def _has_tags(table: _Table, lines: list[str], start: int) -> bool:
    """Whether any row has a tag; a table to be predicted may keep the column and leave it blank."""
    tag = table.tag
    return tag is not None and any(cells and not is_blank(cells[tag]) for _, cells in _rows(table, lines, start, None))


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
