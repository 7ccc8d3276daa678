from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomina.data.records import Sentence
from nomina.scoring.chunks import Chunk, default_chunks
from nomina.scoring.intervals import Interval, f1_intervals
from nomina.scoring.mentions import seen_mentions
from nomina.scoring.resampling import Units
from nomina.scoring.scores import Counts
from nomina.scoring.slices import FACETS, N_LARGEST, OTHERS, Slice, facets_of, slice_scores

WORDS = ("Anna", "anna", "UN", "U.S.", "McDonald", "1990", "%", "of", "Paris")
TAGS = ("O", "O", "B-per", "I-per", "B-geo")
TRAINING = seen_mentions([Sentence(("Anna", "of", "Paris"), labels=("B-per", "O", "B-geo"))])


@st.composite
def sentences(draw: st.DrawFn) -> tuple[Sentence, tuple[str, ...], tuple[int, ...]]:
    """A sentence with gold labels, predicted tags and borders of windows."""
    n = draw(st.integers(0, 12))

    def column(values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(draw(st.lists(st.sampled_from(values), min_size=n, max_size=n)))

    features = {"pos": column(tuple(f"T{i}" for i in range(20)))} if draw(st.booleans()) else {}
    document = draw(st.sampled_from([None, *(f"d{i}" for i in range(20))]))
    sentence = Sentence(column(WORDS), features, column(TAGS), document=document)
    borders = draw(st.lists(st.integers(0, n), max_size=2, unique=True))
    return sentence, column(TAGS), tuple(sorted(borders))


def value_of(facet: str, *words: str, sentence: Sentence | None = None, label: str = "per") -> str:
    return facets_of(sentence or Sentence(words), Chunk(label, 0, len(words)), mentions=TRAINING, borders=())[facet]


@pytest.mark.parametrize(
    ("mention", "expected"),
    [
        ("anna", "lower"),
        ("1990s", "lower"),
        ("Anna", "Title"),
        ("Bank of America", "Title"),
        ("Anglo-Saxon", "Title"),
        ("O'Brien", "Title"),
        ("J. Smith", "Title"),
        ("\u01c5ungla", "Title"),  # a letter of its own in title case
        ("NATO", "UPPER"),
        ("U.S.", "UPPER"),
        ("B-52", "UPPER"),
        ("U.S. Army", "Title"),
        ("US Army", "mixed"),
        ("McDonald", "mixed"),
        ("iPhone", "mixed"),
        ("al-Qaida", "mixed"),
        ("de Gaulle", "mixed"),
        ("1990", "digits"),
        ("9/11", "digits"),
        ("%", "signs"),
        ("\u4e2d\u56fd", "lower"),  # a script without capitals
    ],
)
def test_capitals(mention: str, expected: str) -> None:
    assert value_of("capitalisation", *mention.split()) == expected


@pytest.mark.parametrize(
    ("n", "expected"), [(1, "1 word"), (2, "2 words"), (3, "3 words"), (4, "4 or more"), (9, "4 or more")]
)
def test_lengths_of_entities(n: int, expected: str) -> None:
    assert value_of("entity length", *["word"] * n) == expected


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (1, "1-10"),
        (10, "1-10"),
        (11, "11-20"),
        (20, "11-20"),
        (30, "21-30"),
        (31, "31-40"),
        (40, "31-40"),
        (41, "41 or"),
        (500, "41 or"),
    ],
)
def test_lengths_of_sentences(n: int, expected: str) -> None:
    assert value_of("sentence length", "word", sentence=Sentence(("word",) * n)).startswith(expected)


def test_the_first_word_and_the_document() -> None:
    sentence = Sentence(("the", "UN"), {"pos": ("DT", "NNP")}, document="d7")
    facets = facets_of(sentence, Chunk("org", 1, 2))
    assert (facets["POS of the first word"], facets["document"]) == ("NNP", "d7")
    bare = facets_of(Sentence(("the", "UN")), Chunk("org", 0, 2))
    assert (bare["POS of the first word"], bare["document"]) == ("_", "(none)")
    assert list(bare) == [facet for facet in FACETS if facet not in {"in training", "window border"}]


def test_seen_in_training() -> None:
    assert value_of("in training", "Anna") == "seen with this type"
    assert value_of("in training", "Anna", label="geo") == "seen with another type only"
    assert value_of("in training", "of") == "unseen"


@pytest.mark.parametrize(
    ("start", "end", "is_near"),
    [(9, 11, True), (8, 10, True), (10, 12, True), (5, 7, True), (4, 6, False), (13, 14, True), (14, 15, False)],
)
def test_near_is_within_three_words_of_a_border(start: int, end: int, is_near: bool) -> None:
    """A window begins at word 10."""
    sentence, chunk = Sentence(("word",) * 20), Chunk("per", start, end)
    assert facets_of(sentence, chunk, borders=(10,))["window border"] == ("near" if is_near else "elsewhere")
    assert facets_of(sentence, chunk, borders=())["window border"] == "elsewhere"


