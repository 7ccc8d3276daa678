"""The entity confusion: brute force over the pairs of each sentence, and sums that leave nothing out."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomina.data.tags import Scheme
from nomina.scoring import score
from nomina.scoring.chunks import default_chunks
from nomina.scoring.entities import EntityConfusion, count_entities
from nomina.scoring.pairs import pair_entities
from nomina.scoring.spans import code_tags, read_default

Sentences = list[list[str]]

tag = st.sampled_from(["O", *(f"{prefix}-{name}" for prefix in "BI" for name in ("geo", "per", "org"))])
corpora = st.lists(st.lists(st.tuples(tag, tag), max_size=14), max_size=5).map(
    lambda pairs: ([[g for g, _ in s] for s in pairs], [[p for _, p in s] for s in pairs])
)


def confusion_of(gold: Sentences, predicted: Sentences) -> EntityConfusion:
    own, found = code_tags(gold, predicted)
    return count_entities(read_default(own), read_default(found), own.tag_set.types)


def brute_force(gold: Sentences, predicted: Sentences) -> EntityConfusion:
    cells: Counter[tuple[str, str | None, str | None]] = Counter()
    for own, found in zip(gold, predicted, strict=True):
        for pair in pair_entities(default_chunks(own), default_chunks(found)):
            kind = "exact" if pair.kind in ("correct", "type") else "boundary"
            cells[kind, pair.gold and pair.gold.label, pair.predicted and pair.predicted.label] += 1
    types = tuple(sorted({name for _, *names in cells for name in names if name is not None}))
    return EntityConfusion(
        types,
        exact=tuple(tuple(cells["exact", own, found] for found in types) for own in types),
        boundary=tuple(tuple(cells["boundary", own, found] for found in types) for own in types),
        missed=tuple(cells["boundary", own, None] for own in types),
        spurious=tuple(cells["boundary", None, found] for found in types),
    )


@settings(deadline=None, max_examples=300)
@given(corpora)
def test_cells_are_those_of_the_pairs_of_each_sentence(corpus: tuple[Sentences, Sentences]) -> None:
    assert confusion_of(*corpus) == brute_force(*corpus)


@settings(deadline=None)
@given(corpora)
def test_rows_and_columns_add_up_to_gold_and_predicted_counts(corpus: tuple[Sentences, Sentences]) -> None:
    evaluation = score(*corpus)
    confusion, by_type = evaluation.entities, evaluation.default.by_type
    assert confusion is not None
    assert confusion.types == tuple(by_type)
    assert confusion.n_gold == tuple(counts.n_gold for counts in by_type.values())
    assert confusion.n_predicted == tuple(counts.n_predicted for counts in by_type.values())
    assert [confusion.exact[i][i] for i in range(len(by_type))] == [c.n_correct for c in by_type.values()]


def test_every_kind_of_cell() -> None:
    gold = ["B-per", "I-per", "O", "B-per", "O", "B-geo", "I-geo", "O", "B-geo"]
    predicted = ["B-per", "I-per", "O", "B-geo", "O", "B-geo", "O", "B-per", "O"]
    confusion = confusion_of([gold], [predicted])
    assert confusion == EntityConfusion(
        types=("geo", "per"), exact=((0, 0), (1, 1)), boundary=((1, 0), (0, 0)), missed=(1, 0), spurious=(0, 1)
    )
    assert (confusion.n_gold, confusion.n_predicted) == ((2, 2), (2, 2))


def test_of_two_pieces_one_is_spurious() -> None:
    confusion = confusion_of([["B-per", "I-per", "I-per"]], [["B-per", "B-per", "I-per"]])
    assert (confusion.boundary, confusion.spurious, confusion.missed) == (((1,),), (1,), (0,))


def test_a_type_of_no_entity_does_not_appear() -> None:
    # Of the two readings, only the strict one knows the type without its hyphen.
    confusion = score([["B--odd"]], [["O"]], Scheme.IOB2).entities
    assert confusion is not None
    assert confusion.types == ("-odd",)


def test_counts_must_be_one_per_type() -> None:
    with pytest.raises(ValueError, match="1 rows and columns"):
        EntityConfusion(("per",), ((1,),), (), (0,), (0,))


@given(corpora)
def test_survives_json(corpus: tuple[Sentences, Sentences]) -> None:
    confusion = confusion_of(*corpus)
    assert EntityConfusion.from_dict(json.loads(json.dumps(confusion.to_dict()))) == confusion


def test_nothing_at_all() -> None:
    confusion = confusion_of([], [])
    assert (confusion.types, confusion.n_gold, confusion.n_predicted) == ((), (), ())
