"""Exports of annotation tools, which mark entities as spans of characters: doccano, Label Studio and Prodigy.

All three count Unicode code points from 0 with exclusive ends (versions of Label Studio before 1.5 counted UTF-16
units; where the text that it writes beside each span shows that, the span is read so, with a note). Words are those of
the record's ``tokens`` where it has any, else the text is cut as :mod:`nomina.data.text` does.

``tokens`` is Prodigy's: a list of ``{"text": ..., "start": ..., "end": ..., "id": ..., "ws": ...}``. Any further key
with a string, such as ``pos``, is a token feature. The other two tools have no words of their own; they keep fields
that they do not know, so the same list stands in their records.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeGuard

from nomina.data.formats.characters import CharSpan, TextCollector, TextRecord, Token
from nomina.data.formats.collect import BLANK, ReadOptions, Result, is_blank
from nomina.data.formats.pieces import PieceReader
from nomina.data.formats.source import split_lines
from nomina.data.formats.write import TOKEN_KEYS
from nomina.data.records import Sentence
from nomina.errors import DataError

__all__ = ["READERS", "Parsed", "looks_like_doccano", "looks_like_labelstudio", "looks_like_prodigy"]

_WORD_LIST = re.compile(r'"(?:tokens|words)"\s*:\s*\[\s*["\]]')
_TEXT = re.compile(r'"text"\s*:\s*"')
_PRODIGY = re.compile(r'"(?:spans|answer|_input_hash|_task_hash|_view_id)"\s*:')
_DOCCANO_SPANS = re.compile(r'"(?:entities|labels?)"\s*:\s*\[')
_TASKS = re.compile(r'"(?:annotations|predictions|annotation_id|annotator)"\s*:|"data"\s*:\s*\{')
_BETWEEN = frozenset(" \t\r\n,")  # what may stand between the objects of a list
_DOCCANO = ("entities", "label", "labels")
_EXAMPLES = {
    "doccano": '{"text": "Ada wrote", "label": [[0, 3, "per"]]}',
    "prodigy": '{"text": "Ada wrote", "spans": [{"start": 0, "end": 3, "label": "per"}], "answer": "accept"}',
    "labelstudio": '[{"data": {"text": "Ada wrote"}, "annotations": [{"result": [{"value": {"start": 0, "end": 3, '
    '"labels": ["per"]}}]}]}]',
}


class Parsed(NamedTuple):
    """One record of a file: its JSON object, and the 1-based line on which it begins."""

    fields: dict[str, Any]
    line: int


def looks_like_prodigy(head: str) -> bool:
    """Whether the first line is an object with a text, and the first that tells has a key of Prodigy's.

    What nobody annotated has neither tool's keys, and may well come first.
    """
    if not _is_text_object(_first_line(head)):
        return False
    telling = (line for line in split_lines(head) if _PRODIGY.search(line) or _DOCCANO_SPANS.search(line))
    return _PRODIGY.search(next(telling, "")) is not None


def looks_like_doccano(head: str) -> bool:
    """Whether the first line is an object with a text, and without a list of words."""
    return _is_text_object(_first_line(head))


def looks_like_labelstudio(head: str) -> bool:
    """Whether the file is a list of objects that speak of annotations, or have their ``data`` apart, as tasks do."""
    return re.match(r"\s*\[\s*\{", head) is not None and _TASKS.search(head) is not None


def _is_text_object(line: str) -> bool:
    return line.lstrip(BLANK).startswith("{") and bool(_TEXT.search(line)) and not _WORD_LIST.search(line)


def _first_line(head: str) -> str:
    return next((line for line in split_lines(head) if not is_blank(line)), "")


class _Reader:
    """Turns records of one tool into texts with spans."""

    form: str

    def __init__(self, path: str, options: ReadOptions, n_documents: int = 0) -> None:
        self.collector = TextCollector(options, n_documents)
        self.path = path

    def add(self, record: Parsed) -> None:
        """Add one record.

        Raises:
            DataError: If it is not as the tool writes it.
        """
        raise NotImplementedError

    def fault(self, expected: str, found: object, line: int) -> DataError:
        shown = json.dumps(found, ensure_ascii=False)[:80]
        example = _EXAMPLES[self.form]
        return DataError(f"expected {expected}, found {shown}; as in {example}", path=self.path, line=line)

    def skip(self, line: int, reason: str) -> None:
        self.collector.tally.add("refused", line, reason)

    def text(self, fields: Mapping[str, Any], line: int) -> str:
        value = fields.get("text")
        if not isinstance(value, str):
            raise self.fault("'text' with a string", value, line)
        return value

    def span(self, start: object, end: object, label: object, line: int) -> CharSpan:
        if not _is_index(start) or not _is_index(end) or not isinstance(label, str) or is_blank(label):
            raise self.fault("a span with start, end and a label", [start, end, label], line)
        return CharSpan(start, end, label.strip(BLANK), line)

    def objects(self, values: object, name: str, line: int) -> list[dict[str, Any]]:
        if values is None:
            return []
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise self.fault(f"a list of objects in {name!r}", values, line)
        return values

    def tokens(self, fields: Mapping[str, Any], text: str, line: int) -> list[Token] | None:
        """The record's own words, from left to right."""
        if not fields.get("tokens"):
            return None
        tokens, last = [], 0
        for entry in self.objects(fields["tokens"], "tokens", line):
            start, end = entry.get("start"), entry.get("end")
            if not _is_index(start) or not _is_index(end) or not last <= start < end:
                raise self.fault("tokens with start and end, from left to right", entry, line)
            last, word = end, text[start:end]
            if word != entry.get("text", word):
                raise self.fault(f"a token with the text {word!r} there", entry, line)
            named = {k: v for k, v in entry.items() if k not in TOKEN_KEYS and isinstance(v, str)}
            tokens.append(Token(start, end, named))
        return tokens

    def say_foreign(self, fields: Mapping[str, Any], keys: Iterable[str], tool: str, line: int) -> None:
        """Count what only another tool's reader would read."""
        for key in keys:
            values = fields.get(key)
            for _ in values if isinstance(values, list) else ():
                self.collector.tally.add("unread", line, f"in {key!r} (force them with --format {tool})")

    def finish(self, text: str, spans: list[CharSpan] | None, fields: Mapping[str, Any], line: int) -> None:
        document = fields.get("document")
        self.collector.add(
            TextRecord(
                text,
                spans,
                line,
                self.path,
                tokens=self.tokens(fields, text, line),
                document=None if document is None else str(document),
            )
        )


