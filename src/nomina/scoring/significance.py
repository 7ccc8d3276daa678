"""Whether two models differ on the same sentences: the paired bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nomina.scoring.alignment import Predictions, TagSequences, pad_predictions
from nomina.scoring.matching import count_by_sentence
from nomina.scoring.resampling import N_RESAMPLES, Floats, Ints, drawn_sums, sum_by_unit
from nomina.scoring.spans import code_tags, read_default

__all__ = ["Difference", "holm", "micro_f1", "paired_bootstrap", "sentence_counts"]


class Difference(NamedTuple):
    """How much better one model is than another.

    Attributes:
        f1: Difference of the F1 on all sentences, in [-1, 1]; above 0 where the first is better.
        low: Lower end of the 95 % interval.
        high: Upper end.
        p_value: Two-sided, in (0, 1]: how often resampling alone turns the difference around.
    """

    f1: float
    low: float
    high: float
    p_value: float


def sentence_counts(gold: TagSequences, predicted: Predictions) -> Ints:
    """Entities of each sentence, in seqeval's default mode.

    Args:
        gold: One tag per word and sentence.
        predicted: As for :func:`nomina.scoring.score`; in the same scheme.

    Returns:
        Correct, predicted and gold entities, int64 [n_sentences, 3].
    """
    sequences, _ = pad_predictions(gold, predicted)
    own, found = map(read_default, code_tags(gold, sequences))
    return count_by_sentence(own, found, len(gold))


def micro_f1(counts: npt.NDArray[np.floating | np.integer]) -> Floats:
    """Micro F1 from summed counts.

    Args:
        counts: Correct, predicted and gold entities, [..., 3].

    Returns:
        In [0, 1], float64 [...]; 0 where there is neither gold nor a prediction.
    """
    entities = counts[..., 1] + counts[..., 2]
    f1: Floats = np.divide(2.0 * counts[..., 0], entities, out=np.zeros(entities.shape), where=entities > 0)
    return f1


def paired_bootstrap(
    first: Ints, second: Ints, *, units: Ints | None = None, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Difference:
    """Compare two models, each trained with several seeds, by sentences and seeds drawn anew with replacement.

    Both models are scored on the same draws of sentences (Efron and Tibshirani 1993; for scores of systems, Koehn 2004,
    "Statistical significance tests for machine translation evaluation"). Seeds are drawn for each model by itself, so
    that their scatter is in the interval, too: without it, one model with two seeds would often seem to be two models.
    With one seed, nothing is known of that scatter, and the interval is that of the sentences alone.

    Args:
        first: From :func:`sentence_counts`, one for each seed, int64 [n_seeds, n_sentences, 3].
        second: The same of the other model; its number of seeds may differ.
        units: Document of each sentence, int64 [n_sentences], to draw documents instead of sentences
            (:func:`nomina.scoring.resampling.choose_units`).
        n_resamples: Draws, 1 or more.
        seed: Of the draws.

    Raises:
        ValueError: If the two were not scored on equally many sentences.
    """
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"expected scores of the same sentences, found {first.shape[1]} and {second.shape[1]}")
    split = len(first)
    # One column per seed and count, so that all sums of a draw are one product.
    counts = np.concatenate([first, second]).transpose(1, 0, 2)
    if units is not None:
        counts = sum_by_unit(counts, units)
    rng = np.random.default_rng(seed)

    def drawn_mean(of_seeds: Floats) -> Floats:
        chosen = rng.integers(of_seeds.shape[1], size=of_seeds.shape)
        mean: Floats = np.take_along_axis(of_seeds, chosen, axis=1).mean(1)
        return mean

    of_all = micro_f1(counts.sum(0))
    observed = float(of_all[:split].mean() - of_all[split:].mean())
    draws = []
    for sums in drawn_sums(counts, n_resamples, rng):
        f1 = micro_f1(sums)
        draws.append(drawn_mean(f1[:, :split]) - drawn_mean(f1[:, split:]))
    drawn = np.concatenate(draws)
    low, high = np.percentile(drawn, [2.5, 97.5])
    n_against = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    p_value = min(1.0, 2 * (n_against + 1) / (n_resamples + 1))
    return Difference(observed, float(low), float(high), p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values that allow for how many there are (Holm 1979), each in [0, 1], in the order given."""
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted
