"""``Prediction``: what a model says of one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nomina.data.records import Sentence, Span

__all__ = ["Prediction"]


@dataclass(frozen=True)
class Prediction:
    """What the model says of one sentence.

    Attributes:
        sentence: The input.
        labels: One entity tag per word, in the model's scheme.
        spans: The entities, with scores: calibrated probabilities, where the model has a temperature.
        pos: The part-of-speech tags that the model read, or that its joint head found where it read none; ``None`` for
            a model without that feature, or where there were none.
    """

    sentence: Sentence
    labels: tuple[str, ...]
    spans: tuple[Span, ...]
    pos: tuple[str, ...] | None = None

    def text_of(self, span: Span) -> str:
        """The words of a span: as they stand in the text where that is known, else joined by spaces."""
        if self.sentence.text is not None and span.start_char is not None:
            return self.sentence.text[span.start_char : span.end_char]
        return " ".join(self.sentence.words[span.start : span.end])

    def offsets_of(self, span: Span) -> tuple[int, int] | None:
        """Character offsets (start, end-exclusive) of a span in the whole text; ``None`` where the text is unknown.

        The whole text is what the sentence's own was cut from (``sentence.start_char``), or the sentence's own.
        """
        if span.start_char is None or span.end_char is None:
            return None
        return self.sentence.in_whole((span.start_char, span.end_char))

    def to_dicts(self) -> list[dict[str, Any]]:
        """The entities as ``transformers.pipeline("token-classification", aggregation_strategy="first")`` gives them.

        Returns:
            Of each: ``entity_group``, its type; ``score`` in [0, 1] or ``None``; ``word``, as it stands in the text;
            ``start`` and ``end``, character offsets in the whole text or ``None``. Two things differ from the pipeline:
            its score is the mean over the words, ours their geometric mean, calibrated where the model has a
            temperature; and its word is put together from word pieces (lower case and ``"J . Smith"``, for instance).
        """
        return [
            {
                "entity_group": span.label,
                "score": span.score,
                "word": self.text_of(span),
                "start": offsets[0],
                "end": offsets[1],
            }
            for span in self.spans
            for offsets in [self.offsets_of(span) or (None, None)]
        ]
