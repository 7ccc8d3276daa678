"""What all readers share: options, counted notes, and rows gathered into sentences."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from nomina.data.offsets import CutPolicy, OverlapPolicy
from nomina.data.records import MISSING, Note, Sentence
from nomina.data.tags import split_tag
from nomina.errors import TagError

__all__ = ["BLANK", "Collector", "ReadOptions", "Result", "Tally", "is_blank"]

BLANK = " \t"
"""What blank means: spaces and tabs alone. U+0085 or U+00A0 can be a word; ``str.strip`` would take them for blank."""

_N_EXAMPLES = 5

_MESSAGES = {
    "blank_word": ("{n} without a word dropped", "row"),
    "missing_tag": ("{n} without an entity tag dropped", "row"),
    "missing_feature": (f"{{n}} without a value for {{what}}, read as {MISSING!r}", "word"),
    "extra_columns": ("{n} with more columns than the others; the surplus was not read", "row"),
    "unused": ("not read: {what}", "value"),
    "lone_quote": ("{n} with a quote that never closes, read as plain text", "row"),
    "repeated_number": ("{n} with the number of an earlier one, read as sentences of their own", "sentence"),
    "multiword": ("{n} skipped; the words they are written out as are kept", "multiword range"),
    "empty_node": ("{n} skipped: they stand for no written word", "empty node"),
    "empty_sentence": ("{n} without words skipped", "sentence"),
    "span_expanded": ("{n} cut through a word, expanded to whole words", "span"),
    "span_shrunk": ("{n} cut through a word, shrunk to the whole words inside", "span"),
    "span_dropped": ("{n} cut through a word and dropped", "span"),
    "span_wordless": ("{n} without a word dropped", "span"),
    "span_overlap": ("{n} dropped that overlap another; {what} ones are kept", "span"),
    "span_trimmed": ("{n} with blanks at an end, which were cut off", "span"),
    "span_outside": ("{n} reached beyond the text, cut off where it ends", "span"),
    "span_across_lines": ("{n} across lines or sentences, cut down to the one that holds most of it", "span"),
    "span_parts": ("{n} in several parts, read as one from the first to the last", "span"),
    "span_labels": ("{n} with several types; the first was read", "span"),
    "span_utf16": ("{n} counted in UTF-16 units, as the text beside it shows, and read so", "span"),
    "unread": ("not read: {n}, which are {what}", "annotation"),
    "refused": ("{n} skipped: {what}", "record"),
    "missing_label": ("{n} whose entity is marked as unknown, read as outside", "word"),
}


class Result(NamedTuple):
    """What a reader returns."""

    sentences: list[Sentence]
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class ReadOptions:
    """How to read, as the caller of :func:`nomina.data.read` gave it.

    Attributes:
        columns: Column names, comma separated, for the columns format.
        pos: Which of CoNLL-U's two tag columns becomes the feature ``pos``.
        label_names: Names of integer labels: a list, or a file with one name a line.
        prefix: Put before document numbers that the reader has to make up, so that several files do not share them.
        cut_spans: What becomes of a span of characters that cuts through a word.
        overlaps: Which of overlapping spans is kept.
        strict_rows: Whether a row of columns or of a table with too few or too many cells is a fault, and a word
            without an entity tag is kept, in any format; its sentence then has no labels. Such rows are filled up, cut
            off or dropped and counted else, as far as that goes. Blank cells too many are no fault.
        language: Of running text, as spaCy names it.
    """

    columns: str | None = None
    pos: Literal["xpos", "upos"] = "xpos"
    label_names: Sequence[str] | str | Path | None = None
    prefix: str = ""
    cut_spans: CutPolicy = "expand"
    overlaps: OverlapPolicy = "outermost"
    strict_rows: bool = False
    language: str = "en"


def is_blank(text: str) -> bool:
    """Whether there is nothing but spaces and tabs."""
    return not text.strip(BLANK)


class Tally:
    """Counts of what a reader did, by kind, with the first places."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._places: dict[tuple[str, str], list[tuple[int, str]]] = {}

    def add(self, kind: str, line: int, what: str = "", place: str = "") -> None:
        """Count one more of a kind.

        Args:
            kind: One of the kinds of note.
            line: 1-based line in the file.
            what: A column or key, where the message speaks of one.
            place: What to show as the place, where a line is not enough (``"line 3 characters 5-9"``).
        """
        key = kind, what
        self._counts[key] = self._counts.get(key, 0) + 1
        places = self._places.setdefault(key, [])
        if len(places) < _N_EXAMPLES:
            places.append((line, place))

    def update(self, later: Tally) -> None:
        """Count what was counted apart, later in the file."""
        for key, n in later._counts.items():
            self._counts[key] = self._counts.get(key, 0) + n
            places = self._places.setdefault(key, [])
            places += later._places[key][: _N_EXAMPLES - len(places)]

    def notes(self) -> tuple[Note, ...]:
        """One note per kind, in order of first appearance."""
        return tuple(self._note(kind, what, n) for (kind, what), n in self._counts.items())

    def _note(self, kind: str, what: str, n: int) -> Note:
        template, noun = _MESSAGES[kind]
        places = self._places[kind, what]
        lines = tuple(line for line, _ in places)
        message = template.format(n=f"{n:,} {noun}{'' if n == 1 else 's'}", what=what)
        if places:
            more = ", ..." if n > len(places) else ""
            if any(place for _, place in places):
                shown = ", ".join(place or f"line {line}" for line, place in places)
            else:
                shown = f"{'line' if n == 1 else 'lines'} {', '.join(map(str, lines))}"
            message += f" ({shown}{more})"
        return Note(kind, message, n, lines)


