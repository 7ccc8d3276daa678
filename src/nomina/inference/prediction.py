"""``Prediction``: what a model says of one sentence."""

from __future__ import annotations

from dataclasses import dataclass

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
