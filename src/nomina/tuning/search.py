"""Run a search: plan it, encode the corpus, set workers to it, and gather what they found."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nomina.data.corpus import Corpus
from nomina.errors import OutputError, TrainingError
from nomina.scoring.search import Rung, Search, Value
from nomina.training.config import RunConfig
from nomina.tuning.gather import epochs_of, gather
from nomina.tuning.plan import Plan, begin, cell_folder, keep_threads, open_store
from nomina.tuning.planning import SearchOptions, disk_bound, make_plan, preparations
from nomina.tuning.records import Record, Unit
from nomina.tuning.shared import is_whole, save_prepared
from nomina.tuning.study import Store
from nomina.tuning.worker import N_FINALISTS, is_over, remove_spent
from nomina.tuning.workers import LocalWorkers, Workers

__all__ = ["Snapshot", "run_search"]

_POLL_S = 0.5
_MAX_RESTARTS = 3
"""Times that a worker is started anew without any trial having moved on in between."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Snapshot:
    """A search as it stands, for those who watch it.

    Attributes:
        rungs: The rungs.
        rows: Trials in order, those with further seeds too: name, settings, state, rungs reached, epochs, best dev F1.
        left_s: Seconds to go, as far as can be told; ``None`` before anything was trained.
    """

    rungs: tuple[Rung, ...]
    rows: tuple[tuple[str, Mapping[str, Value], str, int, float, float | None], ...]
    left_s: float | None


def run_search(
    train: Corpus,
    dev: Corpus,
    config: RunConfig,
    folder: Path,
    options: SearchOptions,
    *,
    workers: Callable[[Path, str | None], Workers] = LocalWorkers,
    watch: Callable[[Snapshot], None] | None = None,
    say: Say = lambda line: None,
) -> tuple[Search, RunConfig | None, Path | None]:
    """Search settings by dev F1, or continue a search that was stopped.

    Args:
        train: Training part.
        dev: Dev part.
        config: Settings of all trials; those searched are replaced.
        folder: Output folder; what is finished there is not trained again.
        options: How to search.
        workers: Makes the workers for a folder and a storage.
        watch: Shown how the search stands, now and then.
        say: Told what happens, one line at a time.

    Returns:
        The finished search, the winner's settings, and the folder with its checkpoints where this folder has them;
        ``None`` twice if every trial failed.

    Raises:
        ConfigError: If the space or an option has faults, or the folder's search had other data or settings.
        OutputError: If the folder holds something else.
        TrainingError: If workers end again and again without a trial moving on.
    """
    plan = make_plan(train, dev, config, options, say)
    plan = begin(plan, folder)
    store = open_store(plan, folder, options.storage)
    plan = keep_threads(plan, store.agree("threads", plan.threads), folder)
    if not is_over(plan, store.records()):
        _encode(plan, train, dev, folder, say)
        _say_what_is_to_come(plan, options.n_workers, folder, say)
        pool = workers(folder, options.storage)
        try:
            _supervise(plan, store, pool, options.n_workers, watch, say)
        finally:
            pool.stop()
    records = store.records()
    remove_spent(plan, records, folder)
    search = gather(plan, records)
    if search.winner is None:
        return search, None, None
    best = records[Unit(search.winner.number, plan.seed)]
    checkpoints = cell_folder(folder, best.unit)
    is_here = best.home == store.home and checkpoints.is_dir()
    return search, plan.config_of(best.params, plan.seed), checkpoints if is_here else None


def _encode(plan: Plan, train: Corpus, dev: Corpus, folder: Path, say: Say) -> None:
    for name, config in preparations(plan).items():
        place = folder / "encoded" / name
        if place.is_dir() and not is_whole(place):
            say(f"the encoded corpus in {place} is damaged; it is made again")
            shutil.rmtree(place)
        if not place.is_dir():
            say(f"encoding the corpus for {config.model.encoder}")
            n_cut = save_prepared(train, dev, config, place)
            if n_cut:
                say(f"{n_cut} words are cut off at the size of a window")