class Collector:
    """Gathers rows into sentences; rows without a word are counted and dropped, and so are those without a tag.

    Args:
        path: The file, for errors.
        features: Names of the token features, in the order in which rows give their values.
        labelled: Whether rows carry entity tags.
        keeps_untagged: Whether rows without one are kept, in sentences without labels.
    """

    def __init__(self, path: str, features: Sequence[str], *, labelled: bool, keeps_untagged: bool) -> None:
        self.sentences: list[Sentence] = []
        self.tally = Tally()
        self._path = path
        self._keeps_untagged = keeps_untagged
        # Raw cell -> stripped, interned cell: a corpus has few different values, and checking each once is enough.
        self._tags: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self.open(features, labelled=labelled)

    def open(self, features: Sequence[str], *, labelled: bool) -> None:
        """Begin a sentence with these columns; :meth:`close` begins the next one with the same."""
        self._names = tuple(features)
        self._labelled = labelled
        self._words: list[str] = []
        self._labels: list[str] = []
        self._columns: tuple[list[str], ...] = tuple([] for _ in self._names)
        self._lines: list[int] = []

    @property
    def has_rows(self) -> bool:
        """Whether a sentence is open."""
        return bool(self._words)

    def add(self, line: int, word: str, values: Sequence[str], tag: str | None = None) -> bool:
        """Add one row to the open sentence.

        Args:
            line: 1-based line in the file.
            word: The word, exactly as written.
            values: One value per token feature.
            tag: The entity tag, where the file is labelled.

        Returns:
            Whether the row was kept.

        Raises:
            TagError: If the tag is none.
        """
        if is_blank(word):
            self.tally.add("blank_word", line)
            return False
        if self._labelled:
            label = self._tags.get(tag or "")
            if label is None:
                label = self._check_tag(line, tag or "")
            if not label and not self._keeps_untagged:
                self.tally.add("missing_tag", line)
                return False
            self._labels.append(label)
        self._lines.append(line)
        self._words.append(sys.intern(word))
        for name, column, value in zip(self._names, self._columns, values, strict=True):
            known = self._values.get(value)
            if known is None:
                known = self._values[value] = sys.intern(value.strip(BLANK))
            if not known:
                self.tally.add("missing_feature", line, name)
            column.append(known or MISSING)
        return True

    def _check_tag(self, line: int, tag: str) -> str:
        label = sys.intern(tag.strip(BLANK))
        if label:
            try:
                split_tag(label)
            except TagError as error:
                raise TagError(str(error), path=self._path, line=line) from error
        self._tags[tag] = label
        return label

    def close(self, document: str | None = None, text: str | None = None) -> None:
        """End the open sentence, if any row of it was kept."""
        if not self._words:
            return
        self.sentences.append(
            Sentence(
                words=tuple(self._words),
                features={name: tuple(column) for name, column in zip(self._names, self._columns, strict=True)},
                labels=tuple(self._labels) if self._labelled and all(self._labels) else None,
                document=document,
                line=self._lines[0],
                text=text,
                source=self._path,
                lines=_compact(self._lines),
            )
        )
        self.open(self._names, labelled=self._labelled)


def _compact(lines: list[int]) -> Sequence[int] | None:
    """The same lines in little memory: most sentences have one word a line, or all on one."""
    first, last = lines[0], lines[-1]
    if first == last:
        return None
    return range(first, last + 1) if last - first + 1 == len(lines) else tuple(lines)
