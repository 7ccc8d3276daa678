"""Write labelled sentences, one at a time, as text; :mod:`nomina.data.formats.writing` writes whole corpora."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from nomina.data.offsets import Located, located
from nomina.data.records import Sentence, Span
from nomina.data.tags import read_spans

__all__ = [
    "TOKEN_KEYS",
    "WRITERS",
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

    Spans count words, ends are exclusive; with the original ``text``, they have character offsets as well.
    """
    row: dict[str, object] = {"tokens": sentence.words}
    row |= feature_columns(sentence)
    row["ner_tags"] = labels
    row["spans"] = [_span(span) for span in spans]
    return json.dumps(row | _origin(sentence), ensure_ascii=False) + "\n"


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
