"""Predictions brought to the length of the gold: what was never predicted counts as ``O``."""

from __future__ import annotations

from collections.abc import Sequence
from operator import sub
from typing import NamedTuple, TypeAlias

from nomina.data.tags import OUTSIDE

__all__ = ["Padded", "Predictions", "TagSequences", "pad_predictions"]

TagSequences: TypeAlias = Sequence[Sequence[str]]
"""One sequence of tags per sentence, one tag per word."""

Predictions: TypeAlias = Sequence[Sequence[str] | None]
"""As :data:`TagSequences`, where sentences may be cut short, ``None``, or absent at the end."""


class Padded(NamedTuple):
    """Predictions with one tag per gold word, and the number of words that had none."""

    sequences: list[Sequence[str]]
    n_missing_words: int


def pad_predictions(gold: TagSequences, predicted: Predictions) -> Padded:
    """Give every gold word a predicted tag, ``O`` where there is none: an entity that was cut off counts as missed.

    Raises:
        ValueError: If there are more predicted sentences than gold ones, or more predicted tags than words in one.
    """
    if len(predicted) > len(gold):
        raise ValueError(f"{len(predicted)} predicted sentences for {len(gold)} gold sentences")
    sequences: list[Sequence[str]] = [tags or () for tags in predicted]
    sequences += [()] * (len(gold) - len(predicted))
    n_missing_words = 0
    for i, n_missing in enumerate(map(sub, map(len, gold), map(len, sequences))):
        if n_missing:
            if n_missing < 0:
                raise ValueError(f"sentence {i + 1}: {len(sequences[i])} predicted tags for {len(gold[i])} words")
            sequences[i] = (*sequences[i], *[OUTSIDE] * n_missing)
            n_missing_words += n_missing
    return Padded(sequences, n_missing_words)
