from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.scoring import score, sentence_counts
from nomina.scoring.significance import holm, micro_f1, paired_bootstrap

GOLD = [("B-per", "I-per", "O"), ("O", "B-geo"), (), ("B-per",)]
FOUND = [("B-per", "O", "I-geo"), ("O", "I-geo"), (), ("O",)]
RNG = np.random.default_rng(0)


def outcomes(n_seeds: int, n_sentences: int, share: float, seed: int = 0) -> np.ndarray:
    """Two gold and two predicted entities a sentence, of which a share is right."""
    correct = np.random.default_rng(seed).binomial(2, share, size=(n_seeds, n_sentences))
    return np.stack([correct, np.full_like(correct, 2), np.full_like(correct, 2)], axis=-1)


def test_counts_are_those_of_the_score() -> None:
    counts = sentence_counts(GOLD, FOUND)
    assert counts.tolist() == [[0, 2, 1], [1, 1, 1], [0, 0, 0], [0, 0, 1]]
    whole = score(GOLD, FOUND).default
    assert counts.sum(0).tolist() == [whole.micro.n_correct, whole.micro.n_predicted, whole.micro.n_gold]
    assert float(micro_f1(counts.sum(0))) == pytest.approx(whole.f1)
    assert sentence_counts(GOLD, FOUND[:2])[3].tolist() == [0, 0, 1]  # what is missing counts as O


def test_f1_of_several_seeds() -> None:
    assert micro_f1(np.array([[1, 2, 2], [0, 0, 0], [3, 3, 3]])).tolist() == [0.5, 0.0, 1.0]


def test_equal_models_do_not_differ() -> None:
    first = outcomes(1, 200, 0.7)
    assert paired_bootstrap(first, first, n_resamples=500) == (0.0, 0.0, 0.0, 1.0)


def test_the_scatter_of_seeds_is_in_the_interval() -> None:
    """Two models whose seeds differ by more than chance among sentences: each seed is right or wrong throughout."""
    sure = np.full((200, 2), 2)
    seeds = [np.column_stack([np.full(200, n_correct), sure]) for n_correct in (0, 1, 2)]
    first, second = np.stack(seeds), np.stack(seeds[1:] + seeds[1:2])
    difference = paired_bootstrap(first, second)
    assert difference.f1 == pytest.approx(1 / 2 - 2 / 3)
    assert difference.low < -0.5
    assert difference.high > 0.2
    assert difference.p_value > 0.3


def test_a_clear_difference_is_found_and_its_sign_is_that_of_the_first() -> None:
    good, bad = outcomes(3, 500, 0.8), outcomes(2, 500, 0.7, seed=1)
    there, back = paired_bootstrap(good, bad), paired_bootstrap(bad, good)
    assert 0 < there.low < there.f1 < there.high < 0.2
    assert there.p_value < 0.01
    assert (back.f1, back.low, back.high) == pytest.approx((-there.f1, -there.high, -there.low), abs=1e-3)
    assert there == paired_bootstrap(good, bad)  # the same draws


def test_the_interval_is_as_wide_as_theory_says() -> None:
    """F1 here is a mean over sentences, whose standard error is known."""
    first, second = outcomes(1, 2000, 0.8), outcomes(1, 2000, 0.7, seed=1)
    per_sentence = (first[0, :, 0] - second[0, :, 0]) / 2
    error = per_sentence.std() / np.sqrt(2000)
    difference = paired_bootstrap(first, second)
    assert difference.f1 == pytest.approx(per_sentence.mean())
    assert (difference.high - difference.low) / 2 == pytest.approx(1.96 * error, rel=0.05)


def test_false_alarms_are_as_rare_as_promised() -> None:
    p_values = [
        paired_bootstrap(outcomes(1, 100, 0.7, i), outcomes(1, 100, 0.7, 1000 + i), n_resamples=200).p_value
        for i in range(200)
    ]
    assert 0.01 <= np.mean(np.array(p_values) < 0.05) <= 0.1


def test_other_sentences_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="same sentences, found 3 and 4"):
        paired_bootstrap(outcomes(1, 3, 0.5), outcomes(1, 4, 0.5))


def test_holm_by_hand() -> None:
    # Holm (1979): the smallest times 3, the next times 2, the last as it is, never falling.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_never_lowers(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)


def test_documents_are_drawn_whole() -> None:
    """Sentences of a document that are all better or all worse: the difference is less sure than sentences make it."""
    first = np.repeat(outcomes(1, 40, 0.7), 10, axis=1)
    second = np.repeat(outcomes(1, 40, 0.7, seed=1), 10, axis=1)
    documents = np.repeat(np.arange(40), 10)
    whole = paired_bootstrap(first, second, units=documents)
    by_document = paired_bootstrap(first[:, ::10] * 10, second[:, ::10] * 10)
    assert whole == by_document
    by_sentence = paired_bootstrap(first, second)
    assert by_sentence.f1 == pytest.approx(whole.f1)
    width = whole.high - whole.low
    assert width / (by_sentence.high - by_sentence.low) == pytest.approx(10**0.5, rel=0.1)
