"""From scores of words to tags and spans: the one decoder.

A head scores the labels of each word. Where it also scores, or forbids, that one label follows another, the best labels
are those of the best path through a sentence. Borders are scored by one matrix ``[L + 1, L + 1]``: ``[i, j]`` that
label j follows label i, the last row that a sentence begins with j, the last column that it ends with i.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from nomina.data.confidence import calibrate
from nomina.data.records import Sentence, Span
from nomina.data.tags import Scheme, read_spans
from nomina.encoding.lengths import sorted_batches

__all__ = ["best_paths", "path_marginals", "softmax", "spans_of", "tags_of"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_WORDS = 32_768
"""Words, padding included, that are decoded together."""


def softmax(scores: Floats) -> Floats:
    """Probabilities over the last axis, float32, the shape of ``scores``."""
    shifted = np.exp(scores - scores.max(-1, keepdims=True))
    result: Floats = shifted / shifted.sum(-1, keepdims=True)
    return result


def best_paths(scores: Floats, borders: npt.NDArray[np.floating], sentence_offsets: Ints) -> Ints:
    """Labels of the best path through each sentence (Viterbi 1967).

    Args:
        scores: Of each word's labels, float32 [n_words, L].
        borders: Of labels that follow each other, [L + 1, L + 1] as above; ``-inf`` where that is forbidden.
        sentence_offsets: Where each sentence's words start, int64 [n_sentences + 1].

    Returns:
        int64 [n_words].
    """
    ids = np.zeros(len(scores), dtype=np.int64)
    follows, first, last = borders[:-1, :-1], borders[-1, :-1], borders[:-1, -1]
    for words, n_rows in _batches(sentence_offsets):
        best = scores[words[0]] + first
        came_from: list[Ints] = []
        for t in range(1, len(words)):
            n = n_rows[t]
            # A constant less at each step keeps the sums small; it changes no comparison.
            paths = (best[:n] - best[:n].max(-1, keepdims=True))[:, :, None] + follows
            came_from.append(paths.argmax(1))
            best[:n] = paths.max(1) + scores[words[t][:n]]
        labels = (best + last).argmax(-1)
        for t in range(len(words) - 1, -1, -1):
            n = n_rows[t]
            if t + 1 < len(words):  # shorter sentences end here, and begin with their last label
                n_longer = n_rows[t + 1]
                labels[:n_longer] = came_from[t][np.arange(n_longer), labels[:n_longer]]
            ids[words[t][:n]] = labels[:n]
    return ids


def path_marginals(scores: Floats, borders: npt.NDArray[np.floating], sentence_offsets: Ints) -> Floats:
    """Probability of each label of each word under a linear-chain CRF, all paths summed (forward-backward).

    Args:
        scores: As for :func:`best_paths`.
        borders: As for :func:`best_paths`.
        sentence_offsets: As for :func:`best_paths`.

    Returns:
        float32 [n_words, L]; each row sums to 1.
    """
    marginals = np.zeros(scores.shape, dtype=np.float32)
    highest = borders[np.isfinite(borders)].max(initial=0.0)
    follows = np.exp(borders[:-1, :-1].astype(np.float64) - highest)
    first, last = (np.exp(side.astype(np.float64) - highest) for side in (borders[-1, :-1], borders[:-1, -1]))
    for words, n_rows in _batches(sentence_offsets):
        weights = [np.exp((scores[w] - scores[w].max(-1, keepdims=True)).astype(np.float64)) for w in words]
        forward = [_normalised(weights[0] * first)]
        for t in range(1, len(words)):
            forward.append(_normalised((forward[-1][: n_rows[t]] @ follows) * weights[t]))
        after = np.tile(last, (n_rows[0], 1))  # of the words behind t, for sentences that go on and that end there
        for t in range(len(words) - 1, -1, -1):
            n = n_rows[t]
            if t + 1 < len(words):
                n_longer = n_rows[t + 1]
                after[:n_longer] = _normalised((after[:n_longer] * weights[t + 1]) @ follows.T)
            marginals[words[t]] = _normalised(forward[t] * after[:n])
    return marginals


def _normalised(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    result: npt.NDArray[np.float64] = values / values.sum(-1, keepdims=True)
    return result


def _batches(sentence_offsets: Ints) -> Iterator[tuple[list[Ints], list[int]]]:
    """Sentences side by side, longest first.

    Yields:
        words: For each position, the words that stand there, of the sentences that are long enough.
        n_rows: How many they are.
    """
    sizes = np.diff(sentence_offsets)
    filled = np.flatnonzero(sizes)
    for batch in sorted_batches(sizes[filled], _WORDS):
        rows = filled[batch]
        n_rows = [int(n) for n in np.searchsorted(-sizes[rows], -np.arange(1, sizes[rows[0]] + 1), side="right")]
        yield [sentence_offsets[rows[:n]] + t for t, n in enumerate(n_rows)], n_rows


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
    sentence: Sentence,
    tags: Sequence[str],
    scheme: Scheme,
    probabilities: npt.NDArray[np.float32] | None = None,
    *,
    temperature: float = 1.0,
) -> tuple[Span, ...]:
    """Entities of one sentence, with character offsets where its text is known.

    Args:
        sentence: The words.
        tags: One tag per word; invalid sequences are read as conlleval does.
        scheme: Scheme of the tags.
        probabilities: Probability of each word's tag, float32 [n_words]. A span's score is their geometric mean, which
            does not fall with its length alone, calibrated.
        temperature: The one that scores are calibrated with (:func:`nomina.data.confidence.calibrate`).
    """
    offsets = sentence.offsets()
    spans = []
    for span in read_spans(tags, scheme).spans:
        score = None
        if probabilities is not None:
            mean = np.exp(np.log(np.maximum(probabilities[span.start : span.end], 1e-12)).mean())
            score = float(calibrate(mean, temperature))
        start_char = None if offsets is None else offsets[span.start][0]
        end_char = None if offsets is None else offsets[span.end - 1][1]
        spans.append(Span(span.label, span.start, span.end, score, start_char, end_char))
    return tuple(spans)
