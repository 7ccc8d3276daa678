"""The study behind a search: an Optuna study whose trials are claimed, paused, finished and recovered by any number of
processes.

A trial is one cell of the search with one seed. Its state is Optuna's own: ``WAITING`` to be trained, at first or
further; ``RUNNING`` while a worker trains it; then ``COMPLETE``, ``PRUNED`` (beaten) or ``FAIL``. Going from waiting to
running is atomic in every storage, so that no two workers train the same trial. A trial whose worker died is marked as
lost, which only one process can do, and a fresh one with all its facts takes its place; a worker that was thought dead
finds its trial finished and lets go of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from nomina.errors import ConfigError, MissingExtraError
from nomina.scoring.search import CurvePoint, Value
from nomina.tuning.space import Choice, Range, Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

__all__ = ["BEAT_S", "Record", "Store", "TakenOver", "Unit", "check_storage", "distribution", "open_storage"]

_JOURNAL = "journal.log"
_GRACE_S = 90.0
"""Seconds without a sign of life after which a worker on another machine counts as dead."""

BEAT_S = 20.0
_MAX_DEATHS = 5
"""Workers that may die over the same part of a trial; after that, the trial is what kills them."""


class TakenOver(Exception):  # noqa: N818 - it is no fault of this process
    """The trial was given to another worker, because this one seemed dead."""


class Unit(NamedTuple):
    """What is trained: a cell of the search, with a seed."""

    cell: int
    seed: int

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return f"{self.cell:04d}-{self.seed}"


@dataclass(frozen=True)
class Record:
    """A trial as it stands.

    Attributes:
        unit: What it trains.
        number: Optuna's number.
        trial_id: Optuna's id.
        state: ``"waiting"``, ``"running"``, ``"finished"``, ``"beaten"``, ``"failed"`` or ``"lost"``.
        params: Its settings.
        scores: Best dev F1 at each rung it has reached.
        curve: Dev F1 along the way.
        epochs: Epochs it was trained for.
        train_s: Seconds of training and scoring.
        home: Which output folder its checkpoints are in; empty before there are any.
        worker: Who trains it.
        counts: Correct, predicted and gold entities of each dev sentence, once it is finished.
        error: Why it failed.
        deaths: How many workers died over its present part.
        beat: Last sign of life of its worker.
        points: Dev F1 by percent of a full run, as Optuna has it.
        times: Seconds since 1970 at which it was begun and finished, ``None`` where it was not.
    """

    unit: Unit
    number: int
    trial_id: int
    state: str
    params: Mapping[str, Value]
    scores: tuple[float, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    epochs: float = 0.0
    train_s: float = 0.0
    home: str = ""
    worker: str = ""
    counts: tuple[tuple[int, int, int], ...] | None = None
    error: str | None = None
    deaths: int = 0
    beat: int = 0
    points: Mapping[int, float] = field(default_factory=dict)
    times: tuple[float | None, float | None] = (None, None)

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in ("finished", "beaten", "failed")

    @property
    def best(self) -> float | None:
        """Best dev F1 so far; of a finished trial, that of the weights it ends with."""
        if self.state == "finished":
            return self.scores[-1]  # not that of a pause in mid-epoch, whose weights are not kept
        return max((point.f1 for point in self.curve), default=None)


class _KernelLock:
    """A lock that the kernel lets go when its holder dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Wait for the lock."""
        file = self.path.open("ab")
        fcntl.flock(file, fcntl.LOCK_EX)
        self.file = file
        return True

    def release(self) -> None:
        """Let it go."""
        file, self.file = self.file, None
        if file is not None:
            file.close()


def open_storage(url: str | None, folder: Path) -> BaseStorage:
    """The storage of a search.

    Args:
        url: ``postgresql://…`` or another database that SQLAlchemy knows; ``None`` for a journal in the folder.
        folder: Output folder of the search.

    Raises:
        ConfigError: If the database is SQLite, which several processes must not share, or cannot be reached.
        MissingExtraError: If the database's driver is not installed.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if url is None:
        # Absolute: Optuna's own lock is a symbolic link to this path. Ours leaves nothing behind when a worker is
        # killed while it holds it.
        path = (folder / _JOURNAL).resolve()
        lock: Any = _KernelLock(path.with_suffix(".lock"))
        _cut_torn_line(path, lock)
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    check_storage(url)
    address = _with_driver(url)
    try:
        return _connect(address)
    except (SQLAlchemyError, ImportError, ValueError, optuna.exceptions.OptunaError) as error:
        raise ConfigError([f"storage: expected a database that answers, found: {_first_line(error)}"]) from error


def check_storage(url: str | None) -> None:
    """Refuse SQLite, which several processes must not share.

    Raises:
        ConfigError: If it is SQLite.
    """
    if url is not None and url.startswith("sqlite"):
        raise ConfigError(
            ["storage: SQLite is not for several workers; leave --storage out for a journal, or give postgresql://…"]
        )


def _connect(address: str) -> BaseStorage:
    from optuna.exceptions import OptunaError
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    with contextlib.suppress(SQLAlchemyError, OptunaError):
        return RDBStorage(address, engine_kwargs={"pool_pre_ping": True})
    # Two processes that make the tables of a new database at once get in each other's way; once is enough.
    time.sleep(1.0)
    return RDBStorage(address, engine_kwargs={"pool_pre_ping": True})


