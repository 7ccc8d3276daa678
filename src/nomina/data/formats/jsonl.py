"""JSON lines: one object a sentence, with ``tokens`` and, where known, ``pos_tags`` and ``ner_tags``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nomina.data.formats.collect import BLANK, Collector, ReadOptions, Result, is_blank
from nomina.data.formats.pieces import PieceReader
from nomina.data.formats.source import load, split_lines
from nomina.data.records import Sentence
from nomina.errors import DataError

__all__ = ["JsonLinesReader", "RecordReader", "looks_like", "read", "read_names"]

_WORDS = ("tokens", "words")
_POS = ("pos_tags", "pos")
_LABELS = ("ner_tags", "labels", "tags")
_DOCUMENT = ("document", "document_id", "doc_id")
_EXAMPLE = '{"tokens": ["Ada", "wrote"], "pos_tags": ["NNP", "VBD"], "ner_tags": ["B-per", "O"]}'


def looks_like(head: str) -> bool:
    """Whether the file begins with an object that has a key."""
    return re.match(r'[ \t\r\n]*\{[ \t\r\n]*"', head) is not None


def read(text: str, path: str, options: ReadOptions) -> Result:
    """Read JSON lines.

    Keys: ``tokens`` (or ``words``), ``pos_tags`` (``pos``), ``ner_tags`` (``labels``, ``tags``), ``id``, ``document``,
    ``text``. Any other list of strings with one entry per token becomes a token feature. Beside tags, ``spans`` say the
    same once more and are not read.

    Raises:
        DataError: If a line is no JSON object, lists differ in length, or integer labels come without their names.
        TagError: If an entity tag is none.
    """
    lines = split_lines(text)
    return JsonLinesReader(lines, path, options).whole(lines)


class JsonLinesReader(PieceReader[str]):
    """Reads JSON lines; see :func:`read`.

    Args:
        head: The first lines, which decide nothing.
        path: The file, for errors.
        options: How to read.
    """

    def __init__(self, head: Sequence[str], path: str, options: ReadOptions) -> None:
        super().__init__()
        self._path = path
        self._names = read_names(options.label_names)
        self._keeps_untagged = options.strict_rows

    def read(self, items: Sequence[str], first: int) -> list[Sentence]:  # noqa: D102
        reader = RecordReader(self._path, self._names, keeps_untagged=self._keeps_untagged)
        for number, line in enumerate(items, first):
            if not is_blank(line):
                reader.add(_parse(line, self._path, number), number)
        self._tally.update(reader.collector.tally)
        return reader.collector.sentences


def _parse(line: str, path: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"expected one whole JSON object on this line, such as {_EXAMPLE}, found a fault: {error}",
            path=path,
            line=number,
        ) from error
    if not isinstance(record, dict):
        raise DataError(f"expected a JSON object such as {_EXAMPLE}, found {line[:60]!r}", path=path, line=number)
    return record


def read_names(names: Sequence[str] | str | Path | None) -> tuple[str, ...] | None:
    """Names of integer labels, from a file if one is named.

    Raises:
        DataError: If the file cannot be read.
    """
    if names is None:
        return None
    if isinstance(names, (str, Path)):
        return tuple(name.strip(BLANK) for name in split_lines(load(names).text) if not is_blank(name))
    return tuple(names)


class RecordReader:
    """Turns records into sentences, one after the other.

    Args:
        path: The file, for errors.
        names: Names of integer labels, in order.
        keeps_untagged: As for :class:`~nomina.data.formats.collect.Collector`.
    """

    def __init__(self, path: str, names: Sequence[str] | None, *, keeps_untagged: bool) -> None:
        self.collector = Collector(path, (), labelled=False, keeps_untagged=keeps_untagged)
        self._path = path
        self._names = names

    def add(self, record: dict[str, Any], line: int) -> None:
        """Add one sentence.

        Raises:
            DataError: If the record is not as described in :func:`read`.
            TagError: If an entity tag is none.
        """
        words = self._words(record, line)
        labels = self._labels(record, len(words), line)
        features = self._features(record, len(words), line)
        self.collector.open(tuple(features), labelled=labels is not None)
        for i, word in enumerate(words):
            values = [values[i] or "" for values in features.values()]
            self.collector.add(line, word, values, None if labels is None else labels[i])
        if not self.collector.has_rows:
            self.collector.tally.add("empty_sentence", line)
        self.collector.close(_scalar(record, _DOCUMENT), _scalar(record, ("text",)))

    def _fault(self, message: str, line: int) -> DataError:
        return DataError(message, path=self._path, line=line)

    def _words(self, record: dict[str, Any], line: int) -> list[str]:
        key = _present(record, _WORDS)
        words = record.get(key) if key else None
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            found = f"{key} = {json.dumps(words)[:80]}" if key else f"the keys {', '.join(record) or '(none)'}"
            raise self._fault(f"expected 'tokens' with a list of strings, found {found}", line)
        return words

    def _labels(self, record: dict[str, Any], n_words: int, line: int) -> list[str | None] | None:
        key = _present(record, _LABELS)
        if key is None:
            return None
        values = self._column(record[key], key, n_words, line)
        return [self._name(v, key, line) if isinstance(v, int) else self._string(v, key, line) for v in values]

    def _name(self, number: int, key: str, line: int) -> str:
        if self._names is None:
            raise self._fault(
                f"expected entity tags as strings in {key!r}, found the integer {number}; give the names in order "
                "(label_names=['O', 'B-per', ...], or --label-names FILE with one name a line)",
                line,
            )
        if not 0 <= number < len(self._names):
            raise self._fault(f"expected integers from 0 to {len(self._names) - 1} in {key!r}, found {number}", line)
        return self._names[number]

    def _string(self, value: object, key: str, line: int) -> str | None:
        if value is None or isinstance(value, str):
            return value
        raise self._fault(f"expected strings in {key!r}, found {value!r}; give the tags by name", line)

    def _features(self, record: dict[str, Any], n_words: int, line: int) -> dict[str, list[str | None]]:
        features: dict[str, list[str | None]] = {}
        pos = _present(record, _POS)
        if pos is not None:
            features["pos"] = [self._string(v, pos, line) for v in self._column(record[pos], pos, n_words, line)]
        known = {"id", "text", pos, *(_present(record, keys) for keys in (_WORDS, _LABELS, _DOCUMENT))}
        if _present(record, _LABELS):
            known.add("spans")  # say the same as the tags
        for key, values in record.items():
            if key in known:
                continue
            is_column = isinstance(values, list) and len(values) == n_words and all(isinstance(v, str) for v in values)
            if is_column and n_words:
                features[key] = values
            else:
                self.collector.tally.add("unused", line, repr(key))
        return features

    def _column(self, values: object, key: str, n_words: int, line: int) -> list[Any]:
        if isinstance(values, list) and len(values) == n_words:
            return values
        found = f"{len(values)}" if isinstance(values, list) else json.dumps(values)[:80]
        raise self._fault(f"expected {n_words} entries in {key!r}, one per token, found {found}", line)


def _scalar(record: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    key = _present(record, keys)
    return None if key is None else str(record[key])


def _present(record: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    """The first of the keys that the record has with a value."""
    return next((key for key in keys if record.get(key) is not None), None)
