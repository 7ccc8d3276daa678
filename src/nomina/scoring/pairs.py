"""Gold and predicted entities of a sentence, each set against at most one of the other side."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

from nomina.scoring.chunks import Chunk

__all__ = ["KINDS", "Kind", "Pair", "pair_entities"]

Kind = Literal["correct", "type", "boundary", "both", "missed", "spurious"]
"""What became of an entity: found as it is; with another type; with other boundaries; with both; not; or made up."""

KINDS: tuple[Kind, ...] = ("correct", "type", "boundary", "both", "missed", "spurious")


class Pair(NamedTuple):
    """A gold entity and what was predicted for it; one of the two may be absent, never both."""

    gold: Chunk | None
    predicted: Chunk | None

    @property
    def kind(self) -> Kind:
        """How the two differ."""
        if self.gold is None:
            return "spurious"
        if self.predicted is None:
            return "missed"
        same_type = self.gold.label == self.predicted.label
        if self.gold[1:] == self.predicted[1:]:
            return "correct" if same_type else "type"
        return "boundary" if same_type else "both"

    @property
    def start(self) -> int:
        """First word of either."""
        return min(chunk.start for chunk in self if chunk is not None)


def pair_entities(gold: Collection[Chunk], predicted: Collection[Chunk]) -> list[Pair]:
    """Pair the entities of one sentence, so that every one of them is in exactly one pair.

    Those with the same words are paired first, the same type before another; then those that share a word: the same
    type before another, more shared words before fewer, the left before the right. What is left over was missed, or is
    spurious.

    Args:
        gold: Gold entities.
        predicted: Predicted entities.

    Returns:
        The pairs by their first word.
    """
    exact = set(gold) & set(predicted)
    pairs = [Pair(chunk, chunk) for chunk in exact]
    rest, found = set(gold) - exact, set(predicted) - exact
    if rest and found:
        for pair in sorted(_touching(rest, found), key=_closeness):
            if pair.gold in rest and pair.predicted in found:
                rest.remove(pair.gold)
                found.remove(pair.predicted)
                pairs.append(pair)
    pairs += [Pair(chunk, None) for chunk in rest]
    pairs += [Pair(None, chunk) for chunk in found]
    return sorted(pairs, key=lambda pair: (pair.start, pair.gold is None, pair[0] or pair[1]))


def _touching(gold: set[Chunk], predicted: set[Chunk]) -> Iterator[Pair]:
    for own in gold:
        for other in predicted:
            if own.start < other.end and other.start < own.end:
                yield Pair(own, other)


def _closeness(pair: Pair) -> tuple[bool, bool, int, int, int, str, str]:
    own, other = pair
    assert own is not None
    assert other is not None
    n_shared = min(own.end, other.end) - max(own.start, other.start)
    same_words, same_type = own[1:] == other[1:], own.label == other.label
    return not same_words, not same_type, -n_shared, own.start, other.start, own.label, other.label
