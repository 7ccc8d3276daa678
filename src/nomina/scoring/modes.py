"""nervaluate's four modes: what a prediction is worth whose type or whose words are not quite right.

They are those of SemEval-2013 task 9.1 (Segura-Bedmar, Martínez and Herrero-Zazo 2013), counted as nervaluate 1.2.1
(https://github.com/MantisAI/nervaluate) counts them. That settles what the task leaves open:

- From left to right, each predicted entity takes one gold entity that no other has taken: the one with the same words,
  else the first that it overlaps. In the type mode one of its own type goes first, the one whose borders lie closest.
  What is left over is missed or spurious, so that a better partner may be gone.
- To overlap is to share at least 1 % of the gold entity's words.
- The counts of a type are those of a corpus without any other type. They do not add up to the counts of all types: an
  entity with the right words and the wrong type is incorrect over all types, but spurious in one and missed in another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from nomina.scoring.matching import Overlaps, find_overlaps
from nomina.scoring.spans import Ints, Spans

__all__ = ["MODES", "ModeScores", "Modes", "Tally", "count_modes"]

Mask = npt.NDArray[np.bool_]

MODES: dict[str, str] = {
    "seqeval default": "An entity is right if its type and all its words are; tags that the scheme does not allow are "
    "read as conlleval reads them.",
    "seqeval strict": "As the default, but an entity whose tags the scheme does not allow is none.",
    "nervaluate strict": "An entity is right if its type and all its words are: the figures of seqeval's default.",
    "nervaluate exact": "An entity is right if all its words are, whatever its type.",
    "nervaluate partial": "As exact, and one that only overlaps a gold entity counts half, whatever its type.",
    "nervaluate type": "An entity is right if its type is and it overlaps a gold entity.",
}
"""What each of the six readings means, in a sentence."""

_LEAST_OVERLAP = 1.0
"""Per cent of the gold entity's words."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Outcomes in one mode, of one type or of all.

    Attributes:
        n_correct: Predicted entities that are right.
        n_incorrect: Paired with a gold entity, and wrong.
        n_partial: Paired with a gold entity, and half right; in the partial mode only.
        n_missed: Gold entities without a partner.
        n_spurious: Predicted entities without a partner.
    """

    n_correct: int = 0
    n_incorrect: int = 0
    n_partial: int = 0
    n_missed: int = 0
    n_spurious: int = 0

    @property
    def n_predicted(self) -> int:
        """Predicted entities."""
        return self.n_correct + self.n_incorrect + self.n_partial + self.n_spurious

    @property
    def n_gold(self) -> int:
        """Gold entities."""
        return self.n_correct + self.n_incorrect + self.n_partial + self.n_missed

    @property
    def precision(self) -> float:
        """Points per predicted entity, in [0, 1]: one for a correct, half of one for a partial; 0.0 without any."""
        return (self.n_correct + 0.5 * self.n_partial) / self.n_predicted if self.n_predicted else 0.0

    @property
    def recall(self) -> float:
        """Points per gold entity, in [0, 1]; 0.0 without any."""
        return (self.n_correct + 0.5 * self.n_partial) / self.n_gold if self.n_gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, in [0, 1]; 0.0 where both are 0."""
        precision, recall = self.precision, self.recall
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    def to_dict(self) -> dict[str, float | int]:
        """Figures, then the counts behind them."""
        figures = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return {**figures, **{field.name: getattr(self, field.name) for field in fields(self)}}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Tally:
        """Read what :meth:`to_dict` wrote; the figures are derived anew from the counts."""
        return cls(**{field.name: int(record[field.name]) for field in fields(cls)})


@dataclass(frozen=True)
class ModeScores:
    """Outcomes in one mode, over all types and by type.

    Attributes:
        overall: All types together.
        by_type: Every type with a gold or a predicted entity, alphabetically, each by itself.
    """

    overall: Tally
    by_type: Mapping[str, Tally]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "overall": self.overall.to_dict(),
            "by_type": {name: tally.to_dict() for name, tally in self.by_type.items()},
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> ModeScores:
        """Read what :meth:`to_dict` wrote."""
        by_type = {name: Tally.from_dict(tally) for name, tally in record["by_type"].items()}
        return cls(Tally.from_dict(record["overall"]), by_type)


