from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomina.scoring import score
from nomina.scoring.chunks import Chunk, default_chunks
from nomina.scoring.intervals import Interval, f1_intervals, score_intervals, type_counts
from nomina.scoring.resampling import Units
from nomina.scoring.significance import sentence_counts

GOLD = [("B-per", "I-per", "O"), ("O", "B-geo"), (), ("B-per",), ("B-org", "B-geo")]
FOUND = [("B-per", "O", "I-geo"), ("O", "I-geo"), (), ("O",), ("B-org", "B-per")]
WHOLE = Interval(0.0, 0.0, 1.0)

TAGS = st.sampled_from(["O", "B-per", "I-per", "B-geo", "B-org"])
CORPORA = st.lists(
    st.integers(0, 4).flatmap(
        lambda n: st.tuples(st.lists(TAGS, min_size=n, max_size=n), st.lists(TAGS, min_size=n, max_size=n))
    ),
    max_size=8,
)


def chunks(tags: Sequence[Sequence[str]]) -> list[set[Chunk]]:
    return [default_chunks(sequence) for sequence in tags]


def sentences(n: int) -> Units:
    return Units("sentences", np.arange(n), n)


@given(CORPORA)
@settings(deadline=None)  # seqeval is imported at the first call
def test_counts_are_those_of_the_score(corpus: list[tuple[list[str], list[str]]]) -> None:
    gold, found = [g for g, _ in corpus], [f for _, f in corpus]
    labels, counts = type_counts(chunks(gold), chunks(found))
    assert (counts.sum(1) == sentence_counts(gold, found)).all()
    by_type = score(gold, found).default.by_type
    assert labels == tuple(by_type)
    for label, total in zip(labels, counts.sum(0).tolist(), strict=True):
        assert total == [by_type[label].n_correct, by_type[label].n_predicted, by_type[label].n_gold]


@given(CORPORA, st.integers(0, 5), st.booleans())
@settings(max_examples=40, deadline=None)
def test_intervals_are_those_of_scores_of_the_same_draws(
    corpus: list[tuple[list[str], list[str]]], seed: int, in_pairs: bool
) -> None:
    """Every draw written out as a corpus, documents whole, and scored with seqeval's reading."""
    gold, found = [g for g, _ in corpus], [f for _, f in corpus]
    ids = np.arange(len(gold)) // (2 if in_pairs else 1)
    units = Units("documents" if in_pairs else "sentences", ids, len(set(ids.tolist())))
    result = score_intervals(chunks(gold), chunks(found), units, n_resamples=30, seed=seed)
    drawn = np.random.default_rng(seed).integers(max(units.n, 1), size=(30, units.n))
    figures: dict[str, list[float]] = {"precision": [], "recall": [], "f1": [], "macro_f1": []}
    for row in drawn.tolist():
        rows = [i for unit in row for i in np.flatnonzero(ids == unit)]
        scores = score([gold[i] for i in rows], [found[i] for i in rows]).default
        if scores.by_type:
            averages = scores.precision, scores.recall, scores.f1, scores.macro.f1
            for name, value in zip(("precision", "recall", "f1", "macro_f1"), averages, strict=True):
                figures[name].append(value)
        for label, counts in scores.by_type.items():
            figures.setdefault(label, []).append(counts.f1)
    whole = score(gold, found).default
    observed = {"precision": whole.precision, "recall": whole.recall, "f1": whole.f1, "macro_f1": whole.macro.f1}
    observed |= {label: counts.f1 for label, counts in whole.by_type.items()}
    _, table = type_counts(chunks(gold), chunks(found))
    filled = {label: set(ids[table[:, i].sum(1) > 0].tolist()) for i, label in enumerate(whole.by_type)}
    anywhere = set().union(*filled.values())
    shown = {"precision": result.precision, "recall": result.recall, "f1": result.f1, "macro_f1": result.macro_f1}
    assert list(result.by_type) == list(whole.by_type)
    for name, interval in {**shown, **result.by_type}.items():
        assert interval.value == pytest.approx(observed[name])
        if len(filled.get(name, anywhere)) < 2:
            assert interval[1:] == (0.0, 1.0)
        else:
            assert interval[1:] == pytest.approx(np.percentile(figures[name], [2.5, 97.5]))