@given(st.lists(sentences(), max_size=12))
@settings(deadline=None, max_examples=60)
def test_the_slices_of_a_facet_add_up(corpus: list[tuple[Sentence, tuple[str, ...], tuple[int, ...]]]) -> None:
    records = [sentence for sentence, _, _ in corpus]
    gold = [default_chunks(sentence.labels or ()) for sentence in records]
    found = [default_chunks(tags) for _, tags, _ in corpus]
    borders = [borders for _, _, borders in corpus]
    slices = slice_scores(records, gold, found, mentions=TRAINING, borders=borders, n_resamples=5)
    total = Counts(
        sum(len(own & other) for own, other in zip(gold, found, strict=True)), sum(map(len, found)), sum(map(len, gold))
    )
    if total.n_predicted + total.n_gold:
        left_out = {
            "POS of the first word": not any(sentence.features for sentence in records),
            "document": all(sentence.document is None for sentence in records),
        }
        assert list(dict.fromkeys(s.facet for s in slices)) == [f for f in FACETS if not left_out.get(f)]
    for facet in {s.facet for s in slices}:
        own = [s for s in slices if s.facet == facet]
        assert sum((s.counts for s in own), Counts()) == total
        assert len({s.value for s in own}) == len(own) <= N_LARGEST + 1
    by_hand = Counter(
        (facet, value)
        for sentence, chunks, near in zip(records, gold, borders, strict=True)
        for chunk in chunks
        for facet, value in facets_of(sentence, chunk, mentions=TRAINING, borders=near).items()
    )
    for s in slices:
        if s.value != OTHERS:
            assert s.counts.n_gold == by_hand[s.facet, s.value]
        assert s.f1.value == pytest.approx(s.counts.f1)


def corpus_of_documents(sizes: list[int]) -> tuple[list[Sentence], list[set[Chunk]]]:
    """A sentence per document with some single-word entities."""
    records = [Sentence(("Anna",) * n, document=f"d{i}") for i, n in enumerate(sizes)]
    return records, [{Chunk("per", i, i + 1) for i in range(n)} for n in sizes]


def test_the_largest_documents_have_their_own_slice() -> None:
    records, gold = corpus_of_documents(list(range(1, 15)))
    slices = [s for s in slice_scores(records, gold, gold, n_resamples=5) if s.facet == "document"]
    assert [(s.value, s.counts.n_gold) for s in slices] == [*((f"d{n - 1}", n) for n in range(14, 2, -1)), (OTHERS, 3)]
    # One more than the largest is no crowd.
    slices = [s for s in slice_scores(records[1:], gold[1:], gold[1:], n_resamples=5) if s.facet == "document"]
    assert [s.value for s in slices] == [f"d{n - 1}" for n in range(14, 1, -1)]


def test_a_wrong_entity_stands_where_its_own_value_is() -> None:
    """Two words of three were found: missed among those of three, spurious among those of two."""
    sentence = Sentence(("Anna", "of", "Paris"))
    slices = slice_scores([sentence], [{Chunk("per", 0, 3)}], [{Chunk("per", 0, 2)}], n_resamples=5)
    lengths = {s.value: s.counts for s in slices if s.facet == "entity length"}
    assert lengths == {"2 words": Counts(0, 1, 0), "3 words": Counts(0, 0, 1)}


def test_intervals_are_those_of_the_units() -> None:
    rng = np.random.default_rng(0)
    records, gold = corpus_of_documents(rng.integers(1, 6, size=40).tolist())
    found = [{chunk for chunk in chunks if rng.random() < 0.7} for chunks in gold]
    units = Units("documents", np.arange(40) // 2, 20)
    slices = slice_scores(records, gold, found, units=units, n_resamples=200, seed=4)
    whole = next(s for s in slices if (s.facet, s.value) == ("entity length", "1 word"))
    counts = np.array([[len(f), len(f), len(g)] for f, g in zip(found, gold, strict=True)])
    [expected] = f1_intervals(counts.reshape(20, 2, 1, 3).sum(1), n_resamples=200, seed=4)
    assert whole.f1 == expected
    assert expected.low < expected.value < expected.high


def test_a_document_has_the_interval_of_its_sentences() -> None:
    """Drawn as a whole, it would have none."""
    records = [Sentence(("Anna",), document=f"d{i // 20}") for i in range(240)]
    gold = [{Chunk("per", 0, 1)} for _ in records]
    found = [chunks if i % 4 else set() for i, chunks in enumerate(gold)]
    slices = {s.value: s.f1 for s in slice_scores(records, gold, found, n_resamples=500)}
    assert slices["d3"].value == pytest.approx(6 / 7)
    assert 0.6 < slices["d3"].low < slices["d3"].value < slices["d3"].high <= 1
    assert slices["Title"] == (6 / 7, 6 / 7, 6 / 7)  # all documents are equally good


def test_json_and_other_sentences() -> None:
    record = json.loads(json.dumps(Slice("document", "d1", Counts(1, 2, 2), Interval(0.5, 0.25, 0.75)).to_dict()))
    assert (record["facet"], record["value"], record["f1"]) == ("document", "d1", 0.5)
    assert (record["f1_low"], record["f1_high"], record["support"]) == (0.25, 0.75, 2)
    assert slice_scores([], [], []) == []
    with pytest.raises(ValueError, match="shorter"):
        slice_scores([Sentence(("Anna",))], [set()], [])
