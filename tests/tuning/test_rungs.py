"""Who goes on: the same trials whatever the order of the scores, and those that a sort would choose."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomina.errors import ConfigError
from nomina.tuning.rungs import DEFAULT_KEEP, DEFAULT_SHARES, Decision, Standing, decide, plan_rungs

Scores = Sequence[Sequence[float]]


def survivors(scores: Scores, failures: Sequence[int | None], sizes: Sequence[int]) -> list[set[int]]:
    """Who scores at each rung, all scores being known: the plain definition.

    The best go on until the next rung is full. Where a rung cannot be filled, the one before it gets a place more.
    """
    places = list(sizes)
    while True:
        found = [{n for n in range(len(scores)) if failures[n] != 0}]
        for rung, size in enumerate(places[1:], start=1):
            ranked = sorted(found[-1], key=lambda n: (-scores[n][rung - 1], n))
            found.append(set([n for n in ranked if failures[n] != rung][:size]))
        short = [
            rung for rung in range(1, len(places)) if len(found[rung]) < places[rung] and places[rung - 1] < len(scores)
        ]
        if not short:
            return found
        places[short[0] - 1] += 1


@settings(max_examples=300)
@given(data=st.data(), n=st.integers(1, 12), n_workers=st.integers(1, 5), seed=st.integers(0, 10_000))
def test_any_order_of_scores_leads_to_the_same_trials(data: st.DataObject, n: int, n_workers: int, seed: int) -> None:
    rungs = plan_rungs(n, (0.2, 0.5, 1.0), 0.4)
    scores = data.draw(
        st.lists(st.lists(st.sampled_from([0.0, 0.5, 0.7, 0.9]), min_size=3, max_size=3), min_size=n, max_size=n)
    )
    failures = data.draw(st.lists(st.sampled_from([None, None, None, 0, 1, 2]), min_size=n, max_size=n))
    wanted = survivors(scores, failures, [rung.n_trials for rung in rungs])

    rng = random.Random(seed)
    standings = {number: Standing() for number in range(n)}
    running: set[int] = set()
    n_trained = 0
    for _ in range(1000):
        decisions = decide(standings, rungs)
        ready = [number for number, decision in decisions.items() if decision == "train" and number not in running]
        rng.shuffle(ready)
        running |= set(ready[: n_workers - len(running)])
        if not running:
            break
        number = rng.choice(sorted(running))
        running.remove(number)
        n_trained += 1
        rung = len(standings[number].scores)
        if failures[number] == rung:
            standings[number] = Standing(standings[number].scores, is_over=True)
        else:
            standings[number] = Standing((*standings[number].scores, scores[number][rung]))
    for rung, numbers in enumerate(wanted):
        assert {number for number, s in standings.items() if len(s.scores) > rung} == numbers
    final = decide(standings, rungs)
    assert set(final.values()) <= {"finished", "beaten"}, "nobody waits for ever"
    assert {number for number, decision in final.items() if decision == "finished"} == wanted[-1]
    n_failed = sum(standing.is_over for standing in standings.values())
    assert n_trained == sum(map(len, wanted)) + n_failed, "nothing is trained in vain"


def test_a_decision_comes_as_soon_as_it_is_certain() -> None:
    rungs = plan_rungs(6, (0.5, 1.0), 1 / 3)
    assert [rung.n_trials for rung in rungs] == [6, 2]

    def now(*scores: float | None) -> list[Decision]:
        found = decide({n: Standing(() if s is None else (s,)) for n, s in enumerate(scores)}, rungs)
        return [found[n] for n in range(6)]

    assert now(None, None, None, None, None, None) == ["train"] * 6
    assert now(0.5, 0.6, None, None, None, None) == ["wait", "wait", *["train"] * 4]
    assert now(0.5, 0.6, 0.7, None, None, None)[:3] == ["beaten", "wait", "wait"]
    assert now(0.5, 0.6, 0.7, 0.1, 0.2, None) == ["beaten", "wait", "train", "beaten", "beaten", "train"]
    assert now(0.5, 0.6, 0.7, 0.1, 0.2, 0.6) == ["beaten", "train", "train", "beaten", "beaten", "beaten"]


def test_a_failed_trial_makes_room_at_the_rung_that_it_did_not_reach() -> None:
    rungs = plan_rungs(3, (0.3, 0.6, 1.0), 0.5)
    assert [rung.n_trials for rung in rungs] == [3, 2, 1]
    standings = {0: Standing((0.9,)), 1: Standing((0.8, 0.1)), 2: Standing((0.7,))}
    assert decide(standings, rungs) == {0: "train", 1: "wait", 2: "beaten"}
    standings[0] = Standing((0.9,), is_over=True)
    assert decide(standings, rungs) == {1: "wait", 2: "train"}, "2 was beaten, and is called back"
    standings = {0: Standing((0.9, 0.9), is_over=True), 1: Standing((0.8, 0.1)), 2: Standing((0.7,))}
    assert decide(standings, rungs) == {1: "train", 2: "beaten"}, "0 failed later, and leaves its place there"
    standings = {0: Standing((), is_over=True), 1: Standing((0.8,)), 2: Standing((0.7,))}
    assert decide(standings, rungs) == {1: "train", 2: "train"}


def test_where_all_that_came_far_have_failed_an_earlier_one_is_called_back() -> None:
    rungs = plan_rungs(4, (0.3, 0.6, 1.0), 0.25)
    assert [rung.n_trials for rung in rungs] == [4, 1, 1]
    standings = {0: Standing((0.9, 0.9)), 1: Standing((0.8,)), 2: Standing((0.7,)), 3: Standing((0.6,))}
    assert decide(standings, rungs) == {0: "train", 1: "beaten", 2: "beaten", 3: "beaten"}
    standings[0] = Standing((0.9, 0.9), is_over=True)
    assert decide(standings, rungs) == {1: "train", 2: "beaten", 3: "beaten"}
    standings[1] = Standing((0.8, 0.2))
    assert decide(standings, rungs)[1] == "train", "to the end: it takes the place of the failed one"
    standings[1] = Standing((0.8,), is_over=True)
    assert decide(standings, rungs) == {2: "train", 3: "beaten"}


@pytest.mark.parametrize("n", [1, 2, 5, 16, 27, 100, 1000])
def test_the_default_costs_a_third_of_the_grid_or_little_more_for_few_trials(n: int) -> None:
    rungs = plan_rungs(n, DEFAULT_SHARES, DEFAULT_KEEP)
    spent, before = 0.0, 0.0
    for rung in rungs:
        spent += rung.n_trials * (rung.share - before)
        before = rung.share
    assert [rung.n_trials for rung in rungs] == [n, math.ceil(n / 3), math.ceil(math.ceil(n / 3) / 3)]
    if n >= 16:
        assert spent / n <= 0.35


def test_each_rung_may_keep_its_own_share() -> None:
    assert [rung.n_trials for rung in plan_rungs(16, (0.2, 0.5, 1.0), (1 / 4, 1 / 2))] == [16, 4, 2]


@pytest.mark.parametrize(
    ("shares", "keep", "fault"),
    [
        ((), 0.5, "rungs"),
        ((0.5, 0.5, 1.0), 0.5, "rungs"),
        ((0.5, 0.2, 1.0), 0.5, "rungs"),
        ((0.0, 1.0), 0.5, "rungs"),
        ((0.5,), 0.5, "rungs"),
        ((1.0,), 0.0, "keep"),
        ((1.0,), 1.0, "keep"),
        ((0.2, 0.5, 1.0), (0.5, 1.5), "keep: expected a share between 0 and 1, found 1.5"),
        ((0.2, 0.5, 0.7, 1.0), (0.5, 0.5), "keep: expected 1 or 3 shares"),
    ],
)
def test_faulty_rungs_are_refused(shares: tuple[float, ...], keep: float | tuple[float, ...], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        plan_rungs(4, shares, keep)
