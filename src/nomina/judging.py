"""A model judged on a corpus: predictions, scores, and how far both can be trusted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nomina.data.corpus import Corpus
from nomina.data.tagsets import POS
from nomina.encoding.windows import window_borders
from nomina.errors import DataError
from nomina.inference import Prediction, Predictor, Regime, predict_under, regimes_of, tag_accuracy
from nomina.report.html.errors import ErrorSentence
from nomina.scoring import Evaluation, Scores, score
from nomina.scoring.analysis import Analysis, Rival, against, analyse
from nomina.scoring.calibration import Temperature, calibrate, fit_temperature, span_outcomes
from nomina.scoring.chunks import Chunk, default_chunks
from nomina.scoring.mentions import SeenMentions
from nomina.scoring.pairs import pair_entities
from nomina.scoring.slices import facets_of, unknown_facets
from nomina.training.prepare import with_scheme

__all__ = ["Judged", "judge", "unknown_types", "with_rival"]


@dataclass(frozen=True, repr=False)
class Judged:
    """Scores of a model on a corpus, and the predictions they were counted from.

    Attributes:
        evaluation: The scores.
        analysis: How far they can be trusted, and where they come from.
        predictions: One per sentence of ``gold``.
        gold: The corpus, with its labels in the model's scheme.
        by_tags: Scores under each choice of part-of-speech tags that makes a difference to the model (the corpus's own,
            those of its source, none), the one behind ``evaluation`` first; as :data:`nomina.inference.REGIMES` says.
        pos_accuracy: Share of words whose tag from the model's source is the corpus's own, in [0, 1]; ``None`` without
            a source or without tags.
        rival: Another model on the same corpus, where one was named.
        temperature: How the temperature of span scores was fitted, where this was done here.
        mentions: What training named, where that is known.
        borders: Borders of windows in each sentence.
        predict_s: Seconds of predicting.
        files: What was written, by purpose.
    """

    evaluation: Evaluation
    analysis: Analysis
    predictions: list[Prediction]
    gold: Corpus
    by_tags: Mapping[Regime, Evaluation] = field(default_factory=dict)
    pos_accuracy: float | None = None
    rival: Rival | None = None
    temperature: Temperature | None = None
    mentions: SeenMentions | None = None
    borders: list[tuple[int, ...]] = field(default_factory=list)
    predict_s: float = 0.0
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def default(self) -> Scores:
        """Default scores of seqeval, those of conlleval."""
        return self.evaluation.default

    @property
    def strict(self) -> Scores:
        """Strict scores, as seqeval counts them."""
        return self.evaluation.strict

    def to_dict(self) -> dict[str, Any]:
        """Scores as plain values for JSON."""
        record = self.evaluation.to_dict() | self.analysis.to_dict()
        if self.by_tags:
            record["by_tags"] = {regime: e.default.micro.to_dict() for regime, e in self.by_tags.items()}
        if self.pos_accuracy is not None:
            record["pos_accuracy"] = self.pos_accuracy
        if self.temperature is not None:
            record["temperature"] = self.temperature.to_dict()
        if self.rival is not None:
            record["rival"] = self.rival.to_dict()
        return record

    def errors(self) -> Iterator[ErrorSentence]:
        """Sentences with an error, as the report's browser shows them."""
        left_out = {"document", *unknown_facets(self.gold.sentences)}  # the browser shows documents by themselves
        for sentence, prediction, borders in zip(self.gold, self.predictions, self.borders, strict=True):
            pairs = pair_entities(default_chunks(sentence.labels or ()), default_chunks(prediction.labels))
            if all(pair.kind == "correct" for pair in pairs):
                continue
            scores = {Chunk(span.label, span.start, span.end): span.score for span in prediction.spans}
            slices: dict[str, dict[str, None]] = {}
            for chunk in {c for pair in pairs if pair.kind != "correct" for c in pair if c is not None}:
                for facet, value in facets_of(sentence, chunk, mentions=self.mentions, borders=borders).items():
                    slices.setdefault(facet, {})[value] = None
            yield ErrorSentence(
                words=sentence.words,
                pos=sentence.features.get(POS, prediction.pos),
                pairs=tuple(pairs),
                confidence=tuple(None if pair.predicted is None else scores[pair.predicted] for pair in pairs),
                document=sentence.document,
                place="" if sentence.line is None else f"{sentence.source or self.gold.source}:{sentence.line}",
                slices={facet: tuple(values) for facet, values in slices.items() if facet not in left_out},
            )

    def __repr__(self) -> str:
        interval = self.analysis.intervals.f1
        f1 = f"F1 {self.default.f1:.4f} ({interval.low:.4f} to {interval.high:.4f})"
        return f"Judged({f1}, strict {self.strict.f1:.4f}, {self.gold!r})"


