"""Whether a span's probability means what it says: temperature, reliability, and what a threshold costs and gains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nomina.data.confidence import calibrate, log_odds, sigmoid, uncalibrate
from nomina.data.records import Span
from nomina.scoring.alignment import TagSequences
from nomina.scoring.chunks import Chunk, default_chunks

__all__ = [
    "Outcomes",
    "Reliability",
    "ReliabilityBin",
    "Temperature",
    "ThresholdCurve",
    "ThresholdPoint",
    "calibrate",
    "fit_temperature",
    "reliability",
    "span_outcomes",
    "threshold_curve",
    "uncalibrate",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MIN_SPANS = 30
"""Fewest spans that a temperature is fitted on."""

TEMPERATURES = (0.05, 20.0)
"""Lowest and highest temperature."""

_N_HALVINGS = 60


class Outcomes(NamedTuple):
    """Predicted spans of a corpus, and whether each is right.

    Attributes:
        p: Score of each span, in [0, 1], float64 [n_spans].
        correct: Whether the gold has the same type and borders, bool [n_spans].
        n_gold: Gold entities.
    """

    p: Floats
    correct: Bools
    n_gold: int


def span_outcomes(gold: TagSequences, spans: Sequence[Iterable[Span]]) -> Outcomes:
    """Set predicted spans against gold tags, in seqeval's default reading.

    Args:
        gold: One tag per word and sentence.
        spans: Predicted spans of the same sentences, with scores.

    Raises:
        ValueError: If the numbers of sentences differ, or a span has no score.
        TagError: On a tag that is none.
    """
    if len(gold) != len(spans):
        raise ValueError(f"expected spans of {len(gold)} sentences, found {len(spans)}")
    p, correct, n_gold = [], [], 0
    for tags, found in zip(gold, spans, strict=True):
        own = default_chunks(tags)
        n_gold += len(own)
        for span in found:
            if span.score is None:
                raise ValueError(f"expected spans with scores, found {span}")
            p.append(span.score)
            correct.append(Chunk(span.label, span.start, span.end) in own)
    return Outcomes(np.array(p, dtype=np.float64), np.array(correct, dtype=bool), n_gold)


@dataclass(frozen=True)
class Temperature:
    """A fitted temperature.

    Attributes:
        value: Above 0; 1 changes nothing.
        n_spans: Spans that it was fitted on.
        nll_before: Mean negative log-likelihood of right and wrong at temperature 1, in nats.
        nll_after: The same at ``value``; never more.
        reason: Why ``value`` is not the best of all temperatures; ``None`` where it is.
    """

    value: float
    n_spans: int
    nll_before: float
    nll_after: float
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON."""
        return {
            "value": self.value,
            "n_spans": self.n_spans,
            "nll_before": self.nll_before,
            "nll_after": self.nll_after,
            "reason": self.reason,
        }


def fit_temperature(p: Floats, correct: Bools) -> Temperature:
    """The temperature under which what came out is most likely (Guo et al. 2017, arXiv 1706.04599).

    The negative log-likelihood is convex in 1 / T: its derivative has one zero, which is found by halving.

    Args:
        p: Scores of spans as the model gave them, not yet calibrated, in [0, 1], float64 [n].
        correct: Whether each is right, bool [n].

    Returns:
        In :data:`TEMPERATURES`; 1 where nothing can be fitted, with the reason.
    """
    odds = log_odds(p)
    before = _nll(odds, correct)

    def as_it_was(reason: str) -> Temperature:
        return Temperature(1.0, len(p), before, before, reason)

    if len(p) < MIN_SPANS:
        return as_it_was(f"too few spans: {len(p)}, at least {MIN_SPANS} are needed")
    if correct.all() or not correct.any():
        return as_it_was(f"all {len(p)} spans are {'right' if correct.any() else 'wrong'}")
    lowest, highest = TEMPERATURES
    reason = None
    if _slope(odds, correct, 1 / highest) >= 0:
        value, reason = highest, "the highest that is tried: sure spans are right hardly more often than others"
    elif _slope(odds, correct, 1 / lowest) <= 0:
        value, reason = lowest, "the lowest that is tried: scores near one half tell right from wrong"
    else:
        value = 1 / _zero(odds, correct, 1 / highest, 1 / lowest)
    after = _nll(odds / value, correct)
    return Temperature(value, len(p), before, after, reason) if after < before else as_it_was("none is better than 1")


