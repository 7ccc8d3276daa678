"""Sizes and contents of a part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import chain

from nomina.data.audit.records import Lengths, PartFacts, PieceFacts, Unseen
from nomina.data.audit.view import View

__all__ = ["part_facts"]

_MOST_VALUES = 100


def part_facts(part: View, unseen: Mapping[str, Unseen], pieces: PieceFacts | None) -> PartFacts:
    """Count what a part holds.

    Args:
        part: The part.
        unseen: By type, mentions that are not in the training part.
        pieces: Facts about its word pieces.
    """
    corpus = part.corpus
    features = {name: part.values(name) for name in sorted({name for s in corpus for name in s.features})}
    labels = Counter(chain.from_iterable(s.labels or () for s in corpus))
    types = Counter(span.label for spans in part.spans for span in spans)
    return PartFacts(
        name=part.name,
        source=corpus.source,
        n_sentences=len(corpus),
        n_words=corpus.n_words,
        n_documents=len({(s.source, s.document) for s in corpus if s.document is not None}),
        n_distinct_words=len(part.words),
        scheme=None if part.scheme is None else part.scheme.value,
        encoding="Windows-1252" if any(note.kind == "encoding" for note in corpus.notes) else None,
        n_words_per_sentence=Lengths.of([len(s) for s in corpus]),
        labels=dict(labels.most_common()),
        types=dict(types.most_common()),
        features={name: dict(values.most_common(_MOST_VALUES)) for name, values in features.items()},
        n_values={name: len(values) for name, values in features.items()},
        unseen=dict(unseen),
        pieces=pieces,
    )
