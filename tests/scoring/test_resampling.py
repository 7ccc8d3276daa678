from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data.records import Sentence
from nomina.scoring.resampling import choose_units, drawn_sums, sum_by_unit


def of_documents(documents: Sequence[str | None], source: str = "a.conll") -> list[Sentence]:
    return [Sentence(("word",), document=document, source=source) for document in documents]


def test_documents_are_units_where_all_have_one_and_there_are_enough() -> None:
    many = of_documents([f"d{i // 2}" for i in range(20)])
    units = choose_units(many)
    assert (units.kind, units.n, units.ids.tolist()) == ("documents", 10, [i // 2 for i in range(20)])
    assert choose_units(many[:18]).kind == "sentences"
    assert choose_units(many[:18], min_documents=9).kind == "documents"
    odd = choose_units([*many, *of_documents([None])])
    assert (odd.kind, odd.n, odd.ids.tolist()) == ("sentences", 21, list(range(21)))
    nothing = choose_units([])
    assert (nothing.kind, nothing.n, nothing.ids.tolist()) == ("sentences", 0, [])


def test_equal_names_in_two_files_are_two_documents() -> None:
    names = [f"d{i}" for i in range(6)]
    units = choose_units([*of_documents(names), *of_documents(names, "b.conll")])
    assert (units.kind, units.n) == ("documents", 12)


@given(st.lists(st.integers(0, 4), max_size=12), st.integers(0, 3))
def test_sums_are_those_of_a_loop(ids: list[int], seed: int) -> None:
    counts = np.random.default_rng(seed).integers(5, size=(len(ids), 2, 3))
    sums = sum_by_unit(counts, np.array(ids, dtype=np.int64))
    assert len(sums) == max(ids, default=-1) + 1
    for unit, total in enumerate(sums):
        rows = [counts[i] for i, of in enumerate(ids) if of == unit]
        assert (total == np.sum(rows, axis=0)).all()


@pytest.mark.parametrize("largest", [9, 2**40])  # both kinds of floating-point product
@pytest.mark.parametrize("n_units", [1, 7, 400])
def test_sums_of_draws_are_those_of_loops_over_the_same_draws(n_units: int, largest: int) -> None:
    counts = np.random.default_rng(1).integers(largest, size=(n_units, 2, 3))
    steps = list(drawn_sums(counts, 50, np.random.default_rng(5)))
    sums = np.concatenate(steps)
    drawn = np.random.default_rng(5).integers(n_units, size=(50, n_units))
    assert (sums == [sum(counts[i] for i in row) for row in drawn]).all()


def test_draws_come_in_steps_that_bound_memory() -> None:
    counts = np.ones((300_000, 3), dtype=np.int64)
    steps = list(drawn_sums(counts, 7, np.random.default_rng(0)))
    assert [len(step) for step in steps] == [3, 3, 1]
    assert (np.concatenate(steps) == 300_000).all()  # as many units as there are
    assert np.concatenate(list(drawn_sums(counts[:0], 7, np.random.default_rng(0)))).tolist() == [[0.0] * 3] * 7


def test_draws_are_uniform() -> None:
    """Each unit's number of draws is binomial, with known mean and variance."""
    n = 20
    weights = np.concatenate(list(drawn_sums(np.eye(n, dtype=np.int64), 20_000, np.random.default_rng(0))))
    assert (weights.sum(1) == n).all()
    np.testing.assert_allclose(weights.mean(0), 1.0, atol=0.03)
    np.testing.assert_allclose(weights.var(0), 1 - 1 / n, rtol=0.05)
