"""One worker of a search: claims trials, trains them as far as they are to go, and says what came of it.

Run as ``python -m nomina.tuning FOLDER``. All it knows is the folder's plan and the study; any number of workers
do the same together as one alone, in less time.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from nomina.errors import CheckpointError, EncoderError, NominaError, OutputError
from nomina.scoring.search import CurvePoint
from nomina.training import checkpoints
from nomina.training.config import RunConfig
from nomina.training.fit import FitResult, Paused, fit_prepared
from nomina.training.prepare import Prepared
from nomina.tuning.plan import Plan, cell_folder, load_plan, open_store
from nomina.tuning.records import Record, Unit
from nomina.tuning.rungs import AVERAGED_SHARE, Decision, Standing, decide
from nomina.tuning.shared import load_prepared, preparation
from nomina.tuning.study import BEAT_S, Store, TakenOver

__all__ = ["PARENT", "STORAGE", "finalists", "is_over", "main", "next_units", "remove_spent", "standings", "work"]

STORAGE = "NOMINA_STORAGE"
"""Environment variable with the storage's address: it may hold a password, which no file or process list shall."""

PARENT = "NOMINA_PARENT"
"""Environment variable with the process number of the command that a worker belongs to."""

N_FINALISTS = 3
"""Trials at most that are trained with further seeds."""

_POLL_S = 0.3
_LEAVE_S = 5.0
_ERROR_LENGTH = 500


class _Beaten(Exception):  # noqa: N818 - a pruner's decision
    """The pruner stops the trial."""


def standings(plan: Plan, records: Mapping[Unit, Record]) -> dict[int, Standing]:
    """How far the cells have come."""
    found = {}
    for cell in range(len(plan.cells)):
        record = records.get(Unit(cell, plan.seed))
        # A trial that died while it said that it was finished has the last score already, and is finished once more.
        n = len(plan.rungs) if record is not None and record.state == "finished" else len(plan.rungs) - 1
        found[cell] = Standing() if record is None else Standing(record.scores[:n], is_over=record.state == "failed")
    return found


def finalists(plan: Plan, records: Mapping[Unit, Record]) -> list[Record]:
    """The best trials that were trained to the end, at most three, best first."""
    done = [r for r in records.values() if r.state == "finished" and r.unit.seed == plan.seed]
    return sorted(done, key=lambda record: (-(record.best or 0.0), record.unit.cell))[:N_FINALISTS]


def is_over(plan: Plan, records: Mapping[Unit, Record]) -> bool:
    """Whether nothing is left to do for anyone."""
    return _is_searched(plan, records) and all(
        (record := records.get(unit)) is not None and record.is_over for unit in _further_units(plan, records)
    )


def _is_searched(plan: Plan, records: Mapping[Unit, Record]) -> bool:
    own = [record for record in records.values() if record.unit.seed == plan.seed]
    is_done = len(own) >= plan.n_trials and all(record.is_over for record in own)
    return is_done and "train" not in _decisions(plan, records).values()


def _decisions(plan: Plan, records: Mapping[Unit, Record]) -> dict[int, Decision]:
    return {} if plan.strategy == "tpe" else decide(standings(plan, records), plan.rungs)


def _further_units(plan: Plan, records: Mapping[Unit, Record]) -> list[Unit]:
    best = finalists(plan, records) if len(plan.seeds) > 1 else []
    return [Unit(record.unit.cell, seed) for seed in plan.seeds[1:] for record in best]


def next_units(plan: Plan, records: Mapping[Unit, Record]) -> list[tuple[Record, int]]:
    """Trials that can be trained now, each with the index of the rung to train to."""
    if _is_searched(plan, records):
        waiting = [records[unit] for unit in _further_units(plan, records) if unit in records]
        return [(record, len(plan.rungs) - 1) for record in waiting if record.state == "waiting"]
    if plan.strategy == "tpe":
        return [(r, 0) for r in records.values() if r.state == "waiting" and r.unit.seed == plan.seed]
    standing = standings(plan, records)
    decisions = decide(standing, plan.rungs)
    chosen = [Unit(cell, plan.seed) for cell, decision in decisions.items() if decision == "train"]
    own = [records[unit] for unit in chosen if unit in records]
    # Those that have come furthest first: so their checkpoints go soonest.
    ready = [(record, len(standing[record.unit.cell].scores)) for record in own if record.state == "waiting"]
    return sorted(ready, key=lambda pair: (-pair[1], -len(pair[0].curve), pair[0].deaths == 0, pair[0].unit.cell))


