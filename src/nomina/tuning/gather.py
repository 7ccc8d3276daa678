"""Gather the trials of a search into its result."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nomina.scoring.search import Search, TrialRow, compare_best
from nomina.tuning.plan import Plan
from nomina.tuning.records import Record, Unit
from nomina.tuning.study import distribution

__all__ = ["epochs_of", "gather"]


def epochs_of(record: Record) -> float:
    """Epochs that a trial was trained for, the present part of it included as far as it is known."""
    return max([record.epochs, *(point.epochs for point in record.curve)])


def gather(plan: Plan, records: Mapping[Unit, Record]) -> Search:
    """What a search has found.

    Args:
        plan: Its plan.
        records: Its trials, all of them over.
    """
    rows = []
    for unit, record in sorted(records.items()):
        if unit.seed != plan.seed:
            continue
        seeds = [records.get(Unit(unit.cell, seed)) for seed in plan.seeds]
        done = [r for r in seeds if r is not None and r.state == "finished"]
        all_seeds = [r for r in records.values() if r.unit.cell == unit.cell]
        is_finalist = len(done) == len(seeds)
        rows.append(
            TrialRow(
                number=unit.cell,
                settings={name: record.params[name] for name in plan.space.names},
                state=record.state,  # type: ignore[arg-type]
                full_epochs=plan.config_of(record.params, plan.seed).training.epochs,
                epochs=epochs_of(record),
                curve=record.curve,
                f1=tuple(r.best or 0.0 for r in (done if is_finalist else done[:1])),
                train_s=sum(r.train_s for r in all_seeds),
                error=record.error,
            )
        )
    own = list(records.values())
    counts = {record.unit: record.counts for record in own if record.counts is not None}
    n_dev = max(map(len, counts.values()), default=0)
    n_entities = sum(row[2] for row in next(iter(counts.values()), ()))
    begun = [record.times[0] for record in own if record.times[0] is not None]
    ended = [record.times[1] for record in own if record.times[1] is not None]
    search = Search(
        strategy=plan.strategy,
        names=plan.space.names,
        rows=tuple(rows),
        rungs=plan.rungs,
        seeds=plan.seeds,
        difference=None,
        n_dev=n_dev,
        n_entities=n_entities,
        importance=_importance(plan, rows),
        wall_s=max(ended) - min(begun) if begun and ended else 0.0,
    )
    first, second = search.winner, search.runner_up
    if first is None or second is None:
        return search

    def tables(row: TrialRow) -> list[Any]:
        return [np.array(counts[Unit(row.number, seed)], dtype=np.int64) for seed in plan.seeds[: len(row.f1)]]

    return replace(search, difference=compare_best(tables(first), tables(second)))


def _importance(plan: Plan, rows: Sequence[TrialRow]) -> dict[str, float]:
    """Share of each setting in the scatter of F1 at each trial's first evaluation (PED-ANOVA; Watanabe et al. 2023,
    arXiv 2304.10255): later ones only some trials reach, and those not by chance.
    """
    import optuna

    scored = [row for row in rows if row.curve and row.state != "failed"]
    if len(scored) < 4 or len(plan.space.names) < 2:
        return {}
    study = optuna.create_study(direction="maximize")
    distributions = {d.name: distribution(d) for d in plan.space.dimensions}
    for row in scored:
        study.add_trial(
            optuna.trial.create_trial(params=dict(row.settings), distributions=distributions, value=row.curve[0].f1)
        )
    with warnings.catch_warnings():
        # With too little to tell trials apart, Optuna warns and calls all settings equally important.
        warnings.filterwarnings("error", message="Target and region quantiles")
        try:
            return {name: float(share) for name, share in optuna.importance.get_param_importances(study).items()}
        except (RuntimeError, ValueError, UserWarning):
            return {}
