"""nervaluate's four modes: nervaluate itself is the oracle."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomina.scoring.modes import MODES, Modes, ModeScores, Tally, count_modes
from nomina.scoring.spans import Spans, code_tags, read_default

nervaluate = pytest.importorskip("nervaluate", reason="nervaluate needs Python 3.11")

TYPES = ("geo", "per", "org")
THEIRS = {"strict": "strict", "exact": "exact", "partial": "partial", "type": "ent_type"}
Sentences = list[list[str]]


def ours(gold: Sentences, predicted: Sentences) -> Modes:
    own, found = code_tags(gold, predicted)
    return count_modes(read_default(own), read_default(found), own.tag_set.types)


def oracle(gold: Sentences, predicted: Sentences) -> dict[str, Any]:
    result: dict[str, Any] = nervaluate.Evaluator(gold, predicted, tags=list(TYPES), loader="list").evaluate()
    return result


def shown(tally: Any) -> tuple[float, ...]:
    """Counts and figures of a tally, ours or nervaluate's."""
    if isinstance(tally, Tally):
        counts = (tally.n_correct, tally.n_incorrect, tally.n_partial, tally.n_missed, tally.n_spurious)
        return (*counts, tally.n_predicted, tally.n_gold, tally.precision, tally.recall, tally.f1)
    counts = (tally.correct, tally.incorrect, tally.partial, tally.missed, tally.spurious)
    return (*counts, tally.actual, tally.possible, tally.precision, tally.recall, tally.f1)


def check(gold: Sentences, predicted: Sentences) -> None:
    modes, expected = ours(gold, predicted), oracle(gold, predicted)
    for name, theirs in THEIRS.items():
        scores: ModeScores = getattr(modes, name)
        assert shown(scores.overall) == shown(expected["overall"][theirs])
        by_type = {of: shown(of_modes[theirs]) for of, of_modes in expected["entities"].items()}
        assert {of: shown(tally) for of, tally in scores.by_type.items()} == by_type


def write(spans: list[tuple[int, int, int]], n_words: int) -> list[str]:
    tags = ["O"] * n_words
    for start, end, name in spans:
        tags[start:end] = [f"B-{TYPES[name]}", *[f"I-{TYPES[name]}"] * (end - start - 1)]
    return tags


def generate(rng: np.random.Generator, n_words: int, mean_length: float) -> list[str]:
    """Valid tags with entities of any length, often side by side."""
    spans, place = [], int(rng.geometric(0.5)) - 1
    while place < n_words:
        end = min(n_words, place + int(rng.geometric(1 / mean_length)))
        spans.append((place, end, int(rng.integers(len(TYPES)))))
        place = end + int(rng.geometric(0.6)) - 1
    return write(spans, n_words)


@pytest.mark.parametrize("mean_length", [1.2, 2.5, 6.0])
def test_all_counts_are_nervaluates_on_thousands_of_valid_sequences(mean_length: float) -> None:
    rng = np.random.default_rng(int(10 * mean_length))
    for _ in range(200):  # small corpora, so that faults do not cancel out
        lengths = rng.integers(1, 25, 10).tolist()
        gold = [generate(rng, n, mean_length) for n in lengths]
        predicted = [
            generate(rng, n, mean_length) if rng.random() < 0.8 else tags for n, tags in zip(lengths, gold, strict=True)
        ]
        check(gold, predicted)


tag = st.sampled_from(["O", *(f"{prefix}-{name}" for prefix in "BI" for name in TYPES)])


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(st.tuples(tag, tag), min_size=1, max_size=12), min_size=1, max_size=4))
def test_all_counts_are_nervaluates_on_illegal_transitions_too(pairs: list[list[tuple[str, str]]]) -> None:
    check([[g for g, _ in s] for s in pairs], [[p for _, p in s] for s in pairs])