class _Doccano(_Reader):
    form = "doccano"

    def add(self, record: Parsed) -> None:
        fields, line = record
        key = next((key for key in _DOCCANO if fields.get(key) is not None), None)
        spans = None if key is None else self._spans(fields[key], key, line)
        self.say_foreign(fields, ("spans",), "prodigy", line)
        if fields.get("relations"):
            for _ in fields["relations"]:
                self.collector.tally.add("unread", line, "relations")
        self.finish(self.text(fields, line), spans, fields, line)

    def _spans(self, values: object, key: str, line: int) -> list[CharSpan]:
        if not isinstance(values, list):
            raise self.fault(f"a list of spans in {key!r}", values, line)
        spans = []
        for value in values:
            if isinstance(value, dict):
                spans.append(self.span(value.get("start_offset"), value.get("end_offset"), value.get("label"), line))
            elif isinstance(value, list) and len(value) == 3:
                start, end, label = value
                spans.append(self.span(start, end, label, line))
            else:
                raise self.fault("spans of a start, an end and a label", value, line)
        return spans


class _Prodigy(_Reader):
    form = "prodigy"

    def add(self, record: Parsed) -> None:
        fields, line = record
        answer = fields.get("answer", "accept")
        if answer != "accept":
            self.skip(line, "the answer is not accept")
            return
        entries = self.objects(fields.get("spans"), "spans", line)
        spans = [self.span(entry.get("start"), entry.get("end"), entry.get("label"), line) for entry in entries]
        for _ in self.objects(fields.get("relations"), "relations", line):
            self.collector.tally.add("unread", line, "relations")
        self.say_foreign(fields, _DOCCANO, "doccano", line)
        # Prodigy leaves the key out where an accepted text has no spans.
        known = fields.get("spans") is not None or "answer" in fields
        meta = fields.get("meta")
        document = meta.get("document") if isinstance(meta, dict) else None
        self.finish(self.text(fields, line), spans if known else None, {**fields, "document": document}, line)