def test_groups_are_counted_by_themselves() -> None:
    labels, counts = type_counts(chunks(GOLD), chunks(FOUND))
    by_type = score_intervals(chunks(GOLD), chunks(FOUND), sentences(5), n_resamples=200, seed=3).by_type
    assert f1_intervals(counts, n_resamples=200, seed=3) == [by_type[label] for label in labels]


def test_the_seed_decides() -> None:
    counts = simulate(np.random.default_rng(0), 20, 0.1)
    [first], [again], [other] = (f1_intervals(counts, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert other == pytest.approx(first, abs=0.01)


def test_where_nothing_is_known_the_interval_is_everything() -> None:
    nothing = score_intervals([], [], sentences(0))
    assert (nothing.f1, nothing.macro_f1, nothing.by_type) == (WHOLE, WHOLE, {})
    assert score_intervals([set()] * 5, [set()] * 5, sentences(5)).f1 == WHOLE
    one = score_intervals(chunks(GOLD[:1]), chunks(GOLD[:1]), sentences(1))
    assert one.f1 == one.by_type["per"] == (1.0, 0.0, 1.0)
    # The second type stands in one sentence alone, which no draw can tell anything about.
    two = score_intervals(chunks(GOLD[:2]), chunks(GOLD[:2]), sentences(2))
    assert two.f1 == (1.0, 1.0, 1.0)
    assert two.by_type["geo"] == (1.0, 0.0, 1.0)


def test_other_sentences_are_refused() -> None:
    with pytest.raises(ValueError, match="predictions for 5 sentences, found 4"):
        score_intervals(chunks(GOLD), chunks(FOUND[:4]), sentences(5))


def test_json_holds_how_it_was_computed() -> None:
    record = score_intervals(chunks(GOLD), chunks(FOUND), sentences(5), n_resamples=50).to_dict()
    assert {key: record[key] for key in ("level", "units", "n_units", "n_resamples")} == {
        "level": 0.95,
        "units": "sentences",
        "n_units": 5,
        "n_resamples": 50,
    }
    assert record["by_type"]["org"] == {"value": 1.0, "low": 0.0, "high": 1.0}


def simulate(rng: np.random.Generator, n_documents: int, scatter: float) -> np.ndarray:
    """Documents of 8 sentences with 2 gold and 2 predicted entities each; the share that is right differs by document.

    The true F1 is 0.7.
    """
    shares = np.clip(rng.normal(0.7, scatter, size=n_documents), 0.4, 1.0)
    correct = rng.binomial(2, np.repeat(shares, 8))
    return np.stack([correct, np.full_like(correct, 2), np.full_like(correct, 2)], axis=-1)[:, None]


@pytest.mark.parametrize("scatter", [0.0, 0.1])
def test_nearly_95_in_100_intervals_hold_the_truth(scatter: float) -> None:
    """With documents that differ, this needs documents to be drawn whole: by sentences, intervals are too narrow."""
    rng = np.random.default_rng(0)
    held = {"documents": 0, "sentences": 0}
    for i in range(300):
        counts = simulate(rng, 60, scatter)
        for kind, units in (("documents", counts.reshape(60, 8, 1, 3).sum(1)), ("sentences", counts)):
            [interval] = f1_intervals(units, n_resamples=300, seed=i)
            held[kind] += interval.low <= 0.7 <= interval.high
    assert 0.90 <= held["documents"] / 300 <= 0.98
    if scatter:
        assert held["sentences"] / 300 < 0.88
    else:
        assert 0.90 <= held["sentences"] / 300 <= 0.98