def remove_spent(plan: Plan, records: Mapping[Unit, Record], folder: Path) -> None:
    """Remove the checkpoints of trials that will not be trained again, but for the models that may be shipped.

    Args:
        plan: Of the search.
        records: Its trials.
        folder: Its output folder.
    """
    # Models of further seeds are not kept: that of the first one is the one to ship.
    kept = {record.unit for record in finalists(plan, records)}
    for record in records.values():
        if record.is_over and record.unit not in kept:
            shutil.rmtree(cell_folder(folder, record.unit), ignore_errors=True)


class _Worker:
    def __init__(self, plan: Plan, folder: Path, store: Store, say: Any) -> None:
        self.plan = plan
        self.folder = folder
        self.store = store
        self.say = say
        self.prepared: dict[str, Prepared] = {}

    def step(self) -> bool:
        """Do what there is to do; returns ``False`` when the search is over."""
        self.store.recover()
        self._let_go_of_beaten(self.store.records())
        records = self.store.records()
        remove_spent(self.plan, records, self.folder)
        for record, rung in next_units(self.plan, records):
            if self.store.may_take(record) and self.store.claim(record):
                self._train(self.store.records()[record.unit], rung)
                return True
        if self._ask(records):
            return True
        if is_over(self.plan, records):
            return False
        self.store.tidy()
        with self.store.alone():
            self._add_missing(self.store.records())
        time.sleep(_POLL_S)
        return True

    def _add_missing(self, records: Mapping[Unit, Record]) -> None:
        decisions = _decisions(self.plan, records)
        for cell, params in enumerate(self.plan.cells):
            unit = Unit(cell, self.plan.seed)
            record = records.get(unit)
            if record is None:
                self.store.add(unit, params)
            elif record.state == "beaten" and decisions.get(cell) == "train":
                self.store.add(unit, params, inherited=record)  # one that was better has failed
        if _is_searched(self.plan, records):
            for unit in _further_units(self.plan, records):
                if unit not in records:
                    self.store.add(unit, records[Unit(unit.cell, self.plan.seed)].params)

    def _ask(self, records: Mapping[Unit, Record]) -> bool:
        """With ``tpe``: train one more trial, if there is one to come."""
        from optuna.samplers import TPESampler

        own = [record for record in records.values() if record.unit.seed == self.plan.seed]
        if self.plan.strategy != "tpe" or len(own) >= self.plan.n_trials:
            return False
        # A sampler for each trial: what it draws depends on the trials before, not on which process drew them.
        sampler = TPESampler(
            n_startup_trials=10,
            n_ei_candidates=24,
            seed=self.plan.seed + len(own),
            multivariate=True,
            group=False,
            constant_liar=True,
        )
        record = self.store.ask(sampler, self.plan.seed, self.plan.n_trials)
        if record is not None:
            self._train(record, 0)
        return True

    def _let_go_of_beaten(self, records: Mapping[Unit, Record]) -> None:
        for cell, decision in _decisions(self.plan, records).items():
            record = records.get(Unit(cell, self.plan.seed))
            if decision == "beaten" and record is not None and record.state == "waiting":
                with suppress(TakenOver):  # another one may be faster
                    self.store.beaten(record)

    def _train(self, record: Record, rung: int) -> None:
        folder = cell_folder(self.folder, record.unit)
        try:
            with _signs_of_life(self.store, record):
                config = self.plan.config_of(record.params, record.unit.seed)
                self._train_to(record, config, folder, rung)
        except TakenOver:
            self.say(f"trial {record.unit.cell} was given to another worker")
        except (KeyboardInterrupt, OutputError, EncoderError, OSError) as error:
            # A full disk, a database or a network drive that has gone: no fault of the trial.
            with suppress(TakenOver, OutputError):
                self.store.pause(record, train_s=record.train_s)
            if isinstance(error, OSError):
                raise OutputError(f"cannot go on with trial {record.unit.cell} in {folder}: {error}") from error
            raise
        except CheckpointError as error:
            self.say(f"trial {record.unit.cell} is trained anew: {error}")
            shutil.rmtree(folder, ignore_errors=True)  # first: once it is put back, another worker may train it
            with suppress(TakenOver):
                self.store.pause(record, train_s=record.train_s)
        except Exception as error:
            # Whatever a library raises, one bad choice of settings must not end the search.
            message = " ".join(f"{type(error).__name__}: {error}".split())[:_ERROR_LENGTH]
            self.say(f"trial {record.unit.cell} failed: {message}")
            with suppress(TakenOver):  # another one may be faster
                self.store.fail(record, message)
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _train_to(self, record: Record, config: RunConfig, folder: Path, rung: int) -> None:
        plan, full = self.plan, config.training.epochs
        share = plan.rungs[rung].share
        curve = {point.epochs: point.f1 for point in record.curve}
        is_main = record.unit.seed == plan.seed
        start = time.perf_counter()

        def points() -> list[CurvePoint]:
            return [CurvePoint(epochs, f1) for epochs, f1 in sorted(curve.items())]

        def watch(epochs: float, f1: float) -> None:
            curve[epochs] = f1
            self.store.report(record, round(100 * epochs / full), points())
            if plan.strategy == "tpe" and is_main and epochs < full and self.store.should_prune(record, _pruner()):
                raise _Beaten

        folder.mkdir(parents=True, exist_ok=True)
        facts: dict[str, Any] = {"home": self.store.home}
        prepared = self._load(config)
        until = since = None
        if share < 1:
            before = plan.rungs[rung - 1].share if rung else 0.0
            until, since = share * full, max(before, share * (1 - AVERAGED_SHARE)) * full
        try:
            outcome = fit_prepared(prepared, config, folder, until=until, since=since, watch=watch)
        except _Beaten:
            facts |= {"epochs": max(curve), "train_s": record.train_s + time.perf_counter() - start}
            self.store.beaten(record, **facts)
            shutil.rmtree(folder, ignore_errors=True)
            return
        facts["train_s"] = record.train_s + outcome.train_s
        if isinstance(outcome, Paused):
            curve[outcome.epochs] = outcome.dev_f1
            self.store.report(record, round(100 * outcome.epochs / full), points())
            scores = [*record.scores[:rung], outcome.dev_f1]
            self.store.pause(record, **facts, epochs=outcome.epochs, scores=scores)
            self.say(f"trial {record.unit.cell}: rung {rung + 1} of {len(plan.rungs)}, dev F1 {outcome.dev_f1:.4f}")
            return
        self._finish(record, outcome, prepared, folder, facts)

    def _finish(
        self, record: Record, fitted: FitResult, prepared: Prepared, folder: Path, facts: dict[str, Any]
    ) -> None:
        start = time.perf_counter()
        epochs = float(fitted.history[-1].get("epoch", 0.0)) if fitted.history else 0.0
        best = fitted.best_dev_f1 or 0.0
        assert prepared.dev is not None
        labelled = fitted.predictor.label(prepared.dev.windows)
        facts["counts"] = prepared.dev.counts(labelled, fitted.predictor.labels.values).tolist()
        facts["train_s"] += time.perf_counter() - start
        # A trial that stopped early has come to every rung.
        before = record.scores[: len(self.plan.rungs) - 1]
        scores = [*before, *[best] * (len(self.plan.rungs) - len(before))]
        checkpoints.keep_weights_only(folder / "checkpoints", fitted.best_step)
        self.store.finish(record, best, epochs=epochs, scores=scores, **facts)
        self.say(f"trial {record.unit.cell}, seed {record.unit.seed}: finished, dev F1 {best:.4f}")

    def _load(self, config: RunConfig) -> Prepared:
        name = preparation(config)
        if name not in self.prepared:
            place = self.folder / "encoded" / name
            try:
                self.prepared[name] = load_prepared(place)
            except (OSError, ValueError, KeyError) as error:
                raise OutputError(f"the encoded corpus in {place} is damaged ({error}); remove it and go on") from error
        return self.prepared[name]


