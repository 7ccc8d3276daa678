"""How sure a score is: bootstrap confidence intervals of precision, recall and F1."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from nomina.scoring.chunks import Chunk
from nomina.scoring.resampling import N_RESAMPLES, Floats, Ints, Units, drawn_sums, sum_by_unit

__all__ = ["Entities", "Interval", "ScoreIntervals", "TypeCounts", "f1_intervals", "score_intervals", "type_counts"]

Entities: TypeAlias = Sequence[Collection[Chunk]]
"""The entities of each sentence."""

LEVEL = 0.95
"""Share of intervals that hold the true score."""

_TAIL = 100 * (1 - LEVEL) / 2


class Interval(NamedTuple):
    """A score and its 95 % interval, all in [0, 1].

    Attributes:
        value: The score on all sentences.
        low: Lower end.
        high: Upper end. Where nothing can be said, because fewer than two units hold an entity, the interval is 0 to 1.
    """

    value: float
    low: float
    high: float


class TypeCounts(NamedTuple):
    """Entities of each sentence and type.

    Attributes:
        labels: Every type with a gold or a predicted entity, alphabetically.
        counts: Correct, predicted and gold entities, int64 [n_sentences, n_types, 3].
    """

    labels: tuple[str, ...]
    counts: Ints


@dataclass(frozen=True)
class ScoreIntervals:
    """Intervals of the scores of one set of sentences.

    Attributes:
        units: What was drawn: ``"documents"`` or ``"sentences"``.
        n_units: How many of them there are.
        n_resamples: Draws.
        precision: Micro-averaged.
        recall: Micro-averaged.
        f1: Micro-averaged.
        macro_f1: Mean F1 of the types; of each draw, of the types that occur in it.
        by_type: F1 of each type, alphabetically.
    """

    units: Literal["documents", "sentences"]
    n_units: int
    n_resamples: int
    precision: Interval
    recall: Interval
    f1: Interval
    macro_f1: Interval
    by_type: Mapping[str, Interval]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON."""
        return {
            "level": LEVEL,
            "units": self.units,
            "n_units": self.n_units,
            "n_resamples": self.n_resamples,
            "precision": self.precision._asdict(),
            "recall": self.recall._asdict(),
            "f1": self.f1._asdict(),
            "macro_f1": self.macro_f1._asdict(),
            "by_type": {label: interval._asdict() for label, interval in self.by_type.items()},
        }


def type_counts(gold: Entities, predicted: Entities) -> TypeCounts:
    """Count the entities of each sentence by type.

    Args:
        gold: Gold entities of each sentence.
        predicted: Predicted entities of the same sentences.

    Raises:
        ValueError: If the numbers of sentences differ.
    """
    if len(gold) != len(predicted):
        raise ValueError(f"expected predictions for {len(gold)} sentences, found {len(predicted)}")
    labels = tuple(sorted({chunk.label for side in (gold, predicted) for chunks in side for chunk in chunks}))
    columns = {label: i for i, label in enumerate(labels)}
    places = [
        (sentence, columns[chunk.label], kind)
        for sentence, (own, found) in enumerate(zip(gold, predicted, strict=True))
        for kind, chunks in enumerate((set(own) & set(found), found, own))
        for chunk in chunks
    ]
    counts = np.zeros((len(gold), len(labels), 3), dtype=np.int64)
    np.add.at(counts, tuple(np.array(places, dtype=np.int64).reshape(-1, 3).T), 1)
    return TypeCounts(labels, counts)


def score_intervals(
    gold: Entities, predicted: Entities, units: Units, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> ScoreIntervals:
    """Percentile intervals of the scores (Efron and Tibshirani 1993, section 13.3).

    As many units as there are, drawn with replacement, are scored, again and again; the interval goes from the 2.5th to
    the 97.5th percentile of those scores. Draws in which a type does not occur say nothing of its F1 and are left out.

    Args:
        gold: Gold entities of each sentence, in the reading (default or strict) that the intervals are for.
        predicted: Predicted entities of the same sentences.
        units: What is drawn, from :func:`nomina.scoring.resampling.choose_units`.
        n_resamples: Draws, 1 or more.
        seed: Same seed, same intervals.

    Raises:
        ValueError: If the numbers of sentences differ.
    """
    labels, counts = type_counts(gold, predicted)
    by_unit = sum_by_unit(counts, units.ids)
    observed = _figures(by_unit.sum(0)[None])
    rng = np.random.default_rng(seed)
    drawn = np.concatenate([_figures(sums) for sums in drawn_sums(by_unit, n_resamples, rng)])
    n_filled = (by_unit.sum(2) > 0).sum(0)  # units with an entity of each type
    n_any = int((by_unit.sum((1, 2)) > 0).sum())
    ends = _intervals(observed[0], drawn, [n_any] * 4 + n_filled.tolist())
    precision, recall, f1, macro_f1 = (next(ends) for _ in range(4))
    return ScoreIntervals(
        units=units.kind,
        n_units=units.n,
        n_resamples=n_resamples,
        precision=precision,
        recall=recall,
        f1=f1,
        macro_f1=macro_f1,
        by_type=dict(zip(labels, ends, strict=True)),
    )


def f1_intervals(counts: Ints, *, n_resamples: int = N_RESAMPLES, seed: int = 0) -> list[Interval]:
    """Percentile intervals of the F1 of any groups of entities.

    Args:
        counts: Correct, predicted and gold entities by unit and group, int64 [n_units, n_groups, 3].
        n_resamples: Draws, 1 or more.
        seed: Same seed, same intervals.

    Returns:
        One for each group.
    """
    rng = np.random.default_rng(seed)
    drawn = np.concatenate([_f1(sums) for sums in drawn_sums(counts, n_resamples, rng)])
    return list(_intervals(_f1(counts.sum(0)), drawn, (counts.sum(2) > 0).sum(0).tolist()))


def _figures(sums: Floats | Ints) -> Floats:
    """Micro precision, recall and F1, macro F1, then the F1 of each type; [n, n_types, 3] -> [n, 4 + n_types].

    NaN where there is neither a gold nor a predicted entity.
    """
    total = sums.sum(1)
    is_empty = total[:, 1] + total[:, 2] == 0
    shares = np.divide(total[:, :1], total[:, 1:], out=np.zeros((len(sums), 2)), where=total[:, 1:] > 0)
    shares[is_empty] = np.nan
    f1 = _f1(sums)
    occurs = ~np.isnan(f1)
    n_types = occurs.sum(1)
    sum_f1 = np.where(occurs, f1, 0.0).sum(1)
    macro_f1 = np.divide(sum_f1, n_types, out=np.full(len(sums), np.nan), where=n_types > 0)
    return np.column_stack([shares, _f1(total), macro_f1, f1])


def _f1(sums: Floats | Ints) -> Floats:
    """F1 of counts [..., 3]; NaN where there is neither a gold nor a predicted entity."""
    entities = sums[..., 1] + sums[..., 2]
    f1: Floats = np.divide(2.0 * sums[..., 0], entities, out=np.full(entities.shape, np.nan), where=entities > 0)
    return f1


def _intervals(observed: Floats, drawn: Floats, n_filled: Sequence[int]) -> Iterator[Interval]:
    """One interval per column of the scores of the draws, [n_resamples, n_columns]."""
    for value, column, n in zip(observed.tolist(), drawn.T, n_filled, strict=True):
        if n < 2:
            yield Interval(0.0 if np.isnan(value) else value, 0.0, 1.0)
            continue
        low, high = np.percentile(column[~np.isnan(column)], [_TAIL, 100 - _TAIL])
        yield Interval(value, float(low), float(high))