class _LabelStudio(_Reader):
    form = "labelstudio"

    def add(self, record: Parsed) -> None:
        fields, line = record
        data = fields.get("data")
        if not isinstance(data, dict):  # JSON_MIN has the data and the results side by side
            text = self.text(fields, line)
            values = [v for v in fields.values() if isinstance(v, list) and v and _is_result(v[0])]
            results = self.objects(values[0] if values else [], "label", line)
            self.finish(text, self._spans(results, text, line), fields, line)
            return
        text = self.text(data, line)
        annotations = self.objects(fields.get("annotations"), "annotations", line)
        used = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
        if annotations and not used:
            self.skip(line, "all annotations of the task are cancelled")
            return
        for _ in used[1:]:
            self.collector.tally.add("unread", line, "second ones of a task")
        spans = None
        if used:
            chosen = next((annotation for annotation in used if annotation.get("ground_truth")), used[0])
            spans = self._spans(self._values(chosen, line), text, line)
        self.finish(text, spans, data, line)

    def _values(self, annotation: Mapping[str, Any], line: int) -> list[dict[str, Any]]:
        values = []
        for result in self.objects(annotation.get("result"), "result", line):
            value = result.get("value")
            if isinstance(value, dict) and _is_result(value):
                values.append(value)
            else:
                self.collector.tally.add("unread", line, f"of the type {result.get('type', 'unknown')}")
        return values

    def _spans(self, values: list[dict[str, Any]], text: str, line: int) -> list[CharSpan]:
        spans = []
        for value in values:
            labels = value.get("labels")
            if not isinstance(labels, list) or not labels:
                raise self.fault("a list of labels", value, line)
            span = self.span(value.get("start"), value.get("end"), labels[0], line)
            place = f"line {line} characters {span.start}-{span.end}"
            if len(labels) > 1:
                self.collector.tally.add("span_labels", line, place=place)
            recounted = _recount(span, text, value.get("text"))
            if recounted != span:
                self.collector.tally.add("span_utf16", line, place=place)
            spans.append(recounted)
        return spans


