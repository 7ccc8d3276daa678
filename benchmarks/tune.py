"""What does successive halving cost, and does it find what the grid finds? GMB, ``minilm``, 16 cells, five seeds.

    python benchmarks/tune.py --shared ../shared --work DIR [--seeds 13 14 …] [--workers 2]

Parts are those of ``yardsticks/prepare_gmb.py``: the first 3,000 sentences to train on, the first 3,000 of dev.
(Fewer dev sentences leave more to chance: all sixteen cells lie within two points of F1.) Four settings have two values
each; a full run is 3 epochs.

A trial is the same to the last bit whether it was paused or not, and whoever trained it (``tests/tuning``). So one
search in which every trial goes on at every rung gives both: the grid, and the scores that halving would have decided
by. What halving would have done follows from these with :func:`nomina.tuning.rungs.decide`; it was also run for itself
with the seeds of ``--verify``, and must then have found the very same.

A seed that is in ``tune.json`` is not run again; a search that was stopped goes on where it was.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from common import arguments, conditions, gmb_split, save_json
from nomina.data.formats import read
from nomina.scoring.search import Search, TrialRow
from nomina.training.config import RunConfig
from nomina.tuning import SearchOptions, run_search
from nomina.tuning.plan import load_plan, open_store
from nomina.tuning.rungs import DEFAULT_KEEP, DEFAULT_SHARES, Standing, decide, plan_rungs

RESULT = Path(__file__).with_name("tune.json")
SPACE = {"learning_rate": [1e-4, 3e-4], "batch_size": [16, 32], "dropout": [0.1, 0.3], "pos_dim": [16, 64]}
N_TRAIN, N_DEV, EPOCHS = 3000, 3000, 3
ALL_GO_ON = 0.9999
SET_INTERMEDIATE_VALUE = 7  # Optuna's code in its journal


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seeds", nargs="+", type=int, default=[13, 14, 15, 16, 17])
    parser.add_argument("--verify", nargs="*", type=int, default=[13])
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    split = gmb_split(args.shared, args.work)
    train, dev = read(str(split / "train.jsonl"))[:N_TRAIN], read(str(split / "dev.jsonl"))[:N_DEV]
    result: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {"seeds": {}}

    def search(name: str, seed: int, keep: float, rungs: tuple[float, ...]) -> Search:
        config = RunConfig.build(None, encoder="minilm", epochs=EPOCHS, seed=seed, threads=1)
        options = SearchOptions(space=SPACE, n_workers=args.workers, keep=keep, rungs=rungs)
        found, _, _ = run_search(train, dev, config, args.work / f"{name}-{seed}", options, say=print)
        return found

    for seed in args.seeds:
        facts = result["seeds"].get(str(seed))
        if facts is None:
            whole = search("grid", seed, ALL_GO_ON, DEFAULT_SHARES)
            facts = result["seeds"][str(seed)] = compared(whole, args.workers)
            facts["correlation_with_final_f1"] = correlations(whole, args.work / f"grid-{seed}")
            save_json(RESULT, described(result))
        if seed in args.verify and "run" not in facts:
            halved = search("halving", seed, DEFAULT_KEEP, DEFAULT_SHARES)
            facts["run"] = {
                "epochs": halved.spent_epochs,
                "winner": halved.winner.number if halved.winner else None,
                "same_as_replayed": {row.number for row in halved.rows if row.state == "finished"}
                == set(facts["finalists"]),
            }
        save_json(RESULT, described(result))


def described(result: dict[str, Any]) -> dict[str, Any]:
    seeds = result["seeds"].values()
    return {
        "command": "python benchmarks/tune.py --shared ../shared --work DIR",
        "conditions": conditions(),
        "space": SPACE,
        "sentences": {"train": N_TRAIN, "dev": N_DEV},
        "epochs": EPOCHS,
        "n_within_0.2": sum(facts["loss"] <= 0.002 for facts in seeds),
        "n_seeds": len(result["seeds"]),
        "seeds": result["seeds"],
    }


def compared(whole: Search, n_workers: int) -> dict[str, Any]:
    """The grid's table, and what halving would have made of it."""
    rungs = plan_rungs(len(whole.rows), DEFAULT_SHARES, DEFAULT_KEEP)
    scores = {
        row.number: [*(last_before(row, rung.share * EPOCHS) for rung in rungs[:-1]), row.f1[0]] for row in whole.rows
    }
    standings = {number: Standing() for number in scores}
    epochs = 0.0
    while ready := [number for number, decision in decide(standings, rungs).items() if decision == "train"]:
        for number in ready:
            reached = standings[number].scores
            before = rungs[len(reached) - 1].share if reached else 0.0
            epochs += (rungs[len(reached)].share - before) * EPOCHS
            standings[number] = Standing((*reached, scores[number][len(reached)]))
    finalists = sorted(number for number, standing in standings.items() if len(standing.scores) == len(rungs))
    best = max(finalists, key=lambda number: (scores[number][-1], -number))
    grid = whole.winner
    assert grid is not None
    train_s = sum(row.train_s for row in whole.rows)
    return {
        "cells": {
            row.number: {
                **row.settings,
                "f1": [round(f1, 6) for f1 in scores[row.number]],
                "curve": [[round(epochs, 4), round(f1, 6)] for epochs, f1 in row.curve],
            }
            for row in whole.rows
        },
        "grid": {"epochs": whole.spent_epochs, "winner": grid.number, "dev_f1": grid.f1[0]},
        "halving": {"epochs": epochs, "winner": best, "dev_f1": scores[best][-1]},
        "finalists": finalists,
        "share": epochs / whole.full_epochs,
        "loss": grid.f1[0] - scores[best][-1],
        "seconds": {"wall": whole.wall_s, "workers": n_workers, "training_and_scoring": round(train_s, 1)},
        "overhead": 1 - train_s / n_workers / whole.wall_s,
    }


def correlations(whole: Search, folder: Path) -> dict[str, float]:
    """Pearson's, over the cells, of dev F1 on the way with that at the end.

    At a rung that ends an epoch, the journal has two scores: that of the weights as they are, then that of their mean.
    """
    cells = {r.trial_id: r.unit.cell for r in open_store(load_plan(folder), folder, None).records().values()}
    scores: dict[str, dict[int, float]] = {}
    for line in (folder / "journal.log").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["op_code"] == SET_INTERMEDIATE_VALUE and entry["step"] < 100:
            step, cell = entry["step"], cells[entry["trial_id"]]
            is_mean = step < 33 or cell in scores.get(f"{step} %, weights as they are", {})
            name = f"{step} %, mean of weights" if is_mean and step <= 33 else f"{step} %, weights as they are"
            scores.setdefault(name, {})[cell] = entry["intermediate_value"]
    finals = {row.number: row.f1[0] for row in whole.rows}
    return {
        name: round(float(np.corrcoef([(f1, finals[cell]) for cell, f1 in found.items()], rowvar=False)[0, 1]), 3)
        for name, found in scores.items()
    }


def last_before(row: TrialRow, epochs: float) -> float:
    """Dev F1 at a rung, which lies at the nearest whole step."""
    return [point.f1 for point in row.curve if point.epochs <= 1.02 * epochs][-1]


if __name__ == "__main__":
    main()