def _with_driver(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres"):
        return url
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("psycopg", "postgresql") from error
    return f"postgresql+psycopg{separator}{rest}"


def _first_line(error: Exception) -> str:
    return next(iter(str(error.__cause__ or error).strip().splitlines()), type(error).__name__)


def _cut_torn_line(path: Path, lock: _KernelLock) -> None:
    """Take off a last line that a crash of the machine left unfinished; without that, no later line could be read."""
    if not path.is_file():
        return
    lock.acquire()
    try:
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            with path.open("r+b") as file:
                file.truncate(content.rfind(b"\n") + 1)
    finally:
        lock.release()


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
        return record.home in ("", self.home) or self._is_silent(record.trial_id, record.state)

    # What there is.

    def records(self) -> dict[Unit, Record]:
        """The trial that counts of each unit, by unit: the first that is not lost."""
        found: dict[Unit, Record] = {}
        for record in sorted(self._all(), key=lambda record: record.number):
            if record.state != "lost":
                found.setdefault(record.unit, record)
        return found

    def _all(self) -> list[Record]:
        trials = self.study.get_trials(deepcopy=False)
        return [_record(trial) for trial in trials if "unit" in trial.user_attrs]

    def recover(self) -> list[Record]:
        """Give the trials of dead workers to the living; returns what was recovered."""
        recovered = []
        for record in self._all():
            if record.state == "running" and self._is_dead(record) and self._lose(record):
                deaths = record.deaths + 1
                if deaths >= _MAX_DEATHS:
                    self.add(record.unit, record.params, inherited=record, deaths=deaths)
                    fresh = self.records()[record.unit]
                    if self.claim(fresh):
                        self.fail(fresh, f"{deaths} workers died over it, perhaps for want of memory")
                else:
                    self.add(record.unit, record.params, inherited=record, deaths=deaths)
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
            attributes |= _attributes(inherited)
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
        self.study.sampler = sampler
        trial = self.study.ask(fixed_distributions=dict(self.distributions))
        if (
            sum(record.number < trial.number for record in self.records().values() if record.unit.seed == seed)
            >= n_trials
        ):
            self.discard(trial._trial_id)
            return None
        unit = Unit(trial.number, seed)
        for name, value in {"worker": self.worker, "home": self.home, "unit": list(unit)}.items():
            self.storage.set_trial_user_attr(trial._trial_id, name, value)
        return self.records()[unit]

    def claim(self, record: Record) -> bool:
        """Take a waiting trial; ``False`` where another worker was faster."""
        import optuna

        try:
            if not self.storage.set_trial_state_values(record.trial_id, optuna.trial.TrialState.RUNNING):
                return False
        except optuna.exceptions.UpdateFinishedTrialError:
            return False
        self._set(record, worker=self.worker, home=self.home)
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
        self._set(record, curve=[list(point) for point in curve])
        self._update(lambda: self.storage.set_trial_intermediate_value(record.trial_id, step, curve[-1].f1))

    def pause(self, record: Record, **facts: Any) -> None:
        """Put a trial back, to be trained further or not."""
        import optuna

        self._set(record, deaths=0, worker="", **facts)
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
            self._update(lambda name=name, value=value: self.storage.set_trial_user_attr(record.trial_id, name, value))

    def _update(self, change: Any) -> None:
        import optuna

        try:
            change()
        except optuna.exceptions.UpdateFinishedTrialError as error:
            raise TakenOver from error


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


def _attributes(record: Record) -> dict[str, Any]:
    return {
        "scores": list(record.scores),
        "curve": [list(point) for point in record.curve],
        "epochs": record.epochs,
        "train_s": record.train_s,
        "home": record.home,
    }


def _record(trial: FrozenTrial) -> Record:
    attributes = trial.user_attrs
    state = {"WAITING": "waiting", "RUNNING": "running", "COMPLETE": "finished", "PRUNED": "beaten", "FAIL": "failed"}[
        trial.state.name
    ]
    if state == "failed" and (attributes.get("lost") or "error" not in attributes):
        state = "lost"
    begun, ended = trial.datetime_start, trial.datetime_complete
    return Record(
        unit=Unit(*attributes["unit"]),
        number=trial.number,
        trial_id=trial._trial_id,
        state=state,
        params=trial.params,
        scores=tuple(attributes.get("scores", ())),
        curve=tuple(CurvePoint(*point) for point in attributes.get("curve", ())),
        epochs=attributes.get("epochs", 0.0),
        train_s=attributes.get("train_s", 0.0),
        home=attributes.get("home", ""),
        worker=attributes.get("worker", ""),
        counts=None if "counts" not in attributes else tuple(tuple(row) for row in attributes["counts"]),
        error=attributes.get("error"),
        deaths=attributes.get("deaths", 0),
        beat=attributes.get("beat", 0),
        points=trial.intermediate_values,
        times=(None if begun is None else begun.timestamp(), None if ended is None else ended.timestamp()),
    )