@dataclass(frozen=True)
class Modes:
    """Outcomes in all four modes; :data:`MODES` says what each means.

    Attributes:
        strict: Type and words.
        exact: Words.
        partial: Words, half of a point for some of them.
        type: Type; nervaluate calls it ``ent_type``.
    """

    strict: ModeScores
    exact: ModeScores
    partial: ModeScores
    type: ModeScores

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON, by mode."""
        return {field.name: getattr(self, field.name).to_dict() for field in fields(self)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Modes:
        """Read what :meth:`to_dict` wrote."""
        return cls(**{field.name: ModeScores.from_dict(record[field.name]) for field in fields(cls)})


def count_modes(gold: Spans, predicted: Spans, types: Sequence[str]) -> Modes:
    """Count in all four modes.

    Args:
        gold: Gold entities.
        predicted: Predicted entities.
        types: Names of the types.
    """
    overlaps = _sufficient(gold, predicted, find_overlaps(gold, predicted))
    distance = _distance(gold, predicted, overlaps)
    one, another = np.zeros_like(gold.label), np.zeros_like(predicted.label)
    same = overlaps.same_type
    overall = _count(overlaps, distance, one, another, 1)
    by_type = _count(overlaps.where(same), distance[same], gold.label, predicted.label, len(types))
    return Modes(*(_scores(whole, parts, types) for whole, parts in zip(overall, by_type, strict=True)))


def _scores(overall: list[Tally], by_type: list[Tally], types: Sequence[str]) -> ModeScores:
    named = zip(types, by_type, strict=True)
    return ModeScores(overall[0], {name: tally for name, tally in named if tally.n_gold or tally.n_predicted})


def _sufficient(gold: Spans, predicted: Spans, overlaps: Overlaps) -> Overlaps:
    """The overlaps that nervaluate takes for one."""
    end = np.minimum(gold.end[overlaps.gold], predicted.end[overlaps.predicted])
    start = np.maximum(gold.start[overlaps.gold], predicted.start[overlaps.predicted])
    n_words = gold.end[overlaps.gold] - gold.start[overlaps.gold]
    return overlaps.where((end - start) / n_words * 100.0 >= _LEAST_OVERLAP)


def _distance(gold: Spans, predicted: Spans, overlaps: Overlaps) -> Ints:
    """Words between both starts and both ends of each pair, int64."""
    starts = np.abs(gold.start[overlaps.gold] - predicted.start[overlaps.predicted])
    distance: Ints = starts + np.abs(gold.end[overlaps.gold] - predicted.end[overlaps.predicted])
    return distance


def _count(
    overlaps: Overlaps, distance: Ints, own_groups: Ints, groups: Ints, n_groups: int
) -> tuple[list[Tally], list[Tally], list[Tally], list[Tally]]:
    """Count each group of entities by itself, in the modes strict, exact, partial and type."""
    n_gold, n_predicted = (np.bincount(of, minlength=n_groups) for of in (own_groups, groups))
    first = overlaps.where(_is_paired(overlaps, np.zeros_like(distance)))
    # Any of the same type goes before any other.
    closest = np.where(overlaps.same_type, distance, distance.max(initial=0) + 1)
    nearest = overlaps.where(_is_paired(overlaps, closest))

    def tallies(pairs: Overlaps, right: Mask, *, rest_is_partial: bool = False) -> list[Tally]:
        of_pairs = groups[pairs.predicted]
        n_pairs, n_right = (np.bincount(of, minlength=n_groups) for of in (of_pairs, of_pairs[right]))
        rest, none = n_pairs - n_right, np.zeros_like(n_pairs)
        n_incorrect, n_partial = (none, rest) if rest_is_partial else (rest, none)
        columns = (n_right, n_incorrect, n_partial, n_gold - n_pairs, n_predicted - n_pairs)
        return [Tally(*row) for row in np.stack(columns, axis=1).tolist()]

    return (
        tallies(first, first.same_words & first.same_type),
        tallies(first, first.same_words),
        tallies(first, first.same_words, rest_is_partial=True),
        tallies(nearest, nearest.same_type),
    )


def _is_paired(overlaps: Overlaps, rank: Ints) -> Mask:
    """Which overlaps become pairs, where each predicted entity takes the free gold entity of lowest rank, bool."""
    paired = ~overlaps.is_contested
    places = np.flatnonzero(~paired)
    places = places[np.lexsort((overlaps.gold[places], rank[places], overlaps.predicted[places]))]
    taken: set[int] = set()
    last = -1
    columns = (places.tolist(), overlaps.gold[places].tolist(), overlaps.predicted[places].tolist())
    for place, own, found in zip(*columns, strict=True):
        if found != last and own not in taken:
            paired[place] = True
            taken.add(own)
            last = found
    return paired
