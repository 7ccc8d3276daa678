"""Predictions as they go over the wire."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from nomina.data.records import Span
from nomina.inference import Prediction
from nomina.serving.cutting import CutItem, Offsets
from nomina.serving.schema import Entity, LabelledSentence, PredictAnswer, Result

__all__ = ["answer"]

_DIGITS = 6  # of a probability


def answer(items: Sequence[CutItem], predictions: Sequence[Prediction]) -> PredictAnswer:
    """What a request gets.

    Args:
        items: Its items.
        predictions: Of all their sentences, in order.
    """
    rest = iter(predictions)
    return PredictAnswer(results=[_result(item, list(islice(rest, len(item.sentences)))) for item in items])


def _result(item: CutItem, predictions: Sequence[Prediction]) -> Result:
    sentences, entities = [], []
    for i, prediction in enumerate(predictions):
        offsets = None if item.offsets is None else item.offsets[i]
        sentences.append(
            LabelledSentence(
                words=list(prediction.sentence.words),
                labels=list(prediction.labels),
                pos=None if prediction.pos is None else list(prediction.pos),
                offsets=None if offsets is None else list(offsets),
            )
        )
        entities += [_entity(span, i, prediction, item.text, offsets) for span in prediction.spans]
    return Result(sentences=sentences, entities=entities)


def _entity(span: Span, index: int, prediction: Prediction, text: str | None, offsets: Offsets | None) -> Entity:
    start_char = end_char = None
    shown = " ".join(prediction.sentence.words[span.start : span.end])
    if text is not None and offsets is not None:
        start_char, end_char = offsets[span.start][0], offsets[span.end - 1][1]
        shown = text[start_char:end_char]
    assert span.score is not None, "a prediction has scores"
    return Entity(
        label=span.label,
        score=round(span.score, _DIGITS),
        text=shown,
        sentence=index,
        start=span.start,
        end=span.end,
        start_char=start_char,
        end_char=end_char,
    )
