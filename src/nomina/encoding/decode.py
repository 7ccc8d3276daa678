"""From scores of words to tags and spans: the one decoder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from nomina.data.records import Sentence, Span
from nomina.data.tags import Scheme, read_spans

__all__ = ["spans_of", "tags_of"]


def tags_of(
    label_ids: npt.NDArray[np.int64], labels: Sequence[str], sentence_offsets: npt.NDArray[np.int64]
) -> list[tuple[str, ...]]:
    """Tags of every sentence.

    Args:
        label_ids: Best label of each word of the corpus, int64 [n_words].
        labels: Label names by id.
        sentence_offsets: Where each sentence's words start, int64 [n_sentences + 1].
    """
    tags = [labels[i] for i in label_ids.tolist()]
    bounds = sentence_offsets.tolist()
    return [tuple(tags[a:b]) for a, b in pairwise(bounds)]


def spans_of(
    sentence: Sentence, tags: Sequence[str], scheme: Scheme, probabilities: npt.NDArray[np.float32] | None = None
) -> tuple[Span, ...]:
    """Entities of one sentence, with character offsets where its text is known.

    Args:
        sentence: The words.
        tags: One tag per word; invalid sequences are read as conlleval does.
        scheme: Scheme of the tags.
        probabilities: Probability of each word's tag, float32 [n_words]. A span's score is their geometric mean, which
            does not fall with its length alone.
    """
    offsets = sentence.offsets()
    spans = []
    for span in read_spans(tags, scheme).spans:
        score = None
        if probabilities is not None:
            score = float(np.exp(np.log(np.maximum(probabilities[span.start : span.end], 1e-12)).mean()))
        start_char = None if offsets is None else offsets[span.start][0]
        end_char = None if offsets is None else offsets[span.end - 1][1]
        spans.append(Span(span.label, span.start, span.end, score, start_char, end_char))
    return tuple(spans)
