"""Gold and predicted tags in, the whole evaluation out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nomina.data.tags import Scheme
from nomina.errors import DataError
from nomina.scoring.alignment import Predictions, TagSequences, pad_predictions
from nomina.scoring.confusion import LabelConfusion, count_words
from nomina.scoring.entities import EntityConfusion, count_entities
from nomina.scoring.matching import count_by_type
from nomina.scoring.modes import Modes, count_modes
from nomina.scoring.scores import MatchingMode, Scores
from nomina.scoring.spans import Spans, code_tags, read_corpus

__all__ = ["Evaluation", "score"]


@dataclass(frozen=True)
class Evaluation:
    """What a tagger got right and wrong on one set of sentences.

    Attributes:
        default: Scores in seqeval's default mode, which reads invalid tags as ``conlleval`` does.
        strict: Scores in seqeval's strict mode, where an invalid chunk counts as nothing.
        n_sentences: Gold sentences.
        n_words: Gold words.
        n_missing_words: Words without a prediction, which count as ``O``.
        confusion: Words by gold and predicted tag.
        modes: Outcomes in nervaluate's four modes, from the entities of the default mode.
        entities: Entities by gold and predicted type, of the default mode, too.

    The last two are ``None`` where scores were written by a version without them.
    """

    default: Scores
    strict: Scores
    n_sentences: int
    n_words: int
    n_missing_words: int
    confusion: LabelConfusion
    modes: Modes | None = None
    entities: EntityConfusion | None = None

    @property
    def scheme(self) -> Scheme:
        """Tag scheme that gold and prediction were read in."""
        return self.default.scheme

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON: figures and the counts behind them."""
        return {
            "n_sentences": self.n_sentences,
            "n_words": self.n_words,
            "n_missing_words": self.n_missing_words,
            "default": self.default.to_dict(),
            "strict": self.strict.to_dict(),
            "confusion": self.confusion.to_dict(),
            "modes": None if self.modes is None else self.modes.to_dict(),
            "entities": None if self.entities is None else self.entities.to_dict(),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Evaluation:
        """Read what :meth:`to_dict` wrote; all figures are derived anew from the counts.

        Raises:
            DataError: If a field is missing or holds something else.
        """
        try:
            modes, entities = record.get("modes"), record.get("entities")
            return cls(
                default=Scores.from_dict(record["default"]),
                strict=Scores.from_dict(record["strict"]),
                n_sentences=int(record["n_sentences"]),
                n_words=int(record["n_words"]),
                n_missing_words=int(record["n_missing_words"]),
                confusion=LabelConfusion.from_dict(record["confusion"]),
                modes=None if modes is None else Modes.from_dict(modes),
                entities=None if entities is None else EntityConfusion.from_dict(entities),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as fault:
            raise DataError(
                f"expected scores as Evaluation.to_dict writes them, found a fault at {fault}; evaluate again"
            ) from fault


def score(gold: TagSequences, predicted: Predictions, scheme: Scheme = Scheme.IOB2) -> Evaluation:
    """Score predicted tags against gold tags; what an entity is, and every figure, is as in seqeval.

    Args:
        gold: One tag per word and sentence.
        predicted: As ``gold``, in the same order. A sentence may be cut short or ``None``, and sentences at the end
            may be absent: every missing word counts as ``O``, so that gold there is missed.
        scheme: Scheme of both.

    Raises:
        ValueError: If there are more predictions than gold.
        TagError: On a tag that is none, or whose prefix the scheme does not have.
    """
    sequences, n_missing_words = pad_predictions(gold, predicted)
    own, found = code_tags(gold, sequences)
    own_reading, reading = read_corpus(own, scheme), read_corpus(found, scheme)
    types = own.tag_set.types

    def scores(mode: MatchingMode, own_spans: Spans, spans: Spans) -> Scores:
        return Scores(scheme, mode, count_by_type(own_spans, spans, types), reading.n_invalid)

    return Evaluation(
        default=scores("default", own_reading.default, reading.default),
        strict=scores("strict", own_reading.strict, reading.strict),
        n_sentences=len(gold),
        n_words=int(own.lengths.sum()),
        n_missing_words=n_missing_words,
        confusion=count_words(own, found),
        modes=count_modes(own_reading.default, reading.default, types),
        entities=count_entities(own_reading.default, reading.default, types),
    )
