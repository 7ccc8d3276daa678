"""CoNLL columns: one word a line, an empty line after a sentence, ``-DOCSTART-`` or ``# newdoc`` before a document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from nomina.data.formats.collect import BLANK, Collector, ReadOptions, Result, Tally, is_blank
from nomina.data.formats.pieces import BlockReader, Documents
from nomina.data.formats.source import split_lines
from nomina.data.formats.write import one_line
from nomina.data.records import Note, Sentence
from nomina.data.tags import split_tag
from nomina.errors import ConfigError, FormatError, TagError
from nomina.files import open_output

__all__ = [
    "ColumnsReader",
    "Comment",
    "is_row",
    "keeps",
    "keeps_document",
    "looks_like",
    "parse_columns",
    "read",
    "read_comment",
    "write",
]

IGNORED = "_"
_DOCSTART = "-DOCSTART-"
_N_HEAD = 1_000
# U+00A0 is no separator: it can stand inside a word.
_SPACES = re.compile(r"[ \t]+")
_COMMENT = re.compile(
    r"#[ \t]*(?:(?P<mark>newdoc|newpar)(?:[ \t]+id[ \t]*=(?P<id>.*))?"
    r"|(?P<key>sent_id|text|global\.columns|error|raw)[ \t]*=(?P<value>.*))$",
    re.DOTALL,
)
_SYNONYMS = {"token": "word", "form": "word", "tag": "label", "ner": "label", "labels": "label"}
_DEFAULTS = {2: ("word", "label"), 3: ("word", "pos", "label"), 4: ("word", "pos", "chunk", "label")}
_UNLABELLED = {1: ("word",), 2: ("word", "pos")}
# Columns of CoNLL-U and CoNLL-U Plus that are no token features.
_NO_FEATURES = {"ID", "LEMMA", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC"}


class Comment(NamedTuple):
    """A comment line with a meaning: ``newdoc``, ``newpar``, ``sent_id``, ``text`` or ``global.columns``.

    ``error`` and ``raw`` are what prediction writes of a record that it could not read.
    """

    key: str
    value: str


class _Layout(NamedTuple):
    """Where in a row things stand.

    Attributes:
        names: One for each column that is named.
        by_tabs: Whether tabs part the cells.
        n_columns: How many cells a row has, of which those beyond the names are not read.
        notes: What was decided.
    """

    names: tuple[str, ...]
    by_tabs: bool
    n_columns: int = 0
    notes: tuple[Note, ...] = ()

    def split(self, line: str) -> list[str]:
        return line.split("\t") if self.by_tabs else _SPACES.split(line.strip(BLANK))

    @property
    def features(self) -> dict[str, int]:
        taken = {"word", "label", IGNORED}
        named = {name: i for i, name in enumerate(self.names) if name not in taken}
        # The part of speech first, whatever the file's order.
        return {name: named[name] for name in sorted(named, key=lambda name: name != "pos")}


def looks_like(head: str) -> bool:
    """Whether most rows have the same number of columns, and the last looks like tags or there are one or two."""
    rows, by_tabs = _head_rows(split_lines(head))
    if not rows:
        return False
    width, n = Counter(map(len, rows)).most_common(1)[0]
    # Lines of prose seldom have equally many words; with tabs there is less to doubt.
    if n < (0.5 if by_tabs else 0.9) * len(rows):
        return False
    regular = [row for row in rows if len(row) == width]
    if "# global.columns" in head or _looks_like_tags(row[-1] for row in regular):
        return True
    # Several words in a cell are a table of texts; commas inside every word are a table without a header.
    n_odd = sum(re.search(r"[ ]|.[,;].", row[0].strip(BLANK)) is not None for row in regular)
    return width in _UNLABELLED and 2 * n_odd < len(regular)


def read(text: str, path: str, options: ReadOptions) -> Result:
    """Read CoNLL columns.

    Columns are parted by tabs if a row near the head has one, else by runs of spaces.

    Raises:
        ConfigError: If ``options.columns`` cannot be understood.
        FormatError: If the columns are not named and their meaning is ambiguous, or rows differ and may not.
        TagError: If an entity tag is none.
    """
    lines = split_lines(text)
    return ColumnsReader(lines, path, options).whole(lines)


def parse_columns(columns: str) -> tuple[str, ...]:
    """Parse ``"word,pos,_,label"``: ``word``, ``pos``, ``label``, any other token feature, or ``_`` for unused.

    ``token`` and ``form`` also mean ``word``; ``tag`` and ``ner`` also mean ``label``.

    Raises:
        ConfigError: If ``word`` is missing, a name repeats or is empty.
    """
    names = tuple(_SYNONYMS.get(name.strip().lower(), name.strip()) for name in columns.split(","))
    faults = [f"columns: {name!r} is named twice" for name, n in Counter(names).items() if n > 1 and name != IGNORED]
    if "word" not in names:
        faults.append(f"columns: expected one to be 'word', as in word,pos,_,label, found {columns!r}")
    if "" in names:
        faults.append(f"columns: expected a name or _ between commas, found {columns!r}")
    if faults:
        raise ConfigError(faults)
    return names


def read_comment(line: str) -> Comment | None:
    """The meaning of a comment line; ``None`` for any other line, which may well begin with the word ``#``."""
    match = _COMMENT.match(line)
    if match is None:
        return None
    key, value = match["mark"] or match["key"], match["id"] or match["value"] or ""
    return Comment(key, value.strip(BLANK))