def _is_index(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_result(value: object) -> bool:
    return isinstance(value, dict) and {"start", "end", "labels"} <= value.keys()


def _recount(span: CharSpan, text: str, shown: object) -> CharSpan:
    """A span in code points, if its own text shows that it was counted in UTF-16 units."""
    if not isinstance(shown, str) or text[span.start : span.end] == shown or not text or max(text) < "\U00010000":
        return span
    units = text.encode("utf-16-le", errors="surrogatepass")
    before = units[: 2 * span.start].decode("utf-16-le", errors="ignore")
    inside = units[2 * span.start : 2 * span.end].decode("utf-16-le", errors="ignore")
    recounted = span._replace(start=len(before), end=len(before) + len(inside))
    return recounted if inside == shown else span


def _parse_lines(lines: Sequence[str], first: int, path: str, form: str) -> Iterator[Parsed]:
    for number, line in enumerate(lines, first):
        if is_blank(line):
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            message = f"expected one whole JSON object on this line, such as {_EXAMPLES[form]}, found a fault: {error}"
            raise DataError(message, path=path, line=number) from error
        if not isinstance(fields, dict):
            message = f"expected a JSON object such as {_EXAMPLES[form]}, found {line[:60]!r}"
            raise DataError(message, path=path, line=number)
        yield Parsed(fields, number)


def _parse_list(text: str, path: str) -> Iterator[Parsed]:
    """The objects of a JSON list, each with its line, which the json module alone does not tell."""
    decoder = json.JSONDecoder()
    start = text.find("[") + 1
    if not start or text[: start - 1].strip():
        line = text[: len(text) - len(text.lstrip())].count("\n") + 1
        raise DataError(f"expected a JSON list such as {_EXAMPLES['labelstudio']}, found none", path=path, line=line)
    position, line = 0, 1
    while True:
        here = next(i for i in range(start, len(text) + 1) if text[i : i + 1] not in _BETWEEN)
        line, position = line + text.count("\n", position, here), here
        if text[here : here + 1] == "]":
            return
        try:
            fields, start = decoder.raw_decode(text, here)
        except (ValueError, RecursionError) as error:
            message = f"expected a list of whole JSON objects, found a fault in the one that begins here: {error}"
            raise DataError(message, path=path, line=line) from error
        if not isinstance(fields, dict):
            raise DataError(f"expected a JSON object, found {text[here : here + 60]!r}", path=path, line=line)
        yield Parsed(fields, line)


class SpanLinesReader(PieceReader[str]):
    """Reads the JSONL of a tool.

    Args:
        tool: Turns its records into texts with spans.
        head: The first lines, which decide nothing.
        path: The file, for errors.
        options: How to read.
    """

    def __init__(self, tool: type[_Reader], head: Sequence[str], path: str, options: ReadOptions) -> None:
        super().__init__()
        self._tool = tool
        self._path = path
        self._options = options
        self._n_documents = 0

    def read(self, items: Sequence[str], first: int) -> list[Sentence]:
        reader = self._tool(self._path, self._options, self._n_documents)
        for record in _parse_lines(items, first, self._path, self._tool.form):
            reader.add(record)
        self._n_documents = reader.collector.n_documents
        self._tally.update(reader.collector.tally)
        return reader.collector.sentences


def read_doccano(text: str, path: str, options: ReadOptions) -> Result:
    """Read doccano's JSONL: ``label`` or ``labels`` with ``[start, end, type]``, or ``entities`` with objects.

    A record without any of them has no labels. Relations and comments are not read.

    Raises:
        DataError: If a line is no such record, or a span does not fit and its policy is ``"error"``.
    """
    lines = split_lines(text)
    return SpanLinesReader(_Doccano, lines, path, options).whole(lines)


def read_prodigy(text: str, path: str, options: ReadOptions) -> Result:
    """Read Prodigy's JSONL: ``text``, ``spans``, and ``tokens`` where there are any.

    Records that were rejected or ignored are skipped and counted.

    Raises:
        DataError: If a line is no such record, or a span does not fit and its policy is ``"error"``.
    """
    lines = split_lines(text)
    return SpanLinesReader(_Prodigy, lines, path, options).whole(lines)


def read_labelstudio(text: str, path: str, options: ReadOptions) -> Result:
    """Read Label Studio's JSON and JSON_MIN: the text is the data field ``text``.

    Of several annotations of a task, the one marked as ground truth is read, else the first; cancelled ones are none.
    A task without annotations has no labels; one whose annotations are all cancelled is skipped. Predictions, relations
    and choices are not read.

    Raises:
        DataError: If a task is not as described, or a span does not fit and its policy is ``"error"``.
    """
    reader = _LabelStudio(path, options)
    for record in _parse_list(text, path):
        reader.add(record)
    return Result(reader.collector.sentences, reader.collector.tally.notes())


Opener = Callable[[Sequence[str], str, ReadOptions], PieceReader[str]]

READERS: dict[str, tuple[Callable[[str], bool], Callable[[str, str, ReadOptions], Result], Opener | None]] = {
    "labelstudio": (looks_like_labelstudio, read_labelstudio, None),
    "prodigy": (looks_like_prodigy, read_prodigy, partial(SpanLinesReader, _Prodigy)),
    "doccano": (looks_like_doccano, read_doccano, partial(SpanLinesReader, _Doccano)),
}
"""What each tool's files look like, how they are read, and how piece by piece, where they can be."""
