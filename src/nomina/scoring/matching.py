"""Gold and predicted entities of whole corpora set against each other, with arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nomina.scoring.scores import Counts
from nomina.scoring.spans import Ints, Spans

__all__ = ["Overlaps", "count_by_sentence", "count_by_type", "find_overlaps", "is_correct"]


class Overlaps(NamedTuple):
    """Pairs of a gold and a predicted entity that share a word; four arrays, one item per pair.

    The pairs stand in the order of the predicted entities, those of one predicted entity in the order of the gold.

    Attributes:
        gold: Index of the gold entity, int64.
        predicted: Index of the predicted entity, int64.
        same_words: Whether they have all words in common, bool; neither shares a word with a third one, then.
        same_type: Whether they have the same type, bool.
    """

    gold: Ints
    predicted: Ints
    same_words: npt.NDArray[np.bool_]
    same_type: npt.NDArray[np.bool_]

    def where(self, kept: npt.NDArray[np.bool_]) -> Overlaps:
        """The pairs for which a mask says so."""
        return Overlaps(self.gold[kept], self.predicted[kept], self.same_words[kept], self.same_type[kept])

    @property
    def is_contested(self) -> npt.NDArray[np.bool_]:
        """Whether one of the two is in another pair as well, bool."""
        contested: npt.NDArray[np.bool_] = (np.bincount(self.gold)[self.gold] > 1) | (
            np.bincount(self.predicted)[self.predicted] > 1
        )
        return contested


def find_overlaps(gold: Spans, predicted: Spans) -> Overlaps:
    """Find all pairs that share a word; each side's own entities do not overlap."""
    longest = _longest(gold, predicted)
    own_offset, other_offset = gold.sentence * longest, predicted.sentence * longest
    first = np.searchsorted(gold.end + own_offset, predicted.start + other_offset, side="right")
    last = np.searchsorted(gold.start + own_offset, predicted.end + other_offset, side="left")
    n_pairs = last - first
    found = np.repeat(np.arange(len(n_pairs)), n_pairs)
    own = np.arange(len(found)) - np.repeat(np.cumsum(n_pairs) - n_pairs - first, n_pairs)
    return Overlaps(
        own,
        found,
        same_words=(gold.start[own] == predicted.start[found]) & (gold.end[own] == predicted.end[found]),
        same_type=gold.label[own] == predicted.label[found],
    )


def is_correct(gold: Spans, predicted: Spans) -> npt.NDArray[np.bool_]:
    """Whether each predicted entity has the words and the type of a gold one, bool [n_predicted]."""
    longest = _longest(gold, predicted)
    # In ascending order, since the entities are in that of the text; no two of a side start at the same word.
    own = np.append(gold.sentence * longest + gold.start, -1)
    found = predicted.sentence * longest + predicted.start
    places = np.searchsorted(own[:-1], found)
    end, label = np.append(gold.end, -1)[places], np.append(gold.label, -1)[places]
    correct: npt.NDArray[np.bool_] = (own[places] == found) & (end == predicted.end) & (label == predicted.label)
    return correct


def _longest(gold: Spans, predicted: Spans) -> int:
    """Words up to the last entity of any sentence: a stride that keeps the places of different sentences apart."""
    return int(max(gold.end.max(initial=0), predicted.end.max(initial=0)))


def count_by_type(gold: Spans, predicted: Spans, types: Sequence[str]) -> dict[str, Counts]:
    """Count entities by type; types with neither gold nor a prediction do not appear, as in seqeval.

    Args:
        gold: Gold entities.
        predicted: Predicted entities.
        types: Names of the types.
    """
    correct = predicted.label[is_correct(gold, predicted)]
    columns = [np.bincount(labels, minlength=len(types)) for labels in (correct, predicted.label, gold.label)]
    counts = np.stack(columns, axis=1).tolist()
    return {name: Counts(*row) for name, row in zip(types, counts, strict=True) if any(row)}


def count_by_sentence(gold: Spans, predicted: Spans, n_sentences: int) -> Ints:
    """Count correct, predicted and gold entities of each sentence, int64 [n_sentences, 3]."""
    correct = predicted.sentence[is_correct(gold, predicted)]
    columns = [np.bincount(of, minlength=n_sentences) for of in (correct, predicted.sentence, gold.sentence)]
    return np.stack(columns, axis=1).astype(np.int64)
