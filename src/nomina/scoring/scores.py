"""Counts and the figures that follow from them: precision, recall, F1 and their averages.

Only counts are stored. Every figure is derived from them as seqeval and ``conlleval`` derive it, a division by zero
giving 0.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from nomina.data.tags import Scheme

__all__ = ["Average", "Counts", "MatchingMode", "Scores"]

MatchingMode = Literal["default", "strict"]
"""seqeval's two readings: ``default`` repairs invalid tags as conlleval does, ``strict`` reads valid chunks only."""


class Average(NamedTuple):
    """Figures averaged over the entity types, each in [0, 1], and the number of gold entities behind them."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Entities counted, of one type or of all.

    Attributes:
        n_correct: Predicted entities whose type and both borders are those of a gold entity.
        n_predicted: Predicted entities.
        n_gold: Gold entities.
    """

    n_correct: int = 0
    n_predicted: int = 0
    n_gold: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.n_correct + other.n_correct,
            self.n_predicted + other.n_predicted,
            self.n_gold + other.n_gold,
        )

    @property
    def precision(self) -> float:
        """Share of the predicted entities that are correct, in [0, 1]; 0.0 where nothing was predicted."""
        return self.n_correct / self.n_predicted if self.n_predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold entities that were found, in [0, 1]; 0.0 where there is no gold."""
        return self.n_correct / self.n_gold if self.n_gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, in [0, 1]; 0.0 where both are 0."""
        precision, recall = self.precision, self.recall
        return 2 * precision * recall / (precision + recall) if self.n_correct else 0.0

    @property
    def support(self) -> int:
        """Number of gold entities."""
        return self.n_gold

    def to_dict(self) -> dict[str, float | int]:
        """Figures, then the counts behind them."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "support": self.support,
            "n_correct": self.n_correct,
            "n_predicted": self.n_predicted,
            "n_gold": self.n_gold,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Counts:
        """Read what :meth:`to_dict` wrote; the figures are derived anew from the counts."""
        return cls(int(record["n_correct"]), int(record["n_predicted"]), int(record["n_gold"]))


@dataclass(frozen=True)
class Scores:
    """Entity-level scores in one matching mode, over all types and by type.

    Attributes:
        scheme: Tag scheme that gold and prediction were read in.
        mode: How invalid tag sequences were read.
        by_type: Counts by entity type: every type with a gold or a predicted entity, alphabetically.
        n_repaired: Predicted sequences with at least one place that the scheme does not allow.
    """

    scheme: Scheme
    mode: MatchingMode
    by_type: Mapping[str, Counts]
    n_repaired: int = 0

    @property
    def micro(self) -> Counts:
        """Counts of all types together."""
        return sum(self.by_type.values(), Counts())

    @property
    def precision(self) -> float:
        """Micro-averaged precision, in [0, 1]."""
        return self.micro.precision

    @property
    def recall(self) -> float:
        """Micro-averaged recall, in [0, 1]."""
        return self.micro.recall

    @property
    def f1(self) -> float:
        """Micro-averaged F1, in [0, 1]: the figure that papers report for CoNLL-2003."""
        return self.micro.f1

    @property
    def macro(self) -> Average:
        """Mean over the types, each with the same weight."""
        return self._average(dict.fromkeys(self.by_type, 1))

    @property
    def weighted(self) -> Average:
        """Mean over the types, each with its support as the weight."""
        return self._average({name: counts.support for name, counts in self.by_type.items()})

    def _average(self, weights: Mapping[str, int]) -> Average:
        total = sum(weights.values())
        support = self.micro.support
        if not total:
            return Average(0.0, 0.0, 0.0, support)
        weighted = [(weights[name], counts) for name, counts in self.by_type.items()]
        return Average(
            precision=sum(weight * counts.precision for weight, counts in weighted) / total,
            recall=sum(weight * counts.recall for weight, counts in weighted) / total,
            f1=sum(weight * counts.f1 for weight, counts in weighted) / total,
            support=support,
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON: how it was scored, the averages, figures and counts by type."""
        return {
            "scheme": self.scheme.value,
            "mode": self.mode,
            "n_repaired": self.n_repaired,
            "micro": self.micro.to_dict(),
            "macro": self.macro._asdict(),
            "weighted": self.weighted._asdict(),
            "by_type": {name: counts.to_dict() for name, counts in self.by_type.items()},
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Scores:
        """Read what :meth:`to_dict` wrote; the figures are derived anew from the counts.

        Raises:
            KeyError: If a field is missing.
            ValueError: If the scheme or the mode is unknown.
        """
        mode: MatchingMode
        if record["mode"] == "default":
            mode = "default"
        elif record["mode"] == "strict":
            mode = "strict"
        else:
            raise ValueError(f"expected the matching mode 'default' or 'strict', found {record['mode']!r}")
        return cls(
            scheme=Scheme(record["scheme"]),
            mode=mode,
            by_type={name: Counts.from_dict(counts) for name, counts in record["by_type"].items()},
            n_repaired=int(record["n_repaired"]),
        )
