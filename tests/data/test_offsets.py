"""Spans of characters against brute force over characters."""

import re
from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data import Sentence, Span, read_spans
from nomina.data.offsets import CutPolicy, OverlapPolicy, located, resolve_overlaps, snap, spans_to_labels
from nomina.errors import DataError

TEXT = "ab c  def"
WORDS = [(m.start(), m.end()) for m in re.finditer(r"\S+", TEXT)]
ALL = [(start, end) for start, end in combinations(range(len(TEXT) + 1), 2)]


@pytest.mark.parametrize("cut", ["expand", "shrink", "drop", "error"])
def test_every_span_of_a_text_is_snapped_as_its_characters_say(cut: CutPolicy) -> None:
    for start, end in ALL:
        characters = set(range(start, end))
        touched = [i for i, (a, b) in enumerate(WORDS) if characters & set(range(a, b))]
        whole = [i for i, (a, b) in enumerate(WORDS) if set(range(a, b)) <= characters]
        place, kind = snap(start, end, WORDS, cut)
        if not touched:
            assert (place, kind) == (None, "span_wordless")
        elif touched == whole:
            assert (place, kind) == ((touched[0], touched[-1] + 1), None)
        elif cut == "expand":
            assert (place, kind) == ((touched[0], touched[-1] + 1), "span_expanded")
        elif cut == "shrink" and whole:
            assert (place, kind) == ((whole[0], whole[-1] + 1), "span_shrunk")
        else:
            assert (place, kind) == (None, "span_dropped")


def test_spans_of_words_come_back_unchanged() -> None:
    for first in range(3):
        for last in range(first, 3):
            span = (WORDS[first][0], WORDS[last][1], "x")
            for cut in ("expand", "shrink", "drop", "error"):
                snapped = spans_to_labels([span], WORDS, cut=cut)
                assert read_spans(snapped.labels).spans == [Span("x", first, last + 1)]
                assert snapped.problems == ()


def overlap(a: Span, b: Span) -> bool:
    return bool(set(range(a.start, a.end)) & set(range(b.start, b.end)))


spans = st.lists(
    st.tuples(st.integers(0, 7), st.integers(1, 5)).map(lambda p: Span("x", p[0], p[0] + p[1])), max_size=7
)


@given(spans, st.sampled_from(["outermost", "innermost"]))
def test_what_is_kept_shares_no_word_and_what_is_dropped_meets_a_kept_one(
    given_spans: list[Span], policy: OverlapPolicy
) -> None:
    kept, dropped = resolve_overlaps(given_spans, policy)
    assert len(kept) + len(dropped) == len(given_spans)
    assert not any(overlap(a, b) for a, b in combinations(kept, 2))
    for i in dropped:
        lost = given_spans[i]
        lengths = [k.end - k.start for k in kept if overlap(k, lost)]
        best = max(lengths) if policy == "outermost" else min(lengths)
        length = lost.end - lost.start
        assert best >= length if policy == "outermost" else best <= length
    assert kept == sorted(kept, key=lambda s: s.start)


def test_nested_spans_keep_the_outer_or_the_inner_one_in_any_order() -> None:
    outer, middle, inner = Span("a", 0, 5), Span("b", 1, 4), Span("c", 2, 3)
    for order in permutations([outer, middle, inner]):
        assert resolve_overlaps(order, "outermost")[0] == [outer]
        assert resolve_overlaps(order, "innermost")[0] == [inner]


def test_problems_name_the_span_that_was_given() -> None:
    snapped = spans_to_labels([(5, 6, "gone"), (0, 4, "long"), (1, 2, "short")], WORDS)
    assert snapped.labels == ("B-long", "I-long", "O")
    assert snapped.problems == (("span_wordless", 0), ("span_expanded", 2), ("span_overlap", 2))


def test_errors_name_the_characters() -> None:
    with pytest.raises(DataError, match=r"characters 1-2 \(x\): expected whole words"):
        spans_to_labels([(1, 2, "x")], WORDS, cut="error")
    with pytest.raises(DataError, match=r"characters 0-2 \(y\): expected spans that share no word"):
        spans_to_labels([(0, 4, "x"), (0, 2, "y")], WORDS, overlaps="error")


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=5))
def test_words_stand_where_they_are_said_to(words: list[str]) -> None:
    own, joined = "  ".join(words), " ".join(words)
    too_short = "".join(words)[1:]  # for all of them
    for text, expected in ((None, joined), (own, own), (too_short, joined)):
        place = located(Sentence(tuple(words), text=text))
        assert place.text == expected
        assert [place.text[a:b] for a, b in place.words] == words