class ColumnsReader(BlockReader):
    """Reads columns; see :func:`read`.

    Args:
        head: The first lines, 1,000 at least or all.
        path: The file, for errors.
        options: How to read.
    """

    def __init__(self, head: Sequence[str], path: str, options: ReadOptions) -> None:
        self._path = path
        self._options = options
        self._layout = _layout(head, path, options)
        self._documents = Documents()
        super().__init__(self._layout.notes)

    def read(self, items: Sequence[str], first: int) -> list[Sentence]:  # noqa: D102
        layout, prefix, documents = self._layout, self._options.prefix, self._documents
        word, width, n_columns = layout.names.index("word"), len(layout.names), layout.n_columns
        label = layout.names.index("label") if "label" in layout.names else None
        indices = tuple(layout.features.values())
        collector = Collector(
            self._path,
            tuple(layout.features),
            labelled=label is not None,
            keeps_untagged=self._options.strict_rows,
        )
        sentence_text: str | None = None
        for number, line in enumerate(items, first):
            if is_blank(line):
                collector.close(documents.current, sentence_text)
                sentence_text = None
                continue
            if line[0] == "#" and not collector.has_rows and (comment := read_comment(line)):
                if comment.key == "newdoc":
                    documents = documents.begin(comment.value, prefix)
                elif comment.key == "text":
                    sentence_text = comment.value or None
                continue
            if _DOCSTART in line and _is_docstart(line, word, layout):
                collector.close(documents.current, sentence_text)
                sentence_text, documents = None, documents.begin("", prefix)
                continue
            cells = layout.split(line)
            if not width == len(cells) == n_columns:
                self._fit(cells, number, collector.tally)
            collector.add(number, cells[word], [cells[i] for i in indices], None if label is None else cells[label])
        collector.close(documents.current, sentence_text)
        self._documents = documents
        self._tally.update(collector.tally)
        return collector.sentences

    def skip(self, items: Sequence[str]) -> None:  # noqa: D102
        word, prefix, has_rows = self._layout.names.index("word"), self._options.prefix, False
        for line in items:
            comment = None if has_rows else read_comment(line)
            if comment is not None and comment.key == "newdoc":
                self._documents = self._documents.begin(comment.value, prefix)
            elif _DOCSTART in line and _is_docstart(line, word, self._layout):
                self._documents = self._documents.begin("", prefix)
            has_rows = has_rows or not (is_blank(line) or comment)

    def _fit(self, cells: list[str], number: int, tally: Tally) -> None:
        """Fill up a row, or say what it has too much."""
        width, n_columns = len(self._layout.names), self._layout.n_columns
        too_many = not all(map(is_blank, cells[n_columns:]))
        if self._options.strict_rows and (too_many or len(cells) < n_columns):
            raise FormatError(
                f"expected {n_columns} columns, as most rows have or their names say, found {len(cells)}: "
                f"{' '.join(cells)[:80]!r}; mend the row, or name the columns with --columns (columns=...)",
                path=self._path,
                line=number,
            )
        if not all(map(is_blank, cells[width:])):
            tally.add("extra_columns", number)
        cells += [""] * (width - len(cells))


