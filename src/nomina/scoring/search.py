"""A search over settings: its trials, the winner, and whether the winner is better than the runner-up."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from nomina.scoring.resampling import Ints
from nomina.scoring.significance import Difference, paired_bootstrap

__all__ = [
    "CurvePoint",
    "Rung",
    "Search",
    "TrialRow",
    "TrialState",
    "Value",
    "compare_best",
    "show_settings",
    "show_value",
]

Value = bool | int | float | str | None
"""What a searched setting can be."""

TrialState = Literal["finished", "beaten", "failed"]
"""``finished``: trained to the end; ``beaten``: stopped because others were better; ``failed``: ended by an error."""

_LEVEL = 0.05


class CurvePoint(NamedTuple):
    """Dev F1 (seqeval's default, in [0, 1]) after so many passes over the training part."""

    epochs: float
    f1: float


class Rung(NamedTuple):
    """One step of a search.

    Attributes:
        share: How far it trains, as a share of a full run, in (0, 1].
        n_trials: How many trials get there at most.
    """

    share: float
    n_trials: int


@dataclass(frozen=True)
class TrialRow:
    """One trial: a choice of the searched settings, and what came of it.

    Attributes:
        number: From 0, in the order of the search.
        settings: The searched settings by name.
        state: How it ended.
        full_epochs: Epochs of a full run of it.
        epochs: Epochs it was trained for with the first seed, at most ``full_epochs``.
        curve: Dev F1 along the way, epochs ascending; at a rung before the last, that of the mean of the weights.
        f1: Best dev F1 of each seed that was trained to the end, the first seed first; empty unless ``finished``.
        train_s: Seconds of training and scoring, all seeds together.
        error: Why it failed, ``None`` otherwise.
    """

    number: int
    settings: Mapping[str, Value]
    state: TrialState
    full_epochs: float
    epochs: float
    curve: tuple[CurvePoint, ...] = ()
    f1: tuple[float, ...] = ()
    train_s: float = 0.0
    error: str | None = None

    @property
    def best(self) -> float | None:
        """Mean F1 over the seeds; of a trial that was not finished, the best that it was seen with, if any."""
        if self.f1:
            return statistics.fmean(self.f1)
        return max((point.f1 for point in self.curve), default=None)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "trial": self.number,
            "settings": dict(self.settings),
            "state": self.state,
            "epochs": round(self.epochs, 6),
            "full_epochs": self.full_epochs,
            "curve": [[round(epochs, 6), f1] for epochs, f1 in self.curve],
            "f1": list(self.f1),
            "best": self.best,
            "train_s": round(self.train_s, 2),
            "error": self.error,
        }


