"""What the worker's thread does: a batch through the predictor, and each unit by itself where that fails."""

from __future__ import annotations

from collections.abc import Sequence

from nomina.errors import ModelError
from nomina.inference import Prediction, Predictor, TagUse
from nomina.serving.batching import Outcome, Unit
from nomina.serving.errors import RequestError
from nomina.serving.metrics import Metrics

__all__ = ["Labeller"]

_KNOWN_WORDS = 200_000
"""Different words whose pieces are kept; about 100 MB."""


class Labeller:
    """Labels units with a predictor.

    Args:
        predictor: The model.
        metrics: Is told the sizes of batches, and failures.
    """

    def __init__(self, predictor: Predictor, metrics: Metrics) -> None:
        self._predictor = predictor
        self._metrics = metrics

    def __call__(self, units: Sequence[Unit], tags: TagUse) -> list[Outcome]:
        """Label a batch; a unit that cannot be labelled does no harm to the others.

        Args:
            units: What to label.
            tags: Which part-of-speech tags to read.
        """
        word_pieces = self._predictor.word_pieces
        word_pieces.forget(_KNOWN_WORDS)
        words = [word for unit in units for sentence in unit.sentences for word in sentence.words]
        self._metrics.batch_begun(int(word_pieces(words)[1][-1]))
        try:
            return self._together(units, tags)
        except Exception as error:
            if len(units) == 1:
                return [self._failed(error)]
        return [self._alone(unit, tags) for unit in units]

    def _together(self, units: Sequence[Unit], tags: TagUse) -> list[Outcome]:
        sentences = [sentence for unit in units for sentence in unit.sentences]
        predictions = self._predictor.predict(sentences, tags=tags)
        assert isinstance(predictions, list)
        outcomes, start = [], 0
        for unit in units:
            part: Sequence[Prediction] = predictions[start : start + len(unit.sentences)]
            start += len(unit.sentences)
            outcomes.append(Outcome(part))
        return outcomes

    def _alone(self, unit: Unit, tags: TagUse) -> Outcome:
        try:
            return self._together([unit], tags)[0]
        except Exception as error:
            return self._failed(error)

    def _failed(self, error: Exception) -> Outcome:
        self._metrics.prediction_failed()
        if isinstance(error, ModelError):  # tags of another tag set, for one: the caller's to mend
            return Outcome((), RequestError(422, "wrong_input", str(error)))
        return Outcome((), error)
