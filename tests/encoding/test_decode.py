from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomina.data.records import Sentence
from nomina.data.tags import Scheme
from nomina.encoding.decode import best_paths, path_marginals, softmax, spans_of, tags_of

Floats = npt.NDArray[np.floating]


def test_tags_of_each_sentence() -> None:
    ids, offsets = np.array([0, 1, 2, 0, 1]), np.array([0, 3, 3, 4, 5])
    assert tags_of(ids, ["O", "B-per", "I-per"], offsets) == [("O", "B-per", "I-per"), (), ("O",), ("B-per",)]
    assert tags_of(np.array([], dtype=np.int64), ["O"], np.array([0])) == []


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        (Scheme.IOB2, ("B-per", "I-per", "O", "B-geo")),
        (Scheme.IOB1, ("I-per", "I-per", "O", "I-geo")),
        (Scheme.BIOES, ("B-per", "E-per", "O", "S-geo")),
        (Scheme.BILOU, ("B-per", "L-per", "O", "U-geo")),
    ],
)
def test_spans_with_offsets_and_scores(scheme: Scheme, tags: tuple[str, ...]) -> None:
    text = "Anna  Li\u00f1 saw\u00a0Paris"
    sentence = Sentence(("Anna", "Li\u00f1", "saw", "Paris"), text=text)
    person, place = spans_of(sentence, tags, scheme, np.array([0.9, 0.4, 1.0, 0.5], dtype=np.float32))
    assert (person.label, person.start, person.end) == ("per", 0, 2)
    assert (place.label, place.start, place.end) == ("geo", 3, 4)
    assert [text[span.start_char : span.end_char] for span in (person, place)] == ["Anna  Li\u00f1", "Paris"]
    assert person.score == pytest.approx((0.9 * 0.4) ** 0.5, abs=1e-6)
    assert place.score == pytest.approx(0.5, abs=1e-6)


def test_without_text_and_probabilities() -> None:
    [span] = spans_of(Sentence(("Anna", "left")), ("B-per", "O"), Scheme.IOB2)
    assert (span.score, span.start_char, span.end_char) == (None, None, None)


def test_a_probability_of_zero_is_a_score() -> None:
    [span] = spans_of(Sentence(("Anna",)), ("B-per",), Scheme.IOB2, np.zeros(1, dtype=np.float32))
    assert span.score == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("temperature", "score"), [(1.0, 0.9), (2.0, 0.75), (0.5, 81 / 82)])
def test_a_temperature_divides_the_log_odds(temperature: float, score: float) -> None:
    probabilities = np.array([0.9], dtype=np.float32)  # odds of 9 to 1
    [span] = spans_of(Sentence(("Anna",)), ("B-per",), Scheme.IOB2, probabilities, temperature=temperature)
    assert span.score == pytest.approx(score, abs=1e-6)


def test_an_orphan_begins_a_span_as_conlleval_reads_it() -> None:
    sentence = Sentence(("a", "b", "c"))
    spans = spans_of(sentence, ("I-per", "I-geo", "O"), Scheme.IOB2)
    assert [(span.label, span.start, span.end) for span in spans] == [("per", 0, 1), ("geo", 1, 2)]


def all_paths(n_labels: int, n_words: int) -> list[tuple[int, ...]]:
    return list(itertools.product(range(n_labels), repeat=n_words))


def path_score(path: tuple[int, ...], scores: Floats, borders: Floats) -> float:
    inside = sum(float(borders[a, b]) for a, b in itertools.pairwise(path))
    return (
        float(scores[np.arange(len(path)), path].sum()) + float(borders[-1, path[0]] + borders[path[-1], -1]) + inside
    )


@st.composite
def chains(draw: st.DrawFn) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Scores, borders with some of them forbidden, and sentences of up to four words."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_labels = draw(st.integers(1, 4))
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=6))
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    borders = 2 * rng.normal(size=(n_labels + 1, n_labels + 1))
    forbidden = rng.random(borders.shape) < draw(st.sampled_from([0.0, 0.4]))
    forbidden[:, 0] = forbidden[0] = False  # one label may always follow, as O may
    borders[forbidden] = -np.inf
    return (3 * rng.normal(size=(offsets[-1], n_labels))).astype(np.float32), borders, offsets


@given(chains())
@settings(max_examples=150, deadline=None)
def test_best_paths_and_marginals_are_those_of_all_paths(
    chain: tuple[Floats, Floats, npt.NDArray[np.int64]],
) -> None:
    scores, borders, offsets = chain
    ids, marginals = best_paths(scores, borders, offsets), path_marginals(scores, borders, offsets)
    assert ids.shape == (len(scores),)
    for start, end in itertools.pairwise(offsets.tolist()):
        if start == end:
            continue
        paths = all_paths(scores.shape[1], end - start)
        totals = np.array([path_score(path, scores[start:end], borders) for path in paths])
        assert path_score(tuple(ids[start:end].tolist()), scores[start:end], borders) == pytest.approx(totals.max())
        weights = np.exp(totals - totals.max())
        weights /= weights.sum()
        for t, label in itertools.product(range(end - start), range(scores.shape[1])):
            expected = sum(w for w, path in zip(weights, paths, strict=True) if path[t] == label)
            assert marginals[start + t, label] == pytest.approx(expected, abs=1e-5)


def test_without_borders_each_word_is_on_its_own() -> None:
    scores = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
    borders, offsets = np.zeros((6, 6)), np.array([0, 20, 20, 50])
    assert (best_paths(scores, borders, offsets) == scores.argmax(-1)).all()
    np.testing.assert_allclose(path_marginals(scores, borders, offsets), softmax(scores), atol=1e-6)


def test_a_very_long_sentence_keeps_its_precision() -> None:
    """The best path through a hundred thousand words, and its marginals, are those of its parts far from the cut."""
    rng = np.random.default_rng(0)
    scores, borders = (5 * rng.normal(size=(100_000, 3))).astype(np.float32), rng.normal(size=(4, 4))
    whole, part = np.array([0, 100_000]), np.array([0, 1_000])
    ids, marginals = best_paths(scores, borders, whole), path_marginals(scores, borders, whole)
    assert np.isfinite(marginals).all()
    last = scores[-1_000:]
    assert (best_paths(last, borders, part)[200:] == ids[-800:]).all()
    np.testing.assert_allclose(path_marginals(last, borders, part)[200:], marginals[-800:], atol=1e-5)