@dataclass(frozen=True)
class Search:
    """A finished search.

    Attributes:
        strategy: ``"grid"``, ``"halving"`` or ``"tpe"``.
        names: Searched settings, in the order they were given.
        rows: All trials by number.
        rungs: What the strategy planned; one rung where every trial runs to the end or a pruner decides.
        seeds: Seeds of the finalists, the search's own first.
        difference: F1 of the winner less that of the runner-up; ``None`` where fewer than two trials were finished.
        n_dev: Dev sentences.
        n_entities: Gold entities in them.
        importance: Share of each setting in the scatter of F1 at the trials' first evaluation, in [0, 1], largest
            first; empty where there are too few trials, or too little scatter, to tell.
        wall_s: Seconds from the first trial to the last, the time between two calls included.
        notes: What reading and splitting did, and what the search met.
    """

    strategy: str
    names: tuple[str, ...]
    rows: tuple[TrialRow, ...]
    rungs: tuple[Rung, ...]
    seeds: tuple[int, ...]
    difference: Difference | None
    n_dev: int
    n_entities: int
    importance: Mapping[str, float] = field(default_factory=dict)
    wall_s: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def finalists(self) -> list[TrialRow]:
        """Trials that were trained with all seeds, best first; of equals, the one with the lower number first."""
        rows = [row for row in self.rows if row.f1]
        most = max((len(row.f1) for row in rows), default=0)
        return sorted((row for row in rows if len(row.f1) == most), key=lambda row: (-(row.best or 0.0), row.number))

    @property
    def winner(self) -> TrialRow | None:
        """The best finalist; ``None`` if every trial failed."""
        return next(iter(self.finalists), None)

    @property
    def runner_up(self) -> TrialRow | None:
        """The second best."""
        return next(iter(self.finalists[1:]), None)

    @property
    def spent_epochs(self) -> float:
        """Epochs trained by the search itself, without further seeds of the finalists."""
        return sum(row.epochs for row in self.rows)

    @property
    def full_epochs(self) -> float:
        """Epochs that training every trial to the end would have taken."""
        return sum(row.full_epochs for row in self.rows)

    @property
    def share(self) -> float:
        """Cost of the search as a share of training every trial to the end."""
        return self.spent_epochs / self.full_epochs if self.full_epochs else 0.0

    @property
    def verdict(self) -> str:
        """What the figures say, in plain words."""
        winner, runner_up, difference = self.winner, self.runner_up, self.difference
        failed = sum(row.state == "failed" for row in self.rows)
        lines = []
        if winner is None or winner.best is None:
            lines.append(f"No trial was finished; {failed} of {len(self.rows)} failed.")
        else:
            seeds = "1 seed" if len(winner.f1) == 1 else f"{len(winner.f1)} seeds"
            lines.append(
                f"Best is trial {winner.number} ({show_settings(winner.settings)}): dev F1 {100 * winner.best:.2f}, "
                f"{seeds}."
            )
        if winner is not None and runner_up is not None and difference is not None:
            lines.append(
                f"It is {100 * difference.f1:+.2f} points from the runner-up, trial {runner_up.number} "
                f"({show_settings(runner_up.settings)}), 95 % interval {100 * difference.low:+.2f} to "
                f"{100 * difference.high:+.2f}: {self._meaning(difference)}"
            )
        lines.append(
            f"{len(self.rows)} trials, {self.spent_epochs:.4g} epochs: {self.share:.0%} of the {self.full_epochs:.4g} "
            "that all of them would take in full."
        )
        if failed and winner is not None:
            lines.append(f"{failed} of them failed; the list of trials says why.")
        return "\n".join(lines)

    @staticmethod
    def _meaning(difference: Difference) -> str:
        if difference.p_value < _LEVEL:
            return "more than noise."
        return "not beyond noise, so either will do; take the one that is cheaper to run."

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "strategy": self.strategy,
            "settings": list(self.names),
            "score": "dev F1, seqeval's default",
            "n_dev": self.n_dev,
            "n_entities": self.n_entities,
            "seeds": list(self.seeds),
            "rungs": [rung._asdict() for rung in self.rungs],
            "winner": None if self.winner is None else self.winner.number,
            "runner_up": None if self.runner_up is None else self.runner_up.number,
            "difference": None if self.difference is None else self.difference._asdict(),
            "epochs": {"spent": self.spent_epochs, "full": self.full_epochs, "share": self.share},
            "importance": dict(self.importance),
            "wall_s": round(self.wall_s, 2),
            "train_s": round(sum(row.train_s for row in self.rows), 2),
            "verdict": self.verdict,
            "trials": [row.to_dict() for row in self.rows],
            "notes": list(self.notes),
        }


def show_settings(settings: Mapping[str, Value]) -> str:
    """Settings as ``name=value, …``, numbers short."""
    return ", ".join(f"{name}={show_value(value)}" for name, value in settings.items())


def show_value(value: Value) -> str:
    """A value as text, numbers short."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def compare_best(winner: Sequence[Ints], runner_up: Sequence[Ints]) -> Difference:
    """How much better the winner is than the runner-up, by the paired bootstrap over dev sentences and seeds.

    The winner was chosen for its F1 on the same sentences, so that its lead is somewhat flattering: an interval that
    includes zero is a safe "no", one that excludes it narrowly is not a safe "yes".

    Args:
        winner: From :func:`nomina.scoring.sentence_counts`, one table per seed, int64 [n_sentences, 3].
        runner_up: The same of the runner-up.
    """
    import numpy as np

    return paired_bootstrap(np.stack(winner), np.stack(runner_up))
