"""The study behind a search: an Optuna study whose trials are claimed, paused, finished and recovered by any number of
processes.

A trial is one cell of the search with one seed. Its state is Optuna's own: ``WAITING`` to be trained, at first or
further; ``RUNNING`` while a worker trains it; then ``COMPLETE``, ``PRUNED`` (beaten) or ``FAIL``. Going from waiting to
running is one step, in a database by its own means and under a lock of the output folder, so that no two workers train
the same trial. A trial whose worker died is marked as
lost, which only one process can do, and a fresh one with all its facts takes its place; a worker that was thought dead
finds its trial finished and lets go of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from nomina.errors import ConfigError, OutputError
from nomina.files import alone
from nomina.scoring.search import CurvePoint, Value
from nomina.tuning.records import Record, Unit, attributes_of, read_record
from nomina.tuning.space import Choice, Range, Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage

__all__ = ["BEAT_S", "Store", "TakenOver", "distribution"]

_GRACE_S = 90.0
"""Seconds without a sign of life after which a worker on another machine counts as dead."""

BEAT_S = 20.0
"""Seconds between two signs of life."""

_ATTEMPTS, _RETRY_S = 4, 2.0
"""How often a database that does not answer is asked, and the seconds in between."""

_MAX_DEATHS = 5
"""Workers that may die over the same part of a trial; after that, the trial is what kills them."""


class TakenOver(Exception):  # noqa: N818 - it is no fault of this process
    """The trial was given to another worker, because this one seemed dead."""


class Store:
    """A worker's or a watcher's view of the study.

    Args:
        storage: From :func:`open_storage`.
        name: Name of the study; it is made where it is missing.
        space: What is searched.
        folder: Output folder; workers that share it see each other's deaths at once.
        home: Name of the output folder, the same for all processes that use it.
        identity: Facts that all processes of the study must agree on.

    Raises:
        ConfigError: If the study there has other data or settings.
    """

    def __init__(
        self, storage: BaseStorage, *, name: str, space: Space, folder: Path, home: str, identity: str
    ) -> None:
        import optuna

        self.storage = storage
        self.distributions = {d.name: distribution(d) for d in space.dimensions}
        self.folder = folder
        self.home = home
        self.worker = ""
        self._lock: IO[bytes] | None = None
        self._seen: dict[int, tuple[object, float]] = {}
        self.study = optuna.create_study(
            storage=storage, study_name=name, direction="maximize", load_if_exists=True, sampler=_no_sampler()
        )
        known = self.study.user_attrs.get("identity")
        if known is None:
            self.study.set_user_attr("identity", identity)
        elif known != identity:
            raise ConfigError(
                [f"storage: the study {name!r} has other data or settings; choose another --study or --storage"]
            )

    def agree(self, name: str, value: int) -> int:
        """A fact that all processes of the study share: that of the first who said it."""
        known = self.study.user_attrs.get(name)
        if known is None:
            self.study.set_user_attr(name, value)
        return value if known is None else int(known)

    def alone(self) -> AbstractContextManager[None]:
        """Within, no other process of this folder is."""
        return alone(self.folder / ".claims.lock")

    # Who is alive.

    def enlist(self) -> None:
        """Become a worker: hold a lock for as long as this process lives."""
        self.worker = uuid.uuid4().hex
        path = self._lock_path(self.worker)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = path.open("ab")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def retire(self) -> None:
        """Stop being a worker."""
        if self._lock is not None:
            self._lock_path(self.worker).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def beat(self, record: Record) -> None:
        """Give a sign of life to other machines."""
        self._set(record, beat=int(time.time()))

    def _lock_path(self, worker: str) -> Path:
        return self.folder / "workers" / f"{worker}.lock"

    def _is_dead(self, record: Record) -> bool:
        if record.home == self.home and record.worker:
            try:
                with self._lock_path(record.worker).open("ab") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except FileNotFoundError:
                return True
            except OSError:
                return False
            return True
        # Elsewhere, or between claiming a trial and saying so.
        return self._is_silent(record.trial_id, record.beat)

    def _is_silent(self, trial_id: int, sign: object) -> bool:
        """Whether nothing about a trial has changed for long. No clock but our own is trusted."""
        now = time.monotonic()
        known, since = self._seen.get(trial_id, (sign, now))
        if known != sign:
            known, since = sign, now
        self._seen[trial_id] = known, since
        return now - since > _GRACE_S

    def may_take(self, record: Record) -> bool:
        """Whether a waiting trial is for this folder's workers: its checkpoints are here, or nowhere, or out of reach.

        A trial whose checkpoints lie on a machine that does not come back is trained anew; its scores will be the same.
        """
        if record.home in ("", self.home):
            return True
        running = [r for r in self.records().values() if r.state == "running" and r.home == record.home]
        is_idle = all(self._is_silent(r.trial_id, r.beat) for r in running)
        return self._is_silent(record.trial_id, (record.state, len(record.curve))) and is_idle

    # What there is.

    def records(self) -> dict[Unit, Record]:
        """The trial that counts of each unit, by unit: of those that are not lost, the one that has come furthest.

        A trial that was beaten does not count where it was called back since.
        """
        found: dict[Unit, Record] = {}
        for record in sorted(self._all(), key=lambda r: (r.state == "beaten", -len(r.curve), r.number)):
            if record.state != "lost":
                found.setdefault(record.unit, record)
        return dict(sorted(found.items()))

    def _all(self) -> list[Record]:
        trials = self.study.get_trials(deepcopy=False)
        return [read_record(trial) for trial in trials if "unit" in trial.user_attrs]

    def recover(self) -> list[Record]:
        """Give the trials of dead workers to the living; returns what was recovered."""
        with self.alone():
            return self._recover()

    def _recover(self) -> list[Record]:
        recovered = []
        for record in self._all():
            if record.state == "running" and self._is_dead(record) and self._lose(record):
                deaths = record.deaths + 1
                self.add(record.unit, record.params, inherited=record, deaths=deaths)
                fresh = self.records()[record.unit]
                if deaths >= _MAX_DEATHS and self._claim(fresh):
                    self.fail(fresh, f"{deaths} workers died over it, perhaps for want of memory")
                recovered.append(record)
        import optuna

        for trial in self.study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            if "unit" not in trial.user_attrs and self._is_silent(trial._trial_id, None):
                self.discard(trial._trial_id)  # its worker died before it could say what it was
        return recovered

    def discard(self, trial_id: int) -> None:
        """End a trial that stands for nothing."""
        import optuna

        with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
            self.storage.set_trial_state_values(trial_id, optuna.trial.TrialState.FAIL)

    def tidy(self) -> None:
        """Bring back what a crash left between two steps: lost trials without a successor, and doubles of a unit."""
        with self.alone():
            self._tidy()

    def _tidy(self) -> None:
        counting = self.records()
        everything = self._all()
        for record in everything:
            if record.state == "lost" and record.unit not in counting:
                latest = max((r for r in everything if r.unit == record.unit), key=lambda r: r.number)
                self.add(latest.unit, latest.params, inherited=latest, deaths=latest.deaths + 1)
                counting = self.records()
            elif record.state == "waiting" and counting[record.unit].number != record.number:
                self._lose(record)

    # What happens to a trial.

    def add(self, unit: Unit, params: Mapping[str, Value], *, inherited: Record | None = None, deaths: int = 0) -> None:
        """Add a unit, waiting to be trained."""
        import optuna

        attributes: dict[str, Any] = {"unit": list(unit), "deaths": deaths}
        if inherited is not None:
            attributes |= attributes_of(inherited)
        trial = optuna.trial.create_trial(
            state=optuna.trial.TrialState.WAITING,
            params=dict(params),
            distributions={name: self.distributions[name] for name in params},
            user_attrs=attributes,
            intermediate_values={} if inherited is None else dict(inherited.points),
        )
        self.storage.create_new_trial(self.study._study_id, template_trial=trial)

    def ask(self, sampler: Any, seed: int, n_trials: int) -> Record | None:
        """Let a sampler choose the settings of a fresh trial, and claim it.

        Args:
            sampler: Optuna's.
            seed: Seed of training.
            n_trials: Trials in all; where others were faster, there is nothing left to do, and ``None`` comes back.
        """
        with self.alone():
            return self._ask(sampler, seed, n_trials)

    def _ask(self, sampler: Any, seed: int, n_trials: int) -> Record | None:
        self.study.sampler = sampler
        trial = self.study.ask(fixed_distributions=dict(self.distributions))
        others = [record for record in self.records().values() if record.unit.seed == seed]
        if sum(record.number < trial.number for record in others) >= n_trials:
            self.discard(trial._trial_id)
            return None
        unit = Unit(trial.number, seed)
        facts = {"worker": self.worker, "home": self.home, "begun": time.time(), "unit": list(unit)}
        for name, value in facts.items():
            self.storage.set_trial_user_attr(trial._trial_id, name, value)
        return self.records()[unit]

    def claim(self, record: Record) -> bool:
        """Take a waiting trial; ``False`` where another worker was faster."""
        with self.alone():
            return self._claim(record)

    def _claim(self, record: Record) -> bool:
        import optuna

        # Optuna's journal says yes to a worker whose last trial this was, even if another one was faster by a moment:
        # so nobody else writes between the look and the claim.
        if self.storage.get_trial(record.trial_id).state != optuna.trial.TrialState.WAITING:
            return False
        try:
            if not self.storage.set_trial_state_values(record.trial_id, optuna.trial.TrialState.RUNNING):
                return False
        except optuna.exceptions.UpdateFinishedTrialError:
            return False
        begun = {} if record.times[0] is not None else {"begun": time.time()}
        self._set(record, worker=self.worker, home=self.home, **begun)
        return True

    def should_prune(self, record: Record, pruner: Any) -> bool:
        """Whether a pruner would stop a trial where it stands."""
        frozen = self.storage.get_trial(record.trial_id)
        return bool(pruner.prune(self.study, frozen))

    def report(self, record: Record, step: int, curve: Sequence[CurvePoint]) -> None:
        """Tell a dev F1 on the way.

        Args:
            record: The trial.
            step: Percent of a full run.
            curve: The whole curve up to here.
        """
        self._set(record, curve=[list(point) for point in curve], deaths=0)
        self._update(lambda: self.storage.set_trial_intermediate_value(record.trial_id, step, curve[-1].f1))

    def pause(self, record: Record, **facts: Any) -> None:
        """Put a trial back, to be trained further or not."""
        import optuna

        self._set(record, deaths=0, **facts, worker="")
        self._update(lambda: self.storage.set_trial_state_values(record.trial_id, optuna.trial.TrialState.WAITING))

    def finish(self, record: Record, f1: float, **facts: Any) -> None:
        """A trial has come to its end."""
        import optuna

        self._set(record, **facts)
        complete = optuna.trial.TrialState.COMPLETE
        self._update(lambda: self.storage.set_trial_state_values(record.trial_id, complete, [f1]))

    def beaten(self, record: Record, **facts: Any) -> None:
        """A trial has no chance; it is let go."""
        import optuna

        values = None if record.best is None else [record.best]
        self._set(record, **facts)
        pruned = optuna.trial.TrialState.PRUNED
        self._update(lambda: self.storage.set_trial_state_values(record.trial_id, pruned, values))

    def fail(self, record: Record, error: str) -> None:
        """A trial ended by an error."""
        import optuna

        self._set(record, error=error)
        self._update(lambda: self.storage.set_trial_state_values(record.trial_id, optuna.trial.TrialState.FAIL))

    def _lose(self, record: Record) -> bool:
        """Mark a trial as lost; ``False`` where another process was faster."""
        import optuna

        try:
            self.storage.set_trial_user_attr(record.trial_id, "lost", True)
            self.storage.set_trial_state_values(record.trial_id, optuna.trial.TrialState.FAIL)
        except optuna.exceptions.UpdateFinishedTrialError:
            return False
        return True

    def _set(self, record: Record, **facts: Any) -> None:
        for name, value in facts.items():
            self._update(functools.partial(self.storage.set_trial_user_attr, record.trial_id, name, value))

    def _update(self, change: Callable[[], Any]) -> None:
        import optuna
        from sqlalchemy.exc import SQLAlchemyError

        def attempt() -> Exception | None:
            try:
                change()
            except optuna.exceptions.UpdateFinishedTrialError as error:
                raise TakenOver from error
            except (optuna.exceptions.StorageInternalError, SQLAlchemyError) as error:
                return error
            return None

        for pause_s in (*[_RETRY_S] * (_ATTEMPTS - 1), 0.0):
            error = attempt()
            if error is None:
                return
            time.sleep(pause_s)
        raise OutputError(f"the storage of the search does not answer: {error}") from error


def distribution(dimension: Choice | Range) -> BaseDistribution:
    """A dimension as Optuna has it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Choice):
        return CategoricalDistribution(dimension.values)
    if dimension.is_whole:
        return IntDistribution(
            int(dimension.low), int(dimension.high), log=dimension.log, step=int(dimension.step or 1)
        )
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log, step=dimension.step)


def _no_sampler() -> Any:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=0)
