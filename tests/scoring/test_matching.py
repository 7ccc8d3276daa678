"""Gold and predicted entities set against each other: brute force on small corpora."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nomina.scoring.matching import count_by_sentence, count_by_type, find_overlaps, is_correct
from nomina.scoring.scores import Counts
from nomina.scoring.spans import Spans, code_tags, read_default

TAGS = ("O", "B-per", "I-per", "B-geo", "I-geo")
Entity = tuple[int, int, int, int]


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[list[str]], list[list[str]]]:
    tag = st.sampled_from(TAGS)
    pairs = draw(st.lists(st.lists(st.tuples(tag, tag), max_size=9), max_size=4))
    return [[g for g, _ in s] for s in pairs], [[p for _, p in s] for s in pairs]


def rows(spans: Spans) -> list[Entity]:
    return list(zip(*(column.tolist() for column in spans), strict=True))


@given(corpora())
def test_counts_are_those_of_sets(corpus: tuple[list[list[str]], list[list[str]]]) -> None:
    gold, predicted = code_tags(*corpus)
    types = gold.tag_set.types
    own, found = read_default(gold), read_default(predicted)
    correct = set(rows(own)) & set(rows(found))
    assert [row for row, right in zip(rows(found), is_correct(own, found), strict=True) if right] == sorted(correct)
    n_correct, n_found, n_own = (Counter(row[3] for row in side) for side in (correct, rows(found), rows(own)))
    assert count_by_type(own, found, types) == {
        name: Counts(n_correct[i], n_found[i], n_own[i]) for i, name in enumerate(types) if n_found[i] or n_own[i]
    }
    by_sentence = [Counter(row[0] for row in side) for side in (correct, rows(found), rows(own))]
    expected = [[side[i] for side in by_sentence] for i in range(len(corpus[0]))]
    assert count_by_sentence(own, found, len(corpus[0])).tolist() == expected


@given(corpora())
def test_overlaps_are_all_pairs_that_share_a_word(corpus: tuple[list[list[str]], list[list[str]]]) -> None:
    gold, predicted = map(read_default, code_tags(*corpus))
    own, found = rows(gold), rows(predicted)
    overlaps = find_overlaps(gold, predicted)
    pairs = list(zip(overlaps.gold.tolist(), overlaps.predicted.tolist(), strict=True))
    assert pairs == [
        (i, j) for j, b in enumerate(found) for i, a in enumerate(own) if a[0] == b[0] and a[1] < b[2] and b[1] < a[2]
    ]
    assert overlaps.same_words.tolist() == [own[i][:3] == found[j][:3] for i, j in pairs]
    assert overlaps.same_type.tolist() == [own[i][3] == found[j][3] for i, j in pairs]
    n_gold, n_predicted = Counter(i for i, _ in pairs), Counter(j for _, j in pairs)
    contested = [n_gold[i] > 1 or n_predicted[j] > 1 for i, j in pairs]
    assert overlaps.is_contested.tolist() == contested
    assert not np.any(overlaps.same_words & overlaps.is_contested)
    assert overlaps.where(overlaps.is_contested).gold.tolist() == [
        i for (i, _), x in zip(pairs, contested, strict=True) if x
    ]