def _is_docstart(line: str, word: int, layout: _Layout) -> bool:
    # Some files part this one line by spaces and all others by tabs.
    return layout.split(line)[word : word + 1] == [_DOCSTART] or _SPACES.split(line.strip(BLANK))[0] == _DOCSTART


def _layout(lines: Sequence[str], path: str, options: ReadOptions) -> _Layout:
    rows, by_tabs = _head_rows(lines)
    if not rows:
        raise FormatError("expected words in columns, found none; is this the right file?", path=path)
    if options.columns is not None:
        names = parse_columns(options.columns)
        return _Layout(names, by_tabs, max(len(names), _usual_width(rows)))
    declared = next(
        (c.value for line in lines[:_N_HEAD] if (c := read_comment(line)) and c.key == "global.columns"), None
    )
    if declared is not None:
        names = _declared_names(declared.split(), options.pos)
        if "word" not in names:
            raise FormatError(f"expected FORM among '# global.columns', found {declared!r}", path=path, line=1)
        return _Layout(names, by_tabs, len(names))
    names = _default_names(rows, path)
    listing = ",".join(names)
    note = Note("columns", f"read the columns as {listing}; other names with --columns", len(names))
    return _Layout(names, by_tabs, len(names), (note,))


def _usual_width(rows: list[list[str]]) -> int:
    return Counter(map(len, rows)).most_common(1)[0][0]


def _declared_names(declared: Sequence[str], pos: str) -> tuple[str, ...]:
    """Names for the columns of a ``# global.columns`` line (CoNLL-U Plus)."""
    names = []
    for column in declared:
        if column == "FORM":
            names.append("word")
        elif column == pos.upper() or (column in ("UPOS", "XPOS") and len({"UPOS", "XPOS"} & set(declared)) == 1):
            names.append("pos")
        elif column.rpartition(":")[2] == "NER" and "label" not in names:
            names.append("label")
        else:
            unused = column in _NO_FEATURES or column in ("UPOS", "XPOS")
            names.append(IGNORED if unused else column.rpartition(":")[2].lower())
    return tuple(names)


def _default_names(rows: list[list[str]], path: str) -> tuple[str, ...]:
    """Name the columns by their number and by whether the last one looks like entity tags."""
    width = _usual_width(rows)
    rows = [row for row in rows if len(row) == width]
    taggy = [_looks_like_tags(row[i] for row in rows) for i in range(width)]
    if not _is_numbering(rows):
        if taggy[-1] and width in _DEFAULTS:
            return _DEFAULTS[width]
        if not taggy[-1] and width in _UNLABELLED:
            return _UNLABELLED[width]
        if taggy[-1] and sum(taggy) == 1:
            return ("word", *[IGNORED] * (width - 2), "label")
    raise FormatError(
        f"expected columns such as word,pos,label, found {width} whose meaning is not clear: {' '.join(rows[0])!r}; "
        "name them, with _ for those to leave out (--columns word,pos,_,label)",
        path=path,
    )


