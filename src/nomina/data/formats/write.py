"""Write labelled sentences, one at a time, as text; :mod:`nomina.data.formats.writing` writes whole corpora."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nomina.data.offsets import Located, located
from nomina.data.records import Sentence, Span
from nomina.data.tags import read_spans

if TYPE_CHECKING:
    from nomina.data.formats.faults import BadRecord

__all__ = [
    "BAD_WRITERS",
    "ENDS_RECORD",
    "TOKEN_KEYS",
    "WRITERS",
    "bad_conll",
    "bad_jsonl",
    "conll",
    "doccano",
    "feature_columns",
    "flat_located",
    "jsonl",
    "labelstudio",
    "one_line",
    "prodigy",
    "record",
    "tokens_of",
    "words_of",
]

TOKEN_KEYS = frozenset({"text", "start", "end", "id", "ws"})
"""Keys of a token in Prodigy's format; any other is a token feature."""

_LINE_BREAK = re.compile(r"[\r\n]")


def conll(sentence: Sentence, labels: Sequence[str], spans: Sequence[Span] = ()) -> str:
    """Word, token features and label, separated by tabs, and a blank line after the sentence.

    Spans are not written: they say the same as the labels. A word of a text never holds a tab or a line end.
    """
    columns = [sentence.words, *sentence.features.values(), labels]
    return "".join("\t".join(row) + "\n" for row in zip(*columns, strict=True)) + "\n"


def jsonl(sentence: Sentence, labels: Sequence[str], spans: Sequence[Span] = ()) -> str:
    """One JSON object on a line: ``tokens``, ``pos_tags``, other features, ``ner_tags``, ``spans``.

    Spans count words, ends are exclusive; with the original ``text``, they have character offsets as well, and
    ``start_char`` says where it begins in the text that it was cut from.
    """
    row: dict[str, object] = {"tokens": sentence.words}
    row |= feature_columns(sentence)
    row["ner_tags"] = labels
    row["spans"] = [_span(span) for span in spans]
    row |= _origin(sentence)
    if sentence.text is not None:
        row["start_char"] = sentence.start_char
    return json.dumps(row, ensure_ascii=False) + "\n"


def bad_conll(bad: BadRecord) -> str:
    """A record that could not be read, as comments in the place of its rows: readers of columns pass over them."""
    rows = [f"# error = {_place(bad)}{one_line(bad.error)}", *(f"# raw = {line}" for line in bad.raw.splitlines())]
    return "".join(f"{row}\n" for row in rows) + "\n"


def bad_jsonl(bad: BadRecord) -> str:
    """A record that could not be read, as an object of its own: ``error``, ``source``, ``line``, ``raw``."""
    row = {"error": bad.error, "source": bad.path, "line": bad.line, "raw": bad.raw}
    return json.dumps(row, ensure_ascii=False) + "\n"


def _place(bad: BadRecord) -> str:
    return f"{one_line(bad.path)}:{bad.line}: " if bad.line is not None else f"{one_line(bad.path)}: "


def words_of(written: str) -> list[str]:
    """The words of a record that :data:`WRITERS` wrote; of one that could not be read, what was written."""
    if written.startswith('{"tokens": '):
        words: list[str] = json.loads(written)["tokens"]
        return words
    return [line.partition("\t")[0] for line in written.splitlines()]


def record(sentence: Sentence) -> dict[str, Any]:
    """A sentence as a record of JSON lines, Parquet and the ``datasets`` library; what is not known is left out."""
    row: dict[str, Any] = {"tokens": list(sentence.words)}
    row |= {name: list(values) for name, values in feature_columns(sentence).items()}
    if sentence.labels is not None:
        row["ner_tags"] = list(sentence.labels)
    return row | _origin(sentence)


def feature_columns(sentence: Sentence) -> dict[str, Sequence[str]]:
    """Token features under the keys that JSONL has for them: ``pos_tags``, and all others by their own name."""
    return {("pos_tags" if name == "pos" else name): values for name, values in sentence.features.items()}