def _zero(odds: Floats, correct: Bools, low: float, high: float) -> float:
    """Where between two values of 1 / T the slope changes its sign."""
    for _ in range(_N_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _slope(odds, correct, middle) > 0 else (middle, high)
    return (low + high) / 2


def _slope(odds: Floats, correct: Bools, inverse: float) -> float:
    """Derivative of the mean negative log-likelihood by 1 / T."""
    return float((odds * (sigmoid(odds * inverse) - correct)).mean())


def _nll(odds: Floats, correct: Bools) -> float:
    return float(np.logaddexp(0.0, np.where(correct, -odds, odds)).mean()) if len(odds) else 0.0


class ReliabilityBin(NamedTuple):
    """Spans whose confidence is above ``low`` and not above ``high``; the first bin holds 0, too.

    Attributes:
        low: Lower border, in [0, 1].
        high: Upper border.
        n_spans: Spans in it.
        confidence: Their mean confidence; ``None`` without spans.
        accuracy: Share of them that is right; ``None`` without spans.
    """

    low: float
    high: float
    n_spans: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Reliability:
    """Whether spans are right as often as their confidence says.

    Attributes:
        bins: Of equal width, from 0 to 1.
        brier: Mean squared difference between confidence and outcome (Brier 1950), in [0, 1]; 0.0 without spans.
    """

    bins: tuple[ReliabilityBin, ...]
    brier: float

    @property
    def n_spans(self) -> int:
        """Number of spans."""
        return sum(b.n_spans for b in self.bins)

    @property
    def ece(self) -> float:
        """Expected calibration error, in [0, 1]: mean distance of confidence and accuracy, bins weighted by spans.

        Naeini, Cooper and Hauskrecht (2015), as in Guo et al. (2017). 0.0 without spans.
        """
        gaps = (
            b.n_spans * abs(b.accuracy - b.confidence)
            for b in self.bins
            if b.accuracy is not None and b.confidence is not None
        )
        return sum(gaps) / max(self.n_spans, 1)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON."""
        return {
            "n_spans": self.n_spans,
            "ece": self.ece,
            "brier": self.brier,
            "bins": [b._asdict() for b in self.bins],
        }


def reliability(p: Floats, correct: Bools, n_bins: int = 10) -> Reliability:
    """Gather spans by their confidence.

    Args:
        p: Confidence of each span, in [0, 1], float64 [n].
        correct: Whether each is right, bool [n].
        n_bins: Bins of equal width, 1 or more.
    """
    borders = np.linspace(0.0, 1.0, n_bins + 1)
    of_span = np.searchsorted(borders[1:-1], p)
    counts = np.bincount(of_span, minlength=n_bins)
    confidence, accuracy = (np.bincount(of_span, values, minlength=n_bins) for values in (p, correct))
    bins = tuple(
        ReliabilityBin(low, high, n, sum_p / n if n else None, n_right / n if n else None)
        for low, high, n, sum_p, n_right in zip(
            borders[:-1].tolist(),
            borders[1:].tolist(),
            counts.tolist(),
            confidence.tolist(),
            accuracy.tolist(),
            strict=True,
        )
    )
    return Reliability(bins, float(((p - correct) ** 2).mean()) if len(p) else 0.0)


class ThresholdPoint(NamedTuple):
    """Spans with at least some confidence, and how good they are.

    Attributes:
        threshold: Lowest confidence, in [0, 1].
        n_kept: Spans that have it.
        precision: Share of them that is right, in [0, 1]; 0.0 without spans.
        recall: Share of the gold entities that is among them, in [0, 1]; 0.0 without gold.
        f1: Harmonic mean of the two; 0.0 where both are 0.
    """

    threshold: float
    n_kept: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, eq=False)
class ThresholdCurve:
    """What becomes of precision and recall as spans below a confidence are dropped.

    Attributes:
        thresholds: Every confidence that occurs, falling, float64 [n].
        n_kept: Spans with at least that much, int64 [n].
        n_correct: Those of them that are right, int64 [n].
        n_gold: Gold entities.
    """

    thresholds: Floats
    n_kept: Ints
    n_correct: Ints
    n_gold: int

    @property
    def precision(self) -> Floats:
        """Precision at each threshold, in [0, 1], float64 [n]."""
        return self.n_correct / np.maximum(self.n_kept, 1)

    @property
    def recall(self) -> Floats:
        """Recall at each threshold, in [0, 1], float64 [n]."""
        recall: Floats = self.n_correct / np.maximum(self.n_gold, 1)
        return recall

    @property
    def f1(self) -> Floats:
        """F1 at each threshold, in [0, 1], float64 [n]."""
        f1: Floats = 2 * self.n_correct / np.maximum(self.n_kept + self.n_gold, 1)
        return f1

    @property
    def best(self) -> ThresholdPoint:
        """Where F1 is highest; of equals, where most spans are kept."""
        if not len(self.thresholds):
            return self.at(0.0)
        return self.at(float(self.thresholds[::-1][int(self.f1[::-1].argmax())]))

    @property
    def all_kept(self) -> ThresholdPoint:
        """Without a threshold: every span is kept."""
        return self.at(0.0)

    def at(self, threshold: float) -> ThresholdPoint:
        """The spans whose confidence is not below a threshold."""
        i = int(np.searchsorted(-self.thresholds, -threshold, side="right")) - 1
        if i < 0:
            return ThresholdPoint(threshold, 0, 0.0, 0.0, 0.0)
        figures = (float(values[i]) for values in (self.precision, self.recall, self.f1))
        return ThresholdPoint(threshold, int(self.n_kept[i]), *figures)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: all spans, the best threshold, and thresholds from 0.05 to 0.95."""
        return {
            "n_gold": self.n_gold,
            "all_kept": self.all_kept._asdict(),
            "best": self.best._asdict(),
            "points": [self.at(i / 20)._asdict() for i in range(1, 20)],
        }


def threshold_curve(p: Floats, correct: Bools, n_gold: int) -> ThresholdCurve:
    """Count what is kept and right at every threshold.

    Args:
        p: Confidence of each span, in [0, 1], float64 [n].
        correct: Whether each is right, bool [n].
        n_gold: Gold entities.
    """
    order = np.argsort(-p, kind="stable")
    falling, n_correct = p[order], np.cumsum(correct[order], dtype=np.int64)
    last = np.flatnonzero(np.diff(falling, append=-np.inf))  # the last span with each confidence
    return ThresholdCurve(falling[last], last + 1, n_correct[last], n_gold)
