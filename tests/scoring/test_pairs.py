from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.scoring.chunks import Chunk
from nomina.scoring.pairs import Pair, pair_entities
from recount import Entity, pair_up


@pytest.mark.parametrize(
    ("gold", "predicted", "kinds"),
    [
        ([("per", 0, 2)], [("per", 0, 2)], ["correct"]),
        ([("per", 0, 2)], [("org", 0, 2)], ["type"]),
        ([("per", 0, 2)], [("per", 1, 2)], ["boundary"]),
        ([("per", 0, 2)], [("org", 1, 3)], ["both"]),
        ([("per", 0, 2)], [("per", 2, 3)], ["missed", "spurious"]),
        # One gold entity cut in two: the longer piece is its, the other is too many.
        ([("per", 0, 3)], [("per", 0, 1), ("per", 1, 3)], ["spurious", "boundary"]),
        # The same type goes before more shared words.
        ([("per", 0, 4)], [("per", 0, 1), ("org", 1, 4)], ["boundary", "spurious"]),
        # The same words go before the same type.
        ([("per", 0, 2)], [("org", 0, 2), ("per", 1, 3)], ["type", "spurious"]),
        ([], [], []),
    ],
)
def test_kinds(gold: list[tuple[str, int, int]], predicted: list[tuple[str, int, int]], kinds: list[str]) -> None:
    pairs = pair_entities([Chunk(*c) for c in gold], [Chunk(*c) for c in predicted])
    assert sorted(pair.kind for pair in pairs) == sorted(kinds)


def test_the_longer_piece_is_the_one_that_is_paired() -> None:
    pairs = pair_entities([Chunk("per", 0, 3)], [Chunk("per", 0, 1), Chunk("per", 1, 3)])
    assert Pair(Chunk("per", 0, 3), Chunk("per", 1, 3)) in pairs


@st.composite
def entities(draw: st.DrawFn) -> list[Chunk]:
    borders = sorted(draw(st.sets(st.integers(0, 14), max_size=8)))
    return [
        Chunk(draw(st.sampled_from(["per", "org", "geo"])), start, end)
        for start, end in zip(borders[::2], borders[1::2], strict=False)
    ]


@given(entities(), entities())
def test_every_entity_is_in_exactly_one_pair(gold: list[Chunk], predicted: list[Chunk]) -> None:
    pairs = pair_entities(gold, predicted)
    assert Counter(pair.gold for pair in pairs if pair.gold) == Counter(gold)
    assert Counter(pair.predicted for pair in pairs if pair.predicted) == Counter(predicted)
    assert [pair.start for pair in pairs] == sorted(pair.start for pair in pairs)
    # Nothing that shares a word with an unpaired one of the other side is left over on its own.
    missed = [pair.gold for pair in pairs if pair.kind == "missed"]
    spurious = [pair.predicted for pair in pairs if pair.kind == "spurious"]
    assert not [(g, p) for g in missed for p in spurious if g and p and g.start < p.end and p.start < g.end]
    assert {pair.gold for pair in pairs if pair.kind == "correct"} == set(gold) & set(predicted)


@given(entities(), entities())
def test_the_order_of_the_input_does_not_matter(gold: list[Chunk], predicted: list[Chunk]) -> None:
    assert pair_entities(gold, predicted) == pair_entities(gold[::-1], set(predicted))


@given(entities(), entities())
def test_pairs_are_those_of_the_rule_followed_word_by_word(gold: list[Chunk], predicted: list[Chunk]) -> None:
    plain = pair_up((Entity(*chunk) for chunk in gold), (Entity(*chunk) for chunk in predicted))
    assert set(pair_entities(gold, predicted)) == set(plain)
