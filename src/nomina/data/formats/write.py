"""Write labelled sentences, one at a time: CoNLL columns or JSONL."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from nomina.data.records import Sentence, Span

__all__ = ["WRITERS", "columns_header", "conll", "feature_columns", "jsonl"]


def conll(sentence: Sentence, labels: Sequence[str], spans: Sequence[Span] = ()) -> str:
    """Word, token features and label, separated by tabs, and a blank line after the sentence.

    Spans are not written: they say the same as the labels. A word of a text never holds a tab or a line end.
    """
    columns = [sentence.words, *sentence.features.values(), labels]
    return "".join("\t".join(row) + "\n" for row in zip(*columns, strict=True)) + "\n"


def columns_header(features: Sequence[str]) -> str:
    """The line that names the columns of :func:`conll`, as CoNLL-U Plus has it, for files that are read again.

    Args:
        features: Names of the token features, in the order of the columns.
    """
    names = ["XPOS" if name == "pos" else f"NOMINA:{name.upper()}" for name in features]
    return f"# global.columns = {' '.join(['FORM', *names, 'NOMINA:NER'])}\n"


def jsonl(sentence: Sentence, labels: Sequence[str], spans: Sequence[Span] = ()) -> str:
    """One JSON object on a line: ``tokens``, ``pos_tags``, other features, ``ner_tags``, ``spans``.

    Spans count words, ends are exclusive; with the original ``text``, they have character offsets as well.
    """
    row: dict[str, object] = {"tokens": sentence.words}
    row |= feature_columns(sentence)
    row["ner_tags"] = labels
    row["spans"] = [_span(span) for span in spans]
    for name, value in (("document", sentence.document), ("text", sentence.text)):
        if value is not None:
            row[name] = value
    return json.dumps(row, ensure_ascii=False) + "\n"


def feature_columns(sentence: Sentence) -> dict[str, Sequence[str]]:
    """Token features under the keys that JSONL has for them: ``pos_tags``, and all others by their own name."""
    return {("pos_tags" if name == "pos" else name): values for name, values in sentence.features.items()}


def _span(span: Span) -> dict[str, object]:
    facts: dict[str, object] = {"label": span.label, "start": span.start, "end": span.end}
    if span.score is not None:
        facts["score"] = round(span.score, 4)
    if span.start_char is not None:
        facts |= {"start_char": span.start_char, "end_char": span.end_char}
    return facts


WRITERS: dict[str, Callable[[Sentence, Sequence[str], Sequence[Span]], str]] = {"conll": conll, "jsonl": jsonl}
"""Writers by the name of their format."""
