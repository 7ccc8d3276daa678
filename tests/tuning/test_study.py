"""The study: trials are claimed once, lost ones come back once, and what a crash leaves half-done is put right."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from nomina.errors import ConfigError, OutputError
from nomina.scoring.search import CurvePoint
from nomina.training.config import RunConfig
from nomina.tuning import study as study_module
from nomina.tuning.records import Unit
from nomina.tuning.space import Space, parse_space
from nomina.tuning.storage import open_storage
from nomina.tuning.study import Store, TakenOver

SPACE = parse_space({"dropout": [0.0, 0.1, 0.2], "batch_size": {"low": 8, "high": 32}}, RunConfig.build(None))
PARAMS = {"dropout": 0.1, "batch_size": 16}

Open = Callable[..., Store]


def open_store(folder: Path, *, home: str = "here", identity: str = "same", url: str | None = None) -> Store:
    storage = open_storage(url, folder)
    return Store(storage, name="study", space=SPACE, folder=folder, home=home, identity=identity)


def worker(folder: Path, **options: Any) -> Store:
    store = open_store(folder, **options)
    store.enlist()
    return store


def test_a_trial_goes_its_way(tmp_path: Path) -> None:
    store = worker(tmp_path)
    unit = Unit(0, 13)
    store.add(unit, PARAMS)
    record = store.records()[unit]
    assert (record.state, record.params, record.best) == ("waiting", PARAMS, None)
    assert store.claim(record)
    assert not store.claim(record), "a running trial cannot be claimed"
    store.report(record, 17, [CurvePoint(0.5, 0.6)])
    store.pause(record, scores=[0.6], epochs=0.5, train_s=3.0)
    paused = store.records()[unit]
    assert (paused.state, paused.scores, paused.epochs, paused.train_s) == ("waiting", (0.6,), 0.5, 3.0)
    assert (paused.curve, paused.points, paused.worker) == ((CurvePoint(0.5, 0.6),), {17: 0.6}, "")
    assert store.claim(paused)
    store.finish(paused, 0.7, scores=[0.6, 0.7], counts=[[1, 2, 3]])
    done = store.records()[unit]
    assert (done.state, done.best, done.counts, done.is_over) == ("finished", 0.7, [[1, 2, 3]], True)
    assert not store.claim(done)
    # Optuna's own tools see an ordinary study.
    loaded = optuna.load_study(study_name="study", storage=store.storage)
    assert (loaded.best_value, loaded.best_params) == (0.7, PARAMS)
    assert loaded.trials[0].intermediate_values == {17: 0.6}


def test_beaten_and_failed_trials_say_so(tmp_path: Path) -> None:
    store = worker(tmp_path)
    for cell in range(2):
        store.add(Unit(cell, 13), PARAMS)
    first, second = store.records().values()
    store.beaten(first)
    assert store.claim(second)
    store.fail(second, "TrainingError: the loss is nan")
    first, second = store.records().values()
    assert (first.state, second.state, second.error) == ("beaten", "failed", "TrainingError: the loss is nan")
    with pytest.raises(TakenOver):
        store.beaten(first)


def _claim_all(folder: Path, ready: Any, counts: Any) -> None:
    store = worker(folder)
    ready.wait()
    n = 0
    while waiting := [record for record in store.records().values() if record.state == "waiting"]:
        for record in waiting:
            if store.claim(record):
                store.finish(record, 0.5, scores=[0.5])
                n += 1
    counts.put(n)


def test_processes_claim_each_trial_once(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for cell in range(60):
        store.add(Unit(cell, 13), PARAMS)
    context = multiprocessing.get_context("fork")
    ready, counts = context.Barrier(3), context.Queue()
    processes = [context.Process(target=_claim_all, args=(tmp_path, ready, counts)) for _ in range(3)]
    for process in processes:
        process.start()
    found = [counts.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert sum(found) == 60
    assert sum(count > 0 for count in found) >= 2, "one was done before the others had begun"
    assert {record.state for record in store.records().values()} == {"finished"}


def _claim_and_hang(folder: Path, claimed: Any) -> None:
    store = worker(folder)
    record = store.records()[Unit(0, 13)]
    store.claim(record)
    store.report(record, 50, [CurvePoint(1.0, 0.4)])
    claimed.set()
    time.sleep(60)


def test_a_killed_worker_s_trial_comes_back_at_once_with_all_its_facts(tmp_path: Path) -> None:
    store = worker(tmp_path)
    unit = Unit(0, 13)
    store.add(unit, PARAMS)
    context = multiprocessing.get_context("fork")
    claimed = context.Event()
    process = context.Process(target=_claim_and_hang, args=(tmp_path, claimed))
    process.start()
    assert claimed.wait(30)
    assert store.recover() == [], "it lives"
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    [lost] = store.recover()
    assert lost.unit == unit
    fresh = store.records()[unit]
    assert (fresh.state, fresh.number, fresh.deaths) == ("waiting", 1, 1)
    assert (fresh.curve, fresh.points) == ((CurvePoint(1.0, 0.4),), {50: 0.4})
    assert store.recover() == []
    assert len(store._all()) == 2


def test_a_trial_that_kills_its_workers_fails(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    unit = Unit(0, 13)
    store.add(unit, PARAMS)
    for death in range(5):
        other = worker(tmp_path)
        assert other.claim(other.records()[unit])
        other._lock.close()  # type: ignore[union-attr]  # as the kernel does when a process ends
        survivor = worker(tmp_path)
        survivor.recover()
        assert survivor.records()[unit].state == ("waiting" if death < 4 else "failed")
    assert store.records()[unit].error == "5 workers died over it, perhaps for want of memory"


def test_a_worker_that_was_thought_dead_lets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    here = worker(tmp_path / "a")
    there = Store(here.storage, name="study", space=SPACE, folder=tmp_path / "b", home="there", identity="same")
    there.enlist()
    unit = Unit(0, 13)
    here.add(unit, PARAMS)
    record = there.records()[unit]
    assert there.claim(record)
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    assert here.recover() == []
    now[0] = 80.0
    there.beat(record)
    assert here.recover() == [], "a sign of life counts from when it is seen"
    now[0] = 160.0
    assert here.recover() == []
    now[0] = 200.0
    assert [lost.unit for lost in here.recover()] == [unit]
    with pytest.raises(TakenOver):
        there.report(record, 50, [CurvePoint(1.0, 0.4)])
    with pytest.raises(TakenOver):
        there.finish(record, 0.5, scores=[0.5])
    assert here.records()[unit].state == "waiting"


def test_checkpoints_elsewhere_are_waited_for_but_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = worker(tmp_path)
    unit = Unit(0, 13)
    store.add(unit, PARAMS)
    assert store.may_take(store.records()[unit])
    store.storage.set_trial_user_attr(store.records()[unit].trial_id, "home", "elsewhere")
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    assert not store.may_take(store.records()[unit])
    now[0] = 100.0
    assert store.may_take(store.records()[unit])


def test_what_a_crash_leaves_between_two_steps_is_put_right(tmp_path: Path) -> None:
    store = worker(tmp_path)
    unit = Unit(0, 13)
    store.add(unit, PARAMS)
    store.add(unit, PARAMS)  # two processes saw that it was missing
    assert store.records()[unit].number == 0
    store.tidy()
    assert [record.state for record in store._all()] == ["waiting", "lost"]
    assert store._lose(store.records()[unit])
    assert not store._lose(store._all()[0]), "only one process can lose a trial"
    assert store.records() == {}
    store.tidy()  # its successor was never added
    assert store.records()[unit].state == "waiting"
    store.tidy()
    assert len(store._all()) == 3


def test_a_pruner_sees_the_others(tmp_path: Path) -> None:
    store = worker(tmp_path)
    for cell in range(4):
        store.add(Unit(cell, 13), PARAMS)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=3)
    f1s = (0.5, 0.6, 0.7, 0.4)
    for record, f1 in zip(store.records().values(), f1s, strict=True):
        assert store.claim(record)
        store.report(record, 33, [CurvePoint(1.0, f1)])
        if f1 != f1s[-1]:
            assert not store.should_prune(record, pruner)
            store.finish(record, f1, scores=[f1])
    assert store.should_prune(record, pruner)


def test_a_sampler_s_surplus_trial_stands_for_nothing(tmp_path: Path) -> None:
    store = worker(tmp_path)
    sampler = optuna.samplers.RandomSampler(seed=1)
    first, second = (store.ask(sampler, 13, n_trials=2) for _ in range(2))
    assert first is not None
    assert second is not None
    assert [record.state for record in (first, second)] == ["running", "running"]
    assert store.ask(sampler, 13, n_trials=2) is None
    assert list(store.records()) == [Unit(0, 13), Unit(1, 13)]


def test_other_data_or_settings_are_refused(tmp_path: Path) -> None:
    open_store(tmp_path)
    open_store(tmp_path)
    with pytest.raises(ConfigError, match="the study 'study' has other data or settings"):
        open_store(tmp_path, identity="other")


def test_every_dimension_has_its_distribution() -> None:
    space: Space = parse_space(
        {
            "dropout": {"low": 0.0, "high": 0.5, "step": 0.1},
            "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
            "accumulation": {"low": 1, "high": 7, "step": 2},
            "patience": [0, 2],
        },
        RunConfig.build(None),
    )
    found = {dimension.name: study_module.distribution(dimension) for dimension in space.dimensions}
    assert found == {
        "dropout": optuna.distributions.FloatDistribution(0.0, 0.5, step=0.1),
        "learning_rate": optuna.distributions.FloatDistribution(1e-5, 1e-3, log=True),
        "accumulation": optuna.distributions.IntDistribution(1, 7, step=2),
        "patience": optuna.distributions.CategoricalDistribution((0, 2)),
    }


def test_a_trial_paused_by_one_worker_is_claimed_by_one_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = worker(tmp_path), worker(tmp_path)
    unit = Unit(0, 13)
    first.add(unit, PARAMS)
    assert first.claim(first.records()[unit])
    first.pause(first.records()[unit], scores=[0.5])
    record = first.records()[unit]
    assert second.claim(second.records()[unit])
    assert not first.claim(record)
    # Optuna's journal answers a worker whose last trial this was with yes: so the look and the claim are one step.
    with second.alone(), (tmp_path / ".claims.lock").open("ab") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    locked: list[bool] = []
    set_state = first.storage.set_trial_state_values

    def watched(*arguments: Any) -> bool:
        with (tmp_path / ".claims.lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                locked.append(True)
        return set_state(*arguments)

    second.pause(second.records()[unit], scores=[0.5])
    monkeypatch.setattr(first.storage, "set_trial_state_values", watched)
    assert first.claim(first.records()[unit])
    assert locked == [True]


@pytest.mark.parametrize("n_writes", range(6))
def test_a_worker_killed_while_it_finishes_a_trial_leaves_it_to_be_finished(
    tmp_path: Path, n_writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nomina.scoring.search import Rung
    from nomina.tuning.plan import Plan
    from nomina.tuning.worker import is_over, next_units

    plan = Plan(
        strategy="grid",
        config=RunConfig.build(None),
        space=SPACE,
        cells=(PARAMS,),
        rungs=(Rung(0.5, 1), Rung(1.0, 1)),
        n_trials=1,
        seeds=(13,),
        threads=1,
        study="study",
        data={},
    )
    unit = Unit(0, 13)
    dying = worker(tmp_path)
    dying.add(unit, PARAMS)
    assert dying.claim(dying.records()[unit])
    dying.pause(dying.records()[unit], scores=[0.5])
    assert dying.claim(dying.records()[unit])
    record = dying.records()[unit]
    writes = iter(range(100))

    class Killed(BaseException):
        pass

    set_attribute = dying.storage.set_trial_user_attr

    def write(*arguments: Any) -> None:
        if next(writes) == n_writes:
            raise Killed
        set_attribute(*arguments)

    monkeypatch.setattr(dying.storage, "set_trial_user_attr", write)
    try:
        dying.finish(record, 0.7, epochs=3.0, scores=[0.5, 0.7], train_s=1.0, counts=[[1, 2, 3]], home="here")
    except Killed:
        dying._lock.close()  # type: ignore[union-attr]
        survivor = worker(tmp_path)
        survivor.recover()
        [(ready, rung)] = next_units(plan, survivor.records())
        assert rung == 1
        assert survivor.claim(ready)
        survivor.finish(ready, 0.7, scores=[0.5, 0.7])
    assert is_over(plan, open_store(tmp_path).records())
    assert open_store(tmp_path).records()[unit].scores == (0.5, 0.7)


def test_a_double_that_was_never_trained_gives_way_to_one_that_was(tmp_path: Path) -> None:
    store = worker(tmp_path)
    unit = Unit(0, 13)
    store.add(unit, PARAMS)
    store.add(unit, PARAMS)
    other = worker(tmp_path)
    assert other.claim(other.records()[unit])
    other.report(other.records()[unit], 50, [CurvePoint(1.0, 0.4)])
    other._lock.close()  # type: ignore[union-attr]
    store.recover()
    store.tidy()
    assert store.records()[unit].curve == (CurvePoint(1.0, 0.4),)
    assert [record.state for record in store._all()] == ["lost", "lost", "waiting"]


def test_a_database_that_does_not_answer_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = worker(tmp_path)
    unit = Unit(0, 13)
    store.add(unit, PARAMS)
    record = store.records()[unit]
    assert store.claim(record)
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    real, failures = store.storage.set_trial_intermediate_value, iter([True, True, False] + [True] * 50)

    def sometimes(*arguments: Any) -> None:
        if next(failures):
            raise optuna.exceptions.StorageInternalError("gone")
        real(*arguments)

    monkeypatch.setattr(store.storage, "set_trial_intermediate_value", sometimes)
    store.report(record, 33, [CurvePoint(1.0, 0.4)])
    assert store.records()[unit].points == {33: 0.4}
    assert len(waited) == 2
    with pytest.raises(OutputError, match="storage of the search does not answer"):
        store.report(record, 67, [CurvePoint(2.0, 0.4)])


def test_what_the_first_command_chose_holds_for_all(tmp_path: Path) -> None:
    assert open_store(tmp_path).agree("threads", 2) == 2
    assert open_store(tmp_path).agree("threads", 1) == 2