def _say_what_is_to_come(plan: Plan, n_workers: int, folder: Path, say: Say) -> None:
    full = plan.config.training.epochs
    what = {
        "grid": f"grid: {plan.n_trials} trials of {full:.4g} epochs",
        "tpe": f"tpe: {plan.n_trials} trials of {full:.4g} epochs at most",
    }.get(plan.strategy) or "halving: " + ", ".join(f"{r.n_trials} trials to {r.share:.0%}" for r in plan.rungs)
    say(f"{what}; {n_workers} workers with {plan.threads} threads each" if n_workers > 1 else what)
    gib = disk_bound(plan, n_workers) / 2**30
    mib = sum(path.stat().st_size for path in (folder / "encoded").rglob("*")) / 2**20
    free = shutil.disk_usage(folder).free / 2**30
    say(
        f"at most {gib:.1f} GiB of checkpoints at a time, beside {mib:.1f} MiB of encoded corpus; "
        f"{free:.1f} GiB are free in {folder}"
    )


def _supervise(
    plan: Plan, store: Store, pool: Workers, n_workers: int, watch: Callable[[Snapshot], None] | None, say: Say
) -> None:
    """Keep workers at work until the search is over."""
    for index in range(n_workers):
        pool.start(index)
    restarts, before = 0, store.records()
    told: dict[Unit, tuple[str, int, str]] = {}
    _tell(plan, before, told, lambda line: None)  # what an earlier call has said
    while True:
        records = store.records()
        if watch is not None:
            watch(_snapshot(plan, records, n_workers))
        _tell(plan, records, told, say)
        if is_over(plan, records):
            return
        if _progress(records) != _progress(before):
            restarts, before = 0, records
        for index, why in pool.ended().items():
            if why is None and is_over(plan, store.records()):
                continue
            if why is not None and why.startswith("error: "):
                raise OutputError(why.removeprefix("error: "))
            restarts += 1
            if restarts > _MAX_RESTARTS * n_workers:
                raise TrainingError(f"workers end again and again, the last one so: {why}")
            say(f"worker {index} ended ({why}); it is started anew")
            pool.start(index)
        time.sleep(_POLL_S)


def _progress(records: Mapping[Unit, Record]) -> list[tuple[Unit, str, int, int]]:
    return sorted((unit, r.state if r.is_over else "", len(r.curve), len(r.scores)) for unit, r in records.items())


def _tell(plan: Plan, records: Mapping[Unit, Record], told: dict[Unit, tuple[str, int, str]], say: Say) -> None:
    for unit, record in sorted(records.items()):
        now = (record.state if record.is_over else "", len(record.scores), record.error or "")
        if told.get(unit) == now or now == ("", 0, ""):
            continue
        told[unit] = now
        seed = f", seed {unit.seed}" if unit.seed != plan.seed else ""
        f1 = "" if record.best is None else f", dev F1 {record.best:.4f}"
        what = f"rung {len(record.scores)} of {len(plan.rungs)}" if not record.is_over else record.state
        say(f"trial {unit.cell}{seed}: {what}{f1}{': ' if record.error else ''}{record.error or ''}")


def _snapshot(plan: Plan, records: Mapping[Unit, Record], n_workers: int) -> Snapshot:
    rows = tuple(
        (
            f"{unit.cell}" if unit.seed == plan.seed else f"{unit.cell}, seed {unit.seed}",
            record.params,
            record.state,
            len(record.scores),
            epochs_of(record),
            record.best,
        )
        for unit, record in sorted(records.items())
    )
    return Snapshot(plan.rungs, rows, _time_left(plan, records, n_workers))


def _time_left(plan: Plan, records: Mapping[Unit, Record], n_workers: int) -> float | None:
    """Seconds to go, were all epochs as long as those so far; ``None`` before there were any."""
    measured = sum(record.epochs for record in records.values())
    if not measured:
        return None
    lengths = [plan.config_of(record.params, plan.seed).training.epochs for record in records.values()]
    full = sum(lengths) / len(lengths)
    own = [record for record in records.values() if record.unit.seed == plan.seed]
    if plan.strategy == "tpe":
        over = [record.epochs for record in own if record.is_over]
        # Those to come are pruned as often as those before them.
        planned = plan.n_trials * (sum(over) / len(over) if over else full)
    else:
        shares = [0.0, *(rung.share for rung in plan.rungs)]
        planned = full * sum(r.n_trials * (r.share - before) for r, before in zip(plan.rungs, shares, strict=False))
    planned += full * (len(plan.seeds) - 1) * min(N_FINALISTS, plan.rungs[-1].n_trials)
    spent = sum(epochs_of(record) for record in records.values())
    seconds = sum(record.train_s for record in records.values())
    return max(0.0, planned - spent) * seconds / measured / n_workers