@pytest.mark.parametrize("n_words", [99, 100, 101, 150, 200, 300])
def test_less_than_a_hundredth_of_the_gold_entity_is_no_overlap(n_words: int) -> None:
    for n_shared in (1, 2, 3):
        check([write([(0, n_words, 0)], n_words)], [write([(0, n_shared, 0)], n_words)])
    assert ours([write([(0, 101, 0)], 101)], [write([(0, 1, 0)], 101)]).partial.overall == Tally(
        n_missed=1, n_spurious=1
    )


@pytest.mark.parametrize(
    ("predicted", "strict", "exact", "partial", "of_type"),
    [
        # The scenarios of the task's paper, for one gold entity of two words.
        ((1, 3, 0), (1, 0, 0, 0, 0), (1, 0, 0, 0, 0), (1, 0, 0, 0, 0), (1, 0, 0, 0, 0)),
        ((1, 3, 1), (0, 1, 0, 0, 0), (1, 0, 0, 0, 0), (1, 0, 0, 0, 0), (0, 1, 0, 0, 0)),
        ((2, 4, 0), (0, 1, 0, 0, 0), (0, 1, 0, 0, 0), (0, 0, 1, 0, 0), (1, 0, 0, 0, 0)),
        ((2, 4, 1), (0, 1, 0, 0, 0), (0, 1, 0, 0, 0), (0, 0, 1, 0, 0), (0, 1, 0, 0, 0)),
        ((3, 5, 0), (0, 0, 0, 1, 1), (0, 0, 0, 1, 1), (0, 0, 0, 1, 1), (0, 0, 0, 1, 1)),
    ],
)
def test_the_scenarios_of_the_task(
    predicted: tuple[int, int, int],
    strict: tuple[int, ...],
    exact: tuple[int, ...],
    partial: tuple[int, ...],
    of_type: tuple[int, ...],
) -> None:
    modes = ours([write([(1, 3, 0)], 6)], [write([predicted], 6)])
    expected = [Tally(*counts) for counts in (strict, exact, partial, of_type)]
    assert [modes.strict.overall, modes.exact.overall, modes.partial.overall, modes.type.overall] == expected


def test_the_type_mode_takes_the_closest_borders_of_its_own_type() -> None:
    gold = [write([(0, 1, 1), (1, 2, 0), (2, 6, 0)], 8)]
    modes = ours(gold, [write([(0, 6, 0), (6, 7, 1)], 8)])
    assert modes.type.overall == Tally(n_correct=1, n_missed=2, n_spurious=1)
    assert modes.partial.overall == Tally(n_partial=1, n_missed=2, n_spurious=1)
    check(gold, [write([(0, 6, 0), (6, 7, 1)], 8)])


def test_a_partial_match_counts_half() -> None:
    tally = Tally(n_correct=1, n_partial=1, n_missed=2, n_spurious=1)
    assert (tally.precision, tally.recall) == (0.5, 0.375)
    assert tally.f1 == pytest.approx(3 / 7)


def test_nothing_at_all_gives_zero() -> None:
    modes = ours([], [])
    assert modes.strict.overall == Tally()
    assert modes.type.by_type == {}
    assert (Tally().precision, Tally().recall, Tally().f1) == (0.0, 0.0, 0.0)


def test_modes_survive_json() -> None:
    rng = np.random.default_rng(0)
    modes = ours([generate(rng, 30, 2)], [generate(rng, 30, 2)])
    assert Modes.from_dict(json.loads(json.dumps(modes.to_dict()))) == modes


def test_each_reading_is_said_in_one_sentence() -> None:
    assert [name.split()[-1] for name in MODES] == ["default", "strict", "strict", "exact", "partial", "type"]
    assert all(text.endswith(".") and text.count(". ") == 0 for text in MODES.values())


def test_no_entities_on_one_side() -> None:
    empty = Spans(*(np.array([], dtype=np.int64) for _ in range(4)))
    one = Spans(*(np.array([n], dtype=np.int64) for n in (0, 1, 2, 0)))
    assert count_modes(one, empty, ("per",)).partial.overall == Tally(n_missed=1)
    assert count_modes(empty, one, ("per",)).partial.overall == Tally(n_spurious=1)