def judge(
    predictor: Predictor,
    corpus: Corpus,
    *,
    mentions: SeenMentions | None = None,
    side_by_side: bool = True,
    fits_temperature: bool = False,
    progress: bool = False,
) -> Judged:
    """Predict a corpus with labels and score the predictions.

    Args:
        predictor: The model.
        corpus: The corpus.
        mentions: What training named.
        side_by_side: Whether to score under each choice of part-of-speech tags that makes a difference.
        fits_temperature: Whether the temperature of the model's span scores is fitted on this corpus, and kept with it.
        progress: Whether to draw progress bars.

    Raises:
        DataError: If the corpus has no labels.
    """
    if not corpus.has_labels:
        raise DataError("expected sentences with entity tags to score against, found none", path=corpus.source)
    gold = with_scheme(corpus, predictor.scheme)
    tags = [sentence.labels or () for sentence in gold]
    first, *others = regimes_of(predictor, gold.sentences)[: None if side_by_side else 1]
    start = time.perf_counter()
    predictions = {first: predict_under(predictor, gold.sentences, first, progress=progress)}
    predict_s = time.perf_counter() - start
    predictions |= {regime: predict_under(predictor, gold.sentences, regime, progress=progress) for regime in others}
    evaluations = {r: score(tags, [p.labels for p in found], predictor.scheme) for r, found in predictions.items()}
    temperature = None
    if fits_temperature:
        temperature = _fit_temperature(predictor, gold, predictions[first])
        predictions[first] = [_calibrated(p, predictor.span_temperature) for p in predictions[first]]
    borders = window_borders(predictor.encode(gold.sentences))
    analysis = analyse(
        gold.sentences,
        [p.labels for p in predictions[first]],
        [p.spans for p in predictions[first]],
        temperature=predictor.span_temperature,
        mentions=mentions,
        borders=borders,
    )
    return Judged(
        evaluations[first],
        analysis,
        predictions[first],
        gold,
        by_tags=evaluations if others else {},
        pos_accuracy=tag_accuracy(gold.sentences, predictions["source"]) if "source" in predictions else None,
        temperature=temperature,
        mentions=mentions,
        borders=borders,
        predict_s=predict_s,
    )


def unknown_types(corpus: Corpus, predictor: Predictor) -> str:
    """Which entity types of a corpus a model cannot predict, in words; empty where it knows all of them."""
    known = {label.partition("-")[2] for label in predictor.labels.values} - {""}
    unknown = {name: n for name, n in corpus.stats().types.items() if name not in known}
    if not unknown:
        return ""
    counts = ", ".join(f"{name} ({n:,} entities)" for name, n in unknown.items())
    return f"does not know {counts}; it knows {', '.join(sorted(known))}"


def _fit_temperature(predictor: Predictor, gold: Corpus, predictions: list[Prediction]) -> Temperature:
    """Fit the temperature on predictions that were made without one, and give it to the model."""
    outcomes = span_outcomes([s.labels or () for s in gold], [p.spans for p in predictions])
    temperature = fit_temperature(outcomes.p, outcomes.correct)
    predictor.span_temperature = temperature.value
    return temperature


def _calibrated(prediction: Prediction, temperature: float) -> Prediction:
    spans = (
        span if span.score is None else replace(span, score=float(calibrate(span.score, temperature)))
        for span in prediction.spans
    )
    return replace(prediction, spans=tuple(spans))


def with_rival(judged: Judged, rival: Predictor, name: str, *, progress: bool = False) -> Judged:
    """Set a judged model against another one, under the tags that each of them reads by default.

    Args:
        judged: The model, judged.
        rival: The other model.
        name: What to call it.
        progress: Whether to draw a progress bar.
    """
    gold = with_scheme(judged.gold, rival.scheme)
    regime = regimes_of(rival, gold.sentences)[0]
    found = [p.labels for p in predict_under(rival, gold.sentences, regime, progress=progress)]
    evaluation = score([s.labels or () for s in gold], found, rival.scheme)
    own = [p.labels for p in judged.predictions]
    return replace(judged, rival=against(name, judged.gold.sentences, own, found, evaluation))
