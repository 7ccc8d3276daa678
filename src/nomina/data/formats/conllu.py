"""CoNLL-U with an entity layer in MISC (``NER=B-PER``), as Universal NER adds it to Universal Dependencies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from nomina.data.formats.collect import Collector, ReadOptions, Result, is_blank
from nomina.data.formats.columns import read_comment
from nomina.data.formats.pieces import BlockReader, Documents
from nomina.data.formats.source import split_lines
from nomina.data.formats.write import one_line
from nomina.data.records import MISSING, Note, Sentence
from nomina.data.tags import OUTSIDE
from nomina.data.tagsets import POS, UPOS
from nomina.errors import FormatError
from nomina.files import open_output

__all__ = ["ConlluReader", "keeps", "looks_like", "read", "write"]

_N_COLUMNS = 10
_ID = re.compile(r"[0-9]+(?:(?P<range>-)[0-9]+|(?P<empty>\.)[0-9]+)?")
_HAS_NER = re.compile(r"[\t|]NER=")
_HAS_OUTSIDE = re.compile(r"[\t|]NER=O(?=[|\r\n]|$)")
_FORM, _UPOS, _XPOS, _MISC = 1, 3, 4, 9


class _Token(NamedTuple):
    """One written token of the text: a word, or a multiword range with its surface form."""

    form: str
    space_after: bool


class _Block:
    """What is known of the open sentence besides its words."""

    def __init__(self) -> None:
        self.text: str | None = None
        self.tokens: list[_Token] = []
        self.covered = 0  # last word id of the open multiword range: its words are not written on their own

    def written(self) -> str:
        """The text, as comment or rebuilt from the tokens and ``SpaceAfter=No``."""
        if self.text is not None:
            return self.text
        return "".join(token.form + " " * token.space_after for token in self.tokens).rstrip(" ")


def looks_like(head: str) -> bool:
    """Whether the first row has ten tab-separated columns of which the first is a word id."""
    row = next((line for line in split_lines(head) if line and line[0] != "#"), "")
    cells = row.split("\t")
    return len(cells) == _N_COLUMNS and _ID.fullmatch(cells[0]) is not None


def read(text: str, path: str, options: ReadOptions) -> Result:
    """Read CoNLL-U.

    Multiword ranges and empty nodes are skipped and counted; the words are those of the FORM column. The feature
    ``pos`` is XPOS or UPOS by choice; if the chosen column is empty throughout, the other one, with a note. Where both
    are filled, the other is a feature by its own name, ``upos`` or ``xpos``. Where no word says ``NER=O``, words
    without ``NER=`` are outside; where no word has ``NER=``, there are no labels.

    Raises:
        FormatError: If a row does not have ten columns or no word id.
        TagError: If an entity tag is none.
    """
    lines = split_lines(text)
    return ConlluReader(lines, path, options).whole(lines)


class ConlluReader(BlockReader):
    """Reads CoNLL-U; see :func:`read`.

    Args:
        head: The lines by which columns and labels are decided.
        path: The file, for errors.
        options: How to read.
    """

    def __init__(self, head: Sequence[str], path: str, options: ReadOptions) -> None:
        self._path = path
        self._prefix = options.prefix
        self._keeps_untagged = options.strict_rows
        self._features, notes = _choose_pos(head, options)
        self._labelled = any("NER=" in line and _HAS_NER.search(line) for line in head)
        self._default_tag = ""
        if self._labelled and not any("NER=O" in line and _HAS_OUTSIDE.search(line) for line in head):
            self._default_tag = OUTSIDE
            message = f"no word says NER=O: words without NER= were read as {OUTSIDE}"
            notes = (*notes, Note("implicit_outside", message))
        self._rebuilds = any("SpaceAfter=No" in line for line in head)
        self._documents = Documents()
        super().__init__(notes)

    def read(self, items: Sequence[str], first: int) -> list[Sentence]:  # noqa: D102
        collector = Collector(
            self._path, tuple(self._features), labelled=self._labelled, keeps_untagged=self._keeps_untagged
        )
        columns = _Columns(tuple(self._features.values()), self._default_tag)
        block, documents = _Block(), self._documents
        for number, line in enumerate([*items, ""], first):
            if is_blank(line):
                known = block.text is not None or self._rebuilds
                collector.close(documents.current, block.written() if known else None)
                block = _Block()
            elif line[0] == "#":
                comment = read_comment(line)
                if comment is not None and comment.key == "newdoc":
                    documents = documents.begin(comment.value, self._prefix)
                elif comment is not None and comment.key == "text":
                    block.text = comment.value
            else:
                _add_row(collector, block, number, _cells(line, number, self._path), columns)
        self._documents = documents
        self._tally.update(collector.tally)
        return collector.sentences

    def skip(self, items: Sequence[str]) -> None:  # noqa: D102
        for comment in filter(None, map(read_comment, items)):
            if comment.key == "newdoc":
                self._documents = self._documents.begin(comment.value, self._prefix)


class _Columns(NamedTuple):
    features: tuple[int, ...]
    default_tag: str


def _cells(line: str, number: int, path: str) -> list[str]:
    cells = line.split("\t")
    if len(cells) == _N_COLUMNS and _ID.fullmatch(cells[0]):
        return cells
    raise FormatError(
        f"expected a word id and nine more columns, parted by tabs, found {len(cells)} columns: {line[:80]!r}; "
        "mend the row, or read the file as plain columns (--format columns --columns ...)",
        path=path,
        line=number,
    )


def _add_row(collector: Collector, block: _Block, number: int, cells: list[str], columns: _Columns) -> None:
    kind = _ID.fullmatch(cells[0])
    if kind is not None and kind["empty"]:
        collector.tally.add("empty_node", number)
        return
    misc = cells[_MISC].split("|")
    token = _Token(cells[_FORM], "SpaceAfter=No" not in misc)
    if kind is not None and kind["range"]:
        collector.tally.add("multiword", number)
        block.covered = int(cells[0].rpartition("-")[2])
        block.tokens.append(token)
        return
    if int(cells[0]) > block.covered:
        block.tokens.append(token)
    tag = next((entry[4:] for entry in misc if entry.startswith("NER=")), columns.default_tag)
    collector.add(number, cells[_FORM], tuple(cells[column] for column in columns.features), tag)


def _choose_pos(lines: Sequence[str], options: ReadOptions) -> tuple[dict[str, int], tuple[Note, ...]]:
    """Columns of the part-of-speech features by name: ``pos`` the chosen one, or the other where that is empty."""
    chosen, other = (_XPOS, _UPOS) if options.pos == "xpos" else (_UPOS, _XPOS)
    names = {_XPOS: "XPOS", _UPOS: "UPOS"}
    filled = [column for column in (chosen, other) if any(_has_value(line, column) for line in lines)]
    if not filled:
        return {}, (Note("pos_column", "UPOS and XPOS are empty throughout: read without the feature pos"),)
    features = {"pos": filled[0], **{names[column].lower(): column for column in filled[1:]}}
    if filled[0] == chosen:
        return features, ()
    message = f"{names[chosen]} is empty throughout: pos was read from {names[other]}"
    return features, (Note("pos_column", message),)


def _has_value(line: str, column: int) -> bool:
    cells = line.split("\t", column + 1)
    return line[:1] != "#" and len(cells) > column and cells[column] not in (MISSING, "")


def keeps(feature: str) -> bool:
    """Whether there is a column for a token feature."""
    return feature in (POS, "upos", "xpos")


def write(sentences: Sequence[Sentence], path: Path) -> None:
    """Write CoNLL-U with the entity tags in MISC (``NER=B-per``).

    ``pos`` stands in XPOS; in UPOS where it holds nothing but universal tags, or beside a feature ``xpos``.
    """
    values = {value for s in sentences for value in s.features.get(POS, ())}
    universal = (values <= {*UPOS, MISSING} or "xpos" in sentences[0].features) and "upos" not in sentences[0].features
    with open_output(path) as file:
        document = None
        for number, sentence in enumerate(sentences, 1):
            if sentence.document is not None and sentence.document != document:
                document = sentence.document
                file.write(f"# newdoc id = {one_line(document)}\n")
            file.write(f"# sent_id = {number}\n")
            if sentence.text is not None:
                file.write(f"# text = {one_line(sentence.text)}\n")
            file.writelines(_rows(sentence, universal=universal))
            file.write("\n")


def _rows(sentence: Sentence, *, universal: bool) -> Iterator[str]:
    empty = (MISSING,) * len(sentence)
    features = sentence.features
    pos = features.get(POS, empty)
    upos = pos if universal else features.get("upos", empty)
    xpos = features.get("xpos", empty) if universal else pos
    offsets = sentence.offsets()
    for i, word in enumerate(sentence.words):
        misc = [] if sentence.labels is None else [f"NER={sentence.labels[i]}"]
        if sentence.text is not None and offsets and i + 1 < len(offsets) and offsets[i][1] == offsets[i + 1][0]:
            misc.append("SpaceAfter=No")
        cells = [str(i + 1), word, MISSING, upos[i], xpos[i], *[MISSING] * 4, "|".join(misc) or MISSING]
        yield "\t".join(cells) + "\n"
