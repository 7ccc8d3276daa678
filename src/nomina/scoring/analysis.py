"""How far scores can be trusted, and where they come from: intervals, confidence and slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nomina.data.records import Sentence, Span
from nomina.scoring.alignment import TagSequences
from nomina.scoring.calibration import (
    Outcomes,
    Reliability,
    ThresholdCurve,
    reliability,
    span_outcomes,
    threshold_curve,
    uncalibrate,
)
from nomina.scoring.chunks import default_chunks
from nomina.scoring.evaluate import Evaluation
from nomina.scoring.intervals import ScoreIntervals, score_intervals
from nomina.scoring.mentions import SeenMentions
from nomina.scoring.resampling import choose_units
from nomina.scoring.significance import Difference, paired_bootstrap, sentence_counts
from nomina.scoring.slices import Slice, slice_scores

__all__ = ["Analysis", "Confidence", "Rival", "against", "analyse"]


@dataclass(frozen=True, eq=False)
class Confidence:
    """What the scores of spans are worth.

    Attributes:
        temperature: The one that they are calibrated with.
        before: How reliable they were without it.
        after: How reliable they are.
        curve: What is found and right, by the confidence below which spans are dropped.
    """

    temperature: float
    before: Reliability
    after: Reliability
    curve: ThresholdCurve

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON."""
        return {
            "temperature": self.temperature,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "thresholds": self.curve.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class Analysis:
    """What stands behind the scores of one set of sentences, all in seqeval's default mode.

    Attributes:
        intervals: Of the scores.
        confidence: Of the spans.
        slices: F1 of parts of the entities.
    """

    intervals: ScoreIntervals
    confidence: Confidence
    slices: tuple[Slice, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON."""
        return {
            "intervals": self.intervals.to_dict(),
            "confidence": self.confidence.to_dict(),
            "slices": [one.to_dict() for one in self.slices],
        }


def analyse(
    gold: Sequence[Sentence],
    predicted: TagSequences,
    spans: Sequence[Sequence[Span]],
    *,
    temperature: float = 1.0,
    mentions: SeenMentions | None = None,
    borders: Sequence[Sequence[int]] | None = None,
) -> Analysis:
    """Analyse predictions.

    Args:
        gold: The sentences with their labels, and with the part-of-speech tags to slice by.
        predicted: Predicted tags of each.
        spans: The same as spans with calibrated scores.
        temperature: What they were calibrated with.
        mentions: What training named, as for :func:`nomina.scoring.slices.facets_of`.
        borders: Borders of windows in each sentence, as there.
    """
    tags = [sentence.labels or () for sentence in gold]
    own, found = ([default_chunks(sequence) for sequence in sequences] for sequences in (tags, predicted))
    units = choose_units(gold)
    return Analysis(
        intervals=score_intervals(own, found, units),
        confidence=_confidence(span_outcomes(tags, spans), temperature),
        slices=tuple(slice_scores(gold, own, found, mentions=mentions, borders=borders, units=units)),
    )


def _confidence(outcomes: Outcomes, temperature: float) -> Confidence:
    return Confidence(
        temperature=temperature,
        before=reliability(uncalibrate(outcomes.p, temperature), outcomes.correct),
        after=reliability(outcomes.p, outcomes.correct),
        curve=threshold_curve(outcomes.p, outcomes.correct, outcomes.n_gold),
    )


@dataclass(frozen=True)
class Rival:
    """Another model on the same sentences.

    Attributes:
        name: What it is called.
        evaluation: Its scores.
        difference: F1 of the model less that of the rival.
    """

    name: str
    evaluation: Evaluation
    difference: Difference

    @property
    def verdict(self) -> str:
        """What the difference says, in plain words."""
        d = self.difference
        is_real = d.p_value < 0.05
        return (
            f"F1 {100 * d.f1:+.2f} points from {self.name} (95 % interval {100 * d.low:+.2f} to {100 * d.high:+.2f}, "
            f"p {d.p_value:.4f}): {'more than noise' if is_real else 'not beyond noise'}."
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "name": self.name,
            "default": self.evaluation.default.micro.to_dict(),
            "strict": self.evaluation.strict.micro.to_dict(),
            "difference": self.difference._asdict(),
        }


def against(
    name: str, gold: Sequence[Sentence], predicted: TagSequences, rival: TagSequences, evaluation: Evaluation
) -> Rival:
    """Set a model's predictions against those of another, by the paired bootstrap.

    Args:
        name: Of the rival.
        gold: The sentences with their labels.
        predicted: Tags of the model.
        rival: Tags of the rival, of any scheme.
        evaluation: Scores of the rival.
    """
    tags = [sentence.labels or () for sentence in gold]
    units = choose_units(gold)
    first, second = (sentence_counts(tags, sequences)[np.newaxis] for sequences in (predicted, rival))
    return Rival(name, evaluation, paired_bootstrap(first, second, units=units.ids))
