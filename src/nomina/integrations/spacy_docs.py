"""Sentences of spaCy's Docs, and the entities, spans and scores that a model leaves in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nomina.data import records
from nomina.data.records import MISSING, Sentence
from nomina.data.tagsets import POS
from nomina.errors import MissingExtraError

try:
    from spacy.tokens import Doc, Span, SpanGroup
except ImportError as error:
    raise MissingExtraError("spacy", "spacy") from error

__all__ = ["Part", "parts_of", "set_entities"]


class Part(NamedTuple):
    """A sentence of a Doc.

    Attributes:
        doc: Which Doc of a batch, from 0.
        tokens: Places of its words among the Doc's tokens, ascending; white space carries no word.
        sentence: Its words, with part-of-speech tags where they are to be read.
    """

    doc: int
    tokens: list[int]
    sentence: Sentence


def parts_of(doc: Doc, number: int, attribute: str | None) -> Iterator[Part]:
    """The sentences of a Doc that hold words; the whole Doc is one where it has no borders.

    Args:
        doc: The Doc.
        number: Its place in a batch, from 0.
        attribute: The attribute of tokens that holds part-of-speech tags; ``None`` to read none.
    """
    has_borders = doc.has_annotation("SENT_START")
    bounds = [(sentence.start, sentence.end) for sentence in doc.sents] if has_borders else [(0, len(doc))]
    for start, end in bounds:
        tokens = [token for token in doc[start:end] if not token.is_space]
        if not tokens:
            continue
        tags = {} if attribute is None else {POS: tuple(getattr(token, attribute) or MISSING for token in tokens)}
        sentence = Sentence(tuple(token.text for token in tokens), features=tags, document=str(number))
        yield Part(number, [token.i for token in tokens], sentence)


def set_entities(doc: Doc, entities: Sequence[records.Span], *, key: str, overwrite: bool) -> None:
    """Set ``doc.ents``, and the spans with their scores in ``doc.spans``.

    Args:
        doc: The Doc.
        entities: Its entities, in order; starts and ends are indices of tokens.
        key: Name of the group of spans.
        overwrite: Whether entities that are there already go. If not, those that share no token with them are added.
    """
    spans = [Span(doc, entity.start, entity.end, label=entity.label) for entity in entities]
    # "scores" is where spaCy's own span categoriser has them. A DocBin keeps a group with its attributes, unasked.
    attributes = {
        "scores": np.array([entity.score for entity in entities], dtype=np.float32),
        "places": [[span.start_char, span.end_char, span.label_] for span in spans],
    }
    doc.spans[key] = SpanGroup(doc, name=key, attrs=attributes, spans=spans)
    if not overwrite:
        _add(doc, spans)
        return
    for token in doc:  # set_ents would leave them
        token.ent_id_ = token.ent_kb_id_ = ""
    doc.set_ents(spans)


def _add(doc: Doc, spans: Sequence[Span]) -> None:
    blocked = [token.i for token in doc if token.ent_iob_ == "B" and not token.ent_type]
    taken = {*blocked, *(token.i for entity in doc.ents for token in entity)}
    added = [span for span in spans if taken.isdisjoint(range(span.start, span.end))]
    doc.set_ents([*doc.ents, *added], blocked=[doc[i : i + 1] for i in blocked])


def _score(span: Span) -> float | None:
    """The score of a span that a model found; ``None`` for others.

    Spans of a group know their tokens by number, and are wrong, or gone, once tokens were merged. Characters stay.
    """
    place = (span.start_char, span.end_char, span.label_)
    for group in reversed(list(span.doc.spans.values())):
        for other, score in zip(group.attrs.get("places", ()), group.attrs.get("scores", ()), strict=False):
            if tuple(other) == place:
                return float(score)
    return None


if not Span.has_extension("score"):  # another package's stays
    Span.set_extension("score", getter=_score)