def doccano(sentence: Sentence) -> dict[str, Any]:
    """A record of doccano's JSONL; ``label`` holds ``[start, end, type]``."""
    place = flat_located(sentence)
    row: dict[str, Any] = {"text": place.text}
    if sentence.labels is not None:
        row["label"] = [list(span) for span in place.characters(read_spans(sentence.labels).spans)]
    row["tokens"] = tokens_of(sentence, place)
    return row | _document(sentence)


def prodigy(sentence: Sentence) -> dict[str, Any]:
    """A record of Prodigy's JSONL; labelled ones are accepted answers, and others tell the tool by its ``_view_id``."""
    place = flat_located(sentence)
    row: dict[str, Any] = {"text": place.text, "tokens": tokens_of(sentence, place)}
    if sentence.labels is not None:
        spans = read_spans(sentence.labels).spans
        row["spans"] = [
            {"start": start, "end": end, "token_start": span.start, "token_end": span.end - 1, "label": label}
            for span, (start, end, label) in zip(spans, place.characters(spans), strict=True)
        ]
        row["answer"] = "accept"
    else:
        row["_view_id"] = "ner_manual"  # a text without any key of Prodigy's would be taken for doccano's
    return row | ({"meta": _document(sentence)} if sentence.document is not None else {})


def labelstudio(sentence: Sentence) -> dict[str, Any]:
    """A task of Label Studio, which it imports for a labelling configuration ``label`` of ``text``."""
    place = flat_located(sentence)
    task: dict[str, Any] = {"data": {"text": place.text, "tokens": tokens_of(sentence, place)} | _document(sentence)}
    if sentence.labels is None:
        return task
    results = [
        {
            "from_name": "label",
            "to_name": "text",
            "type": "labels",
            "value": {"start": start, "end": end, "text": place.text[start:end], "labels": [label]},
        }
        for start, end, label in place.characters(read_spans(sentence.labels).spans)
    ]
    return task | {"annotations": [{"result": results, "was_cancelled": False}]}


def flat_located(sentence: Sentence) -> Located:
    """A text of one line that holds all words of a sentence: line breaks in it become spaces, so that offsets stay."""
    place = located(sentence)
    return place._replace(text=one_line(place.text))


def one_line(text: str) -> str:
    """A text with spaces for line breaks, one for each character, so that offsets stay."""
    return _LINE_BREAK.sub(" ", text)


def tokens_of(sentence: Sentence, place: Located, position: int = 0) -> list[dict[str, Any]]:
    """Words as Prodigy has them, with their token features.

    Args:
        sentence: Whose words.
        place: Where they stand in its text.
        position: Where that text begins.
    """
    tokens = []
    for i, (word, (start, end)) in enumerate(zip(sentence.words, place.words, strict=True)):
        ws = place.text[end : end + 1] == " "
        token: dict[str, Any] = {"text": word, "start": position + start, "end": position + end, "id": i, "ws": ws}
        tokens.append(token | {name: values[i] for name, values in sentence.features.items()})
    return tokens


def _span(span: Span) -> dict[str, object]:
    facts: dict[str, object] = {"label": span.label, "start": span.start, "end": span.end}
    if span.score is not None:
        facts["score"] = round(span.score, 4)
    if span.start_char is not None:
        facts |= {"start_char": span.start_char, "end_char": span.end_char}
    return facts


def _document(sentence: Sentence) -> dict[str, str]:
    return {} if sentence.document is None else {"document": sentence.document}


def _origin(sentence: Sentence) -> dict[str, str]:
    return _document(sentence) | ({} if sentence.text is None else {"text": sentence.text})


WRITERS: dict[str, Callable[[Sentence, Sequence[str], Sequence[Span]], str]] = {"conll": conll, "jsonl": jsonl}
"""Writers by the name of their format."""

BAD_WRITERS: dict[str, Callable[[BadRecord], str]] = {"conll": bad_conll, "jsonl": bad_jsonl}
"""The same for records that could not be read."""

ENDS_RECORD: dict[str, Callable[[bytes], bool]] = {"conll": lambda line: line == b"\n", "jsonl": lambda line: True}
"""Whether a line that was written ends a record, by the name of the format."""
