"""Texts with spans of characters, gathered into sentences of words: what the annotation tools' formats share.

A sentence is a line: only line breaks part sentences, because tools show them and annotators see them, while a guess at
sentence ends would differ from one version of a splitter to the next. The lines of one text are one document.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from nomina.data.formats.collect import ReadOptions, Tally, is_blank
from nomina.data.offsets import spans_to_labels
from nomina.data.records import MISSING, Sentence
from nomina.data.text import sentence as cut
from nomina.errors import DataError

__all__ = ["CharSpan", "TextCollector", "TextRecord", "Token"]

_BREAK = re.compile(r"\r\n|\r|\n")


class CharSpan(NamedTuple):
    """An entity as a tool has it.

    Attributes:
        start: First character in the record's text, 0-based.
        end: Character after the last.
        label: Entity type.
        line: 1-based line of the file that says so.
    """

    start: int
    end: int
    label: str
    line: int


class Token(NamedTuple):
    """A word as a tool has it: its characters in the record's text, and its features by name."""

    start: int
    end: int
    features: Mapping[str, str]


class TextRecord(NamedTuple):
    """A text with what is known of it.

    Attributes:
        text: One line or several.
        spans: Its entities; ``None`` where nobody looked for any.
        line: 1-based line of the file on which the text begins.
        path: The file of the text.
        tokens: Its words; ``None`` where the text is to be cut into words.
        document: Identifier of its document.
        is_file: Whether the text's lines are the file's lines.
        is_document: Whether several lines are a document, even if it has no identifier.
        spans_file: Name of the file of the spans, to show where it is another.
    """

    text: str
    spans: Sequence[CharSpan] | None
    line: int
    path: str
    tokens: Sequence[Token] | None = None
    document: str | None = None
    is_file: bool = False
    is_document: bool = True
    spans_file: str = ""

    def place(self, span: CharSpan) -> str:
        """Where a span stands, for people."""
        file = f"{self.spans_file} " if self.spans_file else ""
        return f"{file}line {span.line} characters {span.start}-{span.end}"


class _Line(NamedTuple):
    start: int
    end: int
    number: int


class TextCollector:
    """Gathers texts into sentences; spans that do not fit are treated by the options' policies and counted.

    Blanks at the ends of a span are cut off. What reaches beyond the text ends with it. A span across a line break is
    cut down to the line that holds most of it (the first of equals), because no sentence holds it whole. Then it is
    snapped to words.

    Args:
        options: How spans that do not fit are treated, and what stands before numbers of documents.
        n_documents: How many documents were numbered before.
    """

    def __init__(self, options: ReadOptions, n_documents: int = 0) -> None:
        self.sentences: list[Sentence] = []
        self.tally = Tally()
        self.n_documents = n_documents
        self._options = options

    def add(self, record: TextRecord) -> None:
        """Add the sentences of one text.

        Raises:
            DataError: If a span does not fit and its policy is ``"error"``.
        """
        lines = [line for line in _lines(record.text) if not is_blank(record.text[line.start : line.end])]
        if not lines:
            self.tally.add("empty_sentence", record.line)
            return
        document = record.document
        if document is None and record.is_document and len(lines) > 1:
            self.n_documents += 1
            document = f"{self._options.prefix}{self.n_documents}"
        spans = None if record.spans is None else self._fit(record, lines)
        for i, line in enumerate(lines):
            own = None if spans is None else [pair for pair in spans if pair[0] == i]
            self._add_line(record, line, None if own is None else [pair[1:] for pair in own], document)

    def _fit(self, record: TextRecord, lines: list[_Line]) -> list[tuple[int, CharSpan, CharSpan]]:
        """Every span with the line that it belongs to: as it is to be read, and as the file has it."""
        fitted = []
        for span in record.spans or ():
            start, end = self._clip(record, span)
            shares = [max(0, min(end, line.end) - max(start, line.start)) for line in lines]
            best = max(range(len(lines)), key=lambda i: shares[i])
            if not shares[best]:
                self.tally.add("span_wordless", span.line, place=record.place(span))
                continue
            if sum(share > 0 for share in shares) > 1:
                self.tally.add("span_across_lines", span.line, place=record.place(span))
                start, end = max(start, lines[best].start), min(end, lines[best].end)
            fitted.append((best, span._replace(start=start, end=end), span))
        return fitted

    def _clip(self, record: TextRecord, span: CharSpan) -> tuple[int, int]:
        start, end = max(span.start, 0), min(span.end, len(record.text))
        if (start, end) != (span.start, span.end):
            self.tally.add("span_outside", span.line, place=record.place(span))
        if record.tokens is not None:
            return start, end  # a tool's own word may begin or end with a blank
        trimmed = _trim(record.text, start, end)
        if trimmed != (start, end) and trimmed[0] < trimmed[1]:
            self.tally.add("span_trimmed", span.line, place=record.place(span))
        return trimmed

    def _add_line(
        self,
        record: TextRecord,
        line: _Line,
        spans: list[tuple[CharSpan, CharSpan]] | None,
        document: str | None,
    ) -> None:
        text = record.text[line.start : line.end]
        tokens = _tokens(record, line, text)
        number = line.number + record.line - 1 if record.is_file else record.line
        if not tokens:
            self.tally.add("empty_sentence", number)
            return
        labels = None
        if spans is not None:
            labels = self._labels(record, spans, [(token.start, token.end) for token in tokens])
        self.sentences.append(
            Sentence(
                words=tuple(sys.intern(record.text[token.start : token.end]) for token in tokens),
                features=_columns(tokens),
                labels=labels,
                document=document,
                line=number,
                text=text,
                start_char=line.start,
                source=record.path,
            )
        )

    def _labels(
        self, record: TextRecord, spans: list[tuple[CharSpan, CharSpan]], words: list[tuple[int, int]]
    ) -> tuple[str, ...]:
        options = self._options
        plain = [(span.start, span.end, span.label) for span, _ in spans]
        try:
            snapped = spans_to_labels(plain, words, cut=options.cut_spans, overlaps=options.overlaps)
        except DataError as error:
            file = f"{record.spans_file}: " if record.spans_file else ""
            raise DataError(f"{file}{error}", path=record.path, line=record.line) from error
        for problem in snapped.problems:
            original = spans[problem.number][1]
            what = options.overlaps if problem.kind == "span_overlap" else ""
            self.tally.add(problem.kind, original.line, what, record.place(original))
        return snapped.labels


def _lines(text: str) -> Iterator[_Line]:
    start, number = 0, 1
    for match in _BREAK.finditer(text):
        yield _Line(start, match.start(), number)
        start, number = match.end(), number + 1
    yield _Line(start, len(text), number)


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _tokens(record: TextRecord, line: _Line, text: str) -> list[Token]:
    """The words of a line: those that the record has, else those that the text is cut into; none are blank."""
    if record.tokens is None:
        return [Token(line.start + a, line.start + b, {}) for a, b in cut(text).offsets() or ()]
    inside = [token for token in record.tokens if line.start <= token.start < line.end]
    return [token for token in inside if record.text[token.start : token.end].strip(" \t\r\n")]


def _columns(tokens: Sequence[Token]) -> dict[str, tuple[str, ...]]:
    """Token features that any token has, ``pos`` first."""
    names = dict.fromkeys(name for token in tokens for name in token.features)
    ordered = sorted(names, key=lambda name: name != "pos")
    return {name: tuple(sys.intern(token.features.get(name) or MISSING) for token in tokens) for name in ordered}