def _head_rows(lines: Sequence[str]) -> tuple[list[list[str]], bool]:
    """Cells of the first rows, and whether tabs part them; a trailing separator makes no column."""
    head = [line for line in lines[:_N_HEAD] if not is_blank(line) and not read_comment(line) and _DOCSTART not in line]
    by_tabs = any("\t" in line for line in head)
    splitter = _Layout((), by_tabs)
    return [splitter.split(line.rstrip(BLANK)) for line in head], by_tabs


def _looks_like_tags(cells: Iterator[str]) -> bool:
    values = Counter(cells)
    n_tags = sum(n for value, n in values.items() if is_blank(value) or _is_tag(value.strip(BLANK)))
    return 2 * n_tags > sum(values.values()) and not all(map(is_blank, values))


def _is_tag(value: str) -> bool:
    try:
        split_tag(value)
    except TagError:
        return False
    return True


def _is_numbering(rows: list[list[str]]) -> bool:
    """Whether the first column numbers words or sentences rather than being the words."""
    n_numbers = sum(row[0].strip(BLANK).isdecimal() for row in rows)
    return len(rows) > 2 and len(rows[0]) > 1 and 2 * n_numbers > len(rows)


def keeps(feature: str) -> bool:
    """Whether a column can have this name and be read by it."""
    return re.fullmatch(r"[a-z0-9_.-]+", feature) is not None and feature not in {"word", "label", IGNORED, *_SYNONYMS}


def keeps_document(document: str) -> bool:
    """Whether ``# newdoc id = ...`` is read back as this identifier."""
    return document != "" and one_line(document).strip(BLANK) == document


def is_row(word: str) -> bool:
    """Whether a row that begins with this word is read as one, and not as a comment or a document's beginning."""
    row = f"{word}\t{IGNORED}"
    return not read_comment(row) and not _is_docstart(row, 0, _Layout(("word", IGNORED), True))


def write(sentences: Sequence[Sentence], path: Path) -> None:
    """Write columns: word, token features and, where sentences have them, entity tags, parted by tabs.

    A document begins with ``-DOCSTART-`` where documents are numbered as reading numbers them, else with
    ``# newdoc id = ...``. A text stands in ``# text = ...``. The names of the columns are declared in a first line
    (``# global.columns``, of CoNLL-U Plus) only where they could not be told without it.
    """
    features = tuple(sentences[0].features)
    labelled = sentences[0].labels is not None
    lines = list(_written(sentences))
    names = ("word", *features, *(["label"] if labelled else []))
    with open_output(path) as file:
        # A mark at the very beginning would be taken for that of the encoding.
        if not _are_told(names, lines) or lines[0].startswith("\ufeff"):
            declared = {"word": "FORM", "pos": "XPOS", "label": "NER"}
            file.write(f"# global.columns = {' '.join(declared.get(name, name) for name in names)}\n")
        file.writelines(f"{line}\n" for line in lines)


def _written(sentences: Sequence[Sentence]) -> Iterator[str]:
    documents = list(dict.fromkeys(s.document for s in sentences if s.document is not None))
    numbered = documents == [str(i) for i in range(1, len(documents) + 1)]
    # A document that is gone back to would get another number.
    changes = sum(a.document != b.document for a, b in pairwise(sentences))
    numbered = numbered and changes == len(documents) - 1 and sentences[0].document is not None
    document = None
    for sentence in sentences:
        if sentence.document is not None and sentence.document != document:
            document = sentence.document
            yield from (_DOCSTART, "") if numbered else (f"# newdoc id = {one_line(document)}",)
        if sentence.text is not None:
            yield f"# text = {one_line(sentence.text)}"
        columns = [sentence.words, *sentence.features.values(), *([] if sentence.labels is None else [sentence.labels])]
        yield from map("\t".join, zip(*columns, strict=True))
        yield ""


def _are_told(names: tuple[str, ...], lines: list[str]) -> bool:
    """Whether reading tells these columns without their names."""
    rows, by_tabs = _head_rows(lines)
    try:
        return (by_tabs or len(names) == 1) and _default_names(rows, "") == names
    except FormatError:
        return False
