"""Successive halving over a fixed set of trials, without a clock: who goes on follows from the scores alone.

All trials train to the first rung; the best of them continue to the second, and so on to the end (Jamieson and
Talwalkar 2016, arXiv 1502.07943). Each decision is made as soon as no score that is still to come could change it, so
that few workers wait; and it is the same whatever the order in which the scores come in. Only a failure can bring a
beaten trial back: one on the way to a rung, where the next best takes the place; and a later one, where a rung would
otherwise have fewer trials than planned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from nomina.errors import ConfigError
from nomina.scoring.search import Rung

__all__ = ["AVERAGED_SHARE", "DEFAULT_KEEP", "DEFAULT_SHARES", "Decision", "Standing", "decide", "plan_rungs"]

DEFAULT_SHARES = (1 / 6, 1 / 3, 1.0)
"""How far the rungs of ``halving`` go; with :data:`DEFAULT_KEEP`, 30 % of the cost of the grid."""

DEFAULT_KEEP = 1 / 3
"""Share of the trials that goes on from one rung to the next."""

AVERAGED_SHARE = 1 / 4
"""Last part of the way to a rung over which weights are averaged for the score there."""

Decision = Literal["train", "wait", "beaten", "finished"]
"""``train``: to the next rung, now; ``wait``: it depends on scores to come."""


@dataclass(frozen=True)
class Standing:
    """How far a trial has come.

    Attributes:
        scores: Dev F1 at each rung that it has reached, the first rung first.
        is_over: Whether it will reach no further rung, whatever is decided: it failed.
    """

    scores: tuple[float, ...] = ()
    is_over: bool = False


def plan_rungs(
    n_trials: int, shares: Sequence[float] = DEFAULT_SHARES, keep: float | Sequence[float] = DEFAULT_KEEP
) -> tuple[Rung, ...]:
    """How far each rung goes and how many trials get there.

    Args:
        n_trials: Trials at the first rung, 1 or more.
        shares: Length of the rungs as shares of a full run, ascending, the last one 1.
        keep: Share of the trials that goes on to the next rung, in (0, 1), the same at each or one for each; at least
            one trial does.

    Raises:
        ConfigError: If shares or ``keep`` are none.
    """
    faults = []
    ascending = all(a < b for a, b in pairwise(shares))
    if not shares or not ascending or shares[0] <= 0 or shares[-1] != 1:
        faults.append(f"rungs: expected ascending shares above 0 that end with 1, found {list(shares)}")
    given = [keep] if isinstance(keep, (int, float)) else list(keep)
    faults += [f"keep: expected a share between 0 and 1, found {share}" for share in given if not 0 < share < 1]
    keeps = given * (len(shares) - 1) if len(given) == 1 else given
    if shares and len(keeps) != len(shares) - 1:
        faults.append(f"keep: expected 1 or {len(shares) - 1} shares, one for each rung but the last, found {keeps}")
    if faults:
        raise ConfigError(faults)
    rungs = [Rung(shares[0], n_trials)]
    for share, kept in zip(shares[1:], keeps, strict=True):
        rungs.append(Rung(share, max(1, math.ceil(rungs[-1].n_trials * kept - 1e-9))))
    return tuple(rungs)


def decide(standings: Mapping[int, Standing], rungs: Sequence[Rung]) -> dict[int, Decision]:
    """What every trial may do now.

    At each rung the highest scores win; of equals, the trial with the lower number. A trial that fails on the way to
    the next rung leaves its place there to the best of those that were beaten; where none is left at this rung, one
    that was beaten at an earlier rung is called back.

    Args:
        standings: All trials by number.
        rungs: From :func:`plan_rungs`.
    """
    decisions: dict[int, Decision] = {}
    needed = _needed(standings, rungs)
    entrants = set(standings)
    # Trials that may yet come to the rung, beside those that are certain to; and how many in all may.
    undecided: set[int] = set()
    n_unsure = 0
    for i, n_places in enumerate(needed):
        scored = {n for n in entrants | undecided if len(standings[n].scores) > i}
        open_ = {n for n in entrants if n not in scored and not standings[n].is_over}
        decisions |= dict.fromkeys(sorted(open_), "train")
        if i + 1 == len(rungs):
            decisions |= dict.fromkeys(sorted(scored), "finished")
            break
        # Of those that may come, only as many as there are places left will.
        n_to_come = len(open_) + min(n_unsure, max(0, n_places - len(entrants)))
        n_next = needed[i + 1]
        fit_to_go_on = {n for n in scored if not standings[n].is_over or len(standings[n].scores) > i + 1}
        ranked = sorted(fit_to_go_on, key=lambda n: (-standings[n].scores[i], n))
        entrants, undecided = set(), set()
        for place, number in enumerate(ranked):
            if place + n_to_come < n_next:
                entrants.add(number)
            elif place < n_next:
                undecided.add(number)
                decisions[number] = "wait"
            else:
                decisions[number] = "beaten"
        n_unsure = len(undecided) + n_to_come
    return {n: decision for n, decision in decisions.items() if not standings[n].is_over}


def _needed(standings: Mapping[int, Standing], rungs: Sequence[Rung]) -> list[int]:
    """Trials that each rung needs: as many as planned, or more where too many failed after it to fill the next one.

    More are needed only when all the others go on, so that those who are called back displace nobody.
    """
    needed = [rung.n_trials for rung in rungs]
    for i in reversed(range(len(rungs) - 1)):
        n_failed = sum(standing.is_over and len(standing.scores) == i + 1 for standing in standings.values())
        needed[i] = max(needed[i], needed[i + 1] + n_failed)
    return needed