def _pruner() -> Any:
    """Stops a trial whose best F1 is below the median of the others at the same point (Golovin et al. 2017)."""
    from optuna.pruners import MedianPruner

    return MedianPruner(n_startup_trials=5, n_warmup_steps=0, interval_steps=1, n_min_trials=1)


@contextmanager
def _signs_of_life(store: Store, record: Record) -> Iterator[None]:
    """Within, other machines are told from time to time that the trial is being trained."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT_S):
            with suppress(TakenOver, OutputError):
                store.beat(record)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def work(folder: Path, storage: str | None = None, *, say: Any = lambda line: None) -> None:
    """Work on a search until it is over.

    Args:
        folder: Output folder of the search, with its plan.
        storage: As for :func:`nomina.tuning.storage.open_storage`.
        say: Told what happens, one line at a time.

    Raises:
        OutputError: If the folder cannot be written.
    """
    plan = load_plan(folder)
    torch.set_num_threads(plan.threads)
    store = open_store(plan, folder, storage)
    store.enlist()
    worker = _Worker(plan, folder, store, say)
    try:
        while worker.step():
            pass
    finally:
        store.retire()


def _end_with_parent() -> None:
    """End this process when the command that started it is gone, however it went."""
    parent = int(os.environ.get(PARENT, os.getppid()))

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_LEAVE_S)
        os._exit(3)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """Entry point of a worker's process."""
    _end_with_parent()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a trial that is interrupted is put back
    try:
        work(
            Path(sys.argv[1]),
            os.environ.get(STORAGE),
            say=lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201
        )
    except KeyboardInterrupt:
        sys.exit(3)
    except NominaError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)  # noqa: T201
        sys.exit(error.exit_code)
