"""Which entity was taken for which: gold types by predicted types, with what was missed and what was made up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nomina.scoring.chunks import Chunk
from nomina.scoring.matching import Overlaps, find_overlaps
from nomina.scoring.pairs import pair_entities
from nomina.scoring.spans import Ints, Spans

__all__ = ["EntityConfusion", "count_entities"]


@dataclass(frozen=True, slots=True)
class EntityConfusion:
    """Entities by gold and predicted type, each in exactly one cell; n types.

    A gold and a predicted entity are a pair where :func:`~nomina.scoring.pairs.pair_entities` makes them one. Every
    other gold entity was missed, every other predicted one is spurious.

    Attributes:
        types: Entity types with a gold or a predicted entity, alphabetically; of rows and columns alike.
        exact: Pairs with the same words, ``[n][n]``, rows gold, columns predicted.
        boundary: Pairs that share some words but not all, ``[n][n]``.
        missed: Gold entities without a partner, ``[n]``.
        spurious: Predicted entities without a partner, ``[n]``.

    Raises:
        ValueError: If the counts are not one row and one column per type.
    """

    types: tuple[str, ...]
    exact: tuple[tuple[int, ...], ...]
    boundary: tuple[tuple[int, ...], ...]
    missed: tuple[int, ...]
    spurious: tuple[int, ...]

    def __post_init__(self) -> None:
        n = len(self.types)
        rows = (self.missed, self.spurious, *self.exact, *self.boundary)
        if not len(self.exact) == len(self.boundary) == n or any(len(row) != n for row in rows):
            raise ValueError(f"expected {n} rows and columns of counts, one per type")

    @property
    def pairs(self) -> Ints:
        """All pairs, with the same words or not, int64 [n, n]."""
        n = len(self.types)
        both: Ints = np.array([self.exact, self.boundary], dtype=np.int64).reshape(2, n, n).sum(axis=0)
        return both

    @property
    def n_gold(self) -> tuple[int, ...]:
        """Gold entities of each type: the sums of the rows, what was missed included."""
        return tuple((self.pairs.sum(axis=1) + np.array(self.missed, dtype=np.int64)).tolist())

    @property
    def n_predicted(self) -> tuple[int, ...]:
        """Predicted entities of each type: the sums of the columns, what is spurious included."""
        return tuple((self.pairs.sum(axis=0) + np.array(self.spurious, dtype=np.int64)).tolist())

    def to_dict(self) -> dict[str, Any]:
        """Types and counts as plain lists for JSON."""
        return {
            "types": list(self.types),
            "exact": [list(row) for row in self.exact],
            "boundary": [list(row) for row in self.boundary],
            "missed": list(self.missed),
            "spurious": list(self.spurious),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> EntityConfusion:
        """Read what :meth:`to_dict` wrote."""

        def row(counts: Sequence[Any]) -> tuple[int, ...]:
            return tuple(int(count) for count in counts)

        return cls(
            types=tuple(record["types"]),
            exact=tuple(map(row, record["exact"])),
            boundary=tuple(map(row, record["boundary"])),
            missed=row(record["missed"]),
            spurious=row(record["spurious"]),
        )


def count_entities(gold: Spans, predicted: Spans, types: Sequence[str]) -> EntityConfusion:
    """Count pairs, missed and spurious entities.

    Args:
        gold: Gold entities.
        predicted: Predicted entities.
        types: Names of the types.
    """
    n = len(types)
    overlaps = find_overlaps(gold, predicted)
    # Where neither of two shares a word with a third, there is nothing to choose.
    contested = overlaps.is_contested
    plain = overlaps.where(~contested)
    cells = gold.label[plain.gold] * n + predicted.label[plain.predicted]
    exact = np.bincount(cells[plain.same_words], minlength=n * n).reshape(n, n)
    boundary = np.bincount(cells[~plain.same_words], minlength=n * n).reshape(n, n)
    for own, found in _choose(gold, predicted, overlaps.where(contested), types):
        boundary[own, found] += 1  # entities with the same words are never contested
    pairs = exact + boundary
    n_gold, n_predicted = (np.bincount(spans.label, minlength=n) for spans in (gold, predicted))
    used = np.flatnonzero(n_gold + n_predicted)
    return EntityConfusion(
        types=tuple(types[i] for i in used.tolist()),
        exact=_rows(exact[np.ix_(used, used)]),
        boundary=_rows(boundary[np.ix_(used, used)]),
        missed=tuple((n_gold - pairs.sum(axis=1))[used].tolist()),
        spurious=tuple((n_predicted - pairs.sum(axis=0))[used].tolist()),
    )


def _choose(gold: Spans, predicted: Spans, overlaps: Overlaps, types: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pair the entities of contested overlaps; yields the gold and the predicted type of each pair."""
    own, found = (
        _by_sentence(spans, np.unique(indices), types)
        for spans, indices in ((gold, overlaps.gold), (predicted, overlaps.predicted))
    )
    index = {name: i for i, name in enumerate(types)}
    for sentence, chunks in own.items():
        for pair in pair_entities(chunks, found[sentence]):
            if pair.gold is not None and pair.predicted is not None:
                yield index[pair.gold.label], index[pair.predicted.label]


def _by_sentence(spans: Spans, indices: Ints, types: Sequence[str]) -> dict[int, list[Chunk]]:
    chunks: defaultdict[int, list[Chunk]] = defaultdict(list)
    for sentence, start, end, label in zip(*(column[indices].tolist() for column in spans), strict=True):
        chunks[sentence].append(Chunk(types[label], start, end))
    return chunks


def _rows(matrix: npt.NDArray[np.integer]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, matrix.tolist()))
