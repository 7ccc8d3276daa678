"""Units of text drawn anew with replacement: what intervals and tests of significance rest on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from nomina.data.records import Sentence

__all__ = ["N_RESAMPLES", "Units", "choose_units", "drawn_sums", "sum_by_unit"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

N_RESAMPLES = 10_000
"""Draws of a bootstrap where nothing else is said."""

MIN_DOCUMENTS = 10
"""Fewest documents that are drawn as wholes; with fewer, hardly any two draws differ."""

_AT_ONCE = 1_000_000  # drawn units, which bounds memory
_EXACT_FLOAT32 = 2**24  # whole numbers up to here are exact


class Units(NamedTuple):
    """What is drawn as a whole.

    Attributes:
        kind: ``"documents"`` or ``"sentences"``.
        ids: Unit of each sentence, in [0, ``n``), int64 [n_sentences].
        n: Number of units.
    """

    kind: Literal["documents", "sentences"]
    ids: Ints
    n: int


def choose_units(sentences: Sequence[Sentence], *, min_documents: int = MIN_DOCUMENTS) -> Units:
    """Documents where every sentence has one and there are enough, else sentences.

    Sentences of one document resemble each other, so that intervals by sentences alone are too narrow.

    Args:
        sentences: What was scored.
        min_documents: Fewest documents.
    """
    ids: dict[tuple[str | None, str | None], int] = {}
    documents = [ids.setdefault((sentence.document, sentence.source), len(ids)) for sentence in sentences]
    if len(ids) >= min_documents and all(sentence.document is not None for sentence in sentences):
        return Units("documents", np.array(documents, dtype=np.int64), len(ids))
    return Units("sentences", np.arange(len(sentences), dtype=np.int64), len(sentences))


def sum_by_unit(counts: Ints, ids: Ints) -> Ints:
    """Add up the counts of the sentences of each unit.

    Args:
        counts: By sentence, int64 [n_sentences, ...].
        ids: Unit of each sentence, int64 [n_sentences].

    Returns:
        int64 [n_units, ...].
    """
    sums = np.zeros((int(ids.max(initial=-1)) + 1, *counts.shape[1:]), dtype=np.int64)
    np.add.at(sums, ids, counts)
    return sums


def drawn_sums(counts: Ints, n_resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Sums over as many units as there are, drawn with replacement (Efron and Tibshirani 1993, section 6.2).

    Args:
        counts: By unit, int64 [n_units, ...].
        n_resamples: Draws, 1 or more.
        rng: Source of the draws. It may be used between two steps.

    Yields:
        Sums of some draws, float64 [n, ...]; whole numbers, ``n_resamples`` of them over all steps.
    """
    n_units = len(counts)
    exact = np.float32 if n_units * counts.max(initial=0) < _EXACT_FLOAT32 else np.float64  # the faster product
    columns = counts.reshape(n_units, math.prod(counts.shape[1:])).astype(exact)
    at_once = max(1, _AT_ONCE // max(n_units, 1))
    for start in range(0, n_resamples, at_once):
        n = min(at_once, n_resamples - start)
        weights = _weights(rng, n, n_units).astype(exact)
        yield (weights @ columns).reshape(n, *counts.shape[1:]).astype(np.float64)


def _weights(rng: np.random.Generator, n: int, n_units: int) -> Ints:
    """How often each unit is drawn, int64 [n, n_units]; each row sums to ``n_units``."""
    if not n_units:
        return np.zeros((n, 0), dtype=np.int64)
    drawn = rng.integers(n_units, size=(n, n_units)) + n_units * np.arange(n)[:, None]
    return np.bincount(drawn.ravel(), minlength=n * n_units).reshape(n, n_units)
