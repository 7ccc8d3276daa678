"""Whole searches with real workers: what they find, and that nothing can make them find anything else."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nomina
from figures import NO_FIGURES, without_figures
from forked import Command
from nomina import workflow
from nomina.data.corpus import Corpus
from nomina.errors import ConfigError, OutputError
from nomina.scoring.search import Search
from nomina.training.config import RunConfig
from nomina.training.fit import fit, fit_prepared
from nomina.tuning import SearchOptions, run_search, worker
from nomina.tuning.plan import load_plan, open_store
from nomina.tuning.planning import disk_bound
from nomina.tuning.records import Record, Unit
from nomina.tuning.storage import open_storage
from nomina.tuning.workers import LocalWorkers
from searches import CORPUS, DEV, SPACE, TRAIN, InThread, arguments, config, write_parts

SMALL: dict[str, list[Any]] = {"learning_rate": [1e-3, 3e-3], "batch_size": [3, 5]}


def options(**given: Any) -> SearchOptions:
    return replace(SearchOptions(space=SMALL), **given)


def search_here(
    run: RunConfig, folder: Path, given: SearchOptions, *, train: Corpus = TRAIN
) -> tuple[Search, RunConfig | None, Path | None]:
    """A search whose worker is a thread of this process."""
    return run_search(train, DEV, run, folder, given, workers=InThread)


def f1s(search: Search) -> dict[int, tuple[Any, ...]]:
    return {row.number: (tuple(row.settings.items()), row.state, row.curve, row.f1) for row in search.rows}


def records(folder: Path) -> list[Record]:
    """All trials of the journal, lost ones too."""
    return open_store(load_plan(folder), folder, None)._all()


def trained(folder: Path) -> Counter[Unit]:
    """How often each unit was trained to the end, from the journal."""
    return Counter(record.unit for record in records(folder) if record.state == "finished")


@pytest.mark.slow
@pytest.mark.usefixtures("quick_workers")
def test_a_search_from_the_corpus_to_a_model_in_use(tiny_bert: Path, tmp_path: Path) -> None:
    test_part = CORPUS[60:75]
    said: list[str] = []
    with _most_bytes(tmp_path / "search" / "cells") as most:
        result = nomina.tune(
            TRAIN,
            dev=DEV,
            test=test_part,
            config=config(tiny_bert),
            space=SPACE,
            search={"n_seeds": 2, "n_workers": 2},
            output=tmp_path / "search",
            say=said.append,
        )
    search = result.search
    assert [rung.n_trials for rung in search.rungs] == [16, 6, 2]
    assert Counter(row.state for row in search.rows) == {"finished": 2, "beaten": 14}
    assert search.spent_epochs == pytest.approx(15, abs=0.5)
    assert search.winner is not None
    assert search.winner.best > 0  # type: ignore[operator]
    assert [len(row.f1) for row in search.finalists] == [2, 2]
    assert search.difference is not None
    assert search.difference.f1 == pytest.approx(search.winner.best - search.runner_up.best)  # type: ignore[operator, union-attr]
    assert (search.n_dev, search.n_entities) == (30, sum(row[2] for row in _counts(tmp_path / "search")))

    first_rung = {row.number: row.curve[0].f1 for row in search.rows}
    went_on = {row.number for row in search.rows if len(row.curve) > 1}
    assert went_on == set(sorted(first_rung, key=lambda n: (-first_rung[n], n))[:6]), "the best six went on"

    # What is written: the list, the winner's settings, its model, the figures.
    with (tmp_path / "search" / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["dev_f1"]) for row in rows] == [row.best for row in search.rows]
    assert {path.name for path in (tmp_path / "search" / "figures").glob("*.png")} == {
        "cost.png",
        "curves.png",
        "importance.png",
        "parallel.png",
        "settings.png",
    }
    assert any("GiB of checkpoints at a time, beside 0." in line for line in said), said
    bound = disk_bound(load_plan(tmp_path / "search"), 2)
    assert most[0] <= bound < 8 * most[0], "a bound that is far off would say nothing"
    assert [path.name for path in (tmp_path / "search" / "cells").glob("*-14")] == []
    assert len(list((tmp_path / "search" / "cells").iterdir())) == 2, "beaten trials leave no checkpoints"
    assert not list((tmp_path / "search" / "cells").rglob("optimizer*"))

    # The winner's settings give its F1 to the last digit, and its folder is a model like any other.
    with without_figures():
        again = nomina.train(
            TRAIN,
            dev=DEV,
            test=test_part,
            config=tmp_path / "search" / "best.toml",
            output=tmp_path / "again",
            progress=False,
            say=said.append,
        )
    assert again.dev is not None
    assert again.dev.default.f1 == search.winner.f1[0]
    shipped = json.loads((tmp_path / "search" / "best" / "scores.json").read_text(encoding="utf-8"))
    trained_again = json.loads((tmp_path / "again" / "scores.json").read_text(encoding="utf-8"))
    assert (shipped["dev"], shipped["test"]) == (trained_again["dev"], trained_again["test"])
    assert (tmp_path / "search" / "best" / "run.toml").read_text() == (tmp_path / "again" / "run.toml").read_text()
    assert nomina.load(tmp_path / "search" / "best").predict("Washington is in Georgia .").labels
    assert "# best\n" in (tmp_path / "search" / "best" / "README.md").read_text(encoding="utf-8")
    (tmp_path / "search" / "best" / "notes.txt").write_text("mine")

    # The same call finds everything there.
    before = records(tmp_path / "search")
    with without_figures():
        same = nomina.tune(
            TRAIN,
            dev=DEV,
            test=test_part,
            config=config(tiny_bert),
            space=SPACE,
            search={"n_seeds": 2},
            output=tmp_path / "search",
            say=said.append,
        )
    assert f1s(same.search) == f1s(search)
    assert records(tmp_path / "search") == before
    assert (tmp_path / "search" / "best" / "notes.txt").read_text() == "mine", "what is there is left as it is"
    assert same.model is not None
    assert same.model.dev is not None
    assert same.model.dev.default.f1 == search.winner.f1[0]


def _counts(folder: Path) -> list[Sequence[int]]:
    return list(next(record.counts for record in records(folder) if record.counts is not None))


@pytest.mark.slow
def test_two_workers_find_what_one_finds_and_twenty_kills_change_nothing(tiny_bert: Path, tmp_path: Path) -> None:
    whole, _, _ = search_here(config(tiny_bert, epochs=4), tmp_path / "one", options(space=SPACE, strategy="grid"))
    assert all(row.state == "finished" for row in whole.rows)
    assert len({row.f1 for row in whole.rows}) > 3, "cells that score alike show nothing"

    data = write_parts(tmp_path / "data")
    space = tmp_path / "space.toml"
    space.write_text("".join(f"{name} = {json.dumps(values)}\n" for name, values in SPACE.items()), encoding="utf-8")
    flags = ("--epochs", "4", "--strategy", "grid", "--workers", "2", "--space", str(space))
    line = arguments(tiny_bert, data, tmp_path / "cut", *flags)
    # Kills that follow fast upon one another look like a want of memory.
    patient = {**NO_FIGURES, "nomina.tuning.study._MAX_DEATHS": 99}
    rng = random.Random(1)
    n_kills = 0
    while n_kills < 20:
        process = Command(line, tmp_path / "cut.log", patches=patient)
        time.sleep(rng.uniform(0.5, 1.5))
        for _ in range(4):
            time.sleep(rng.uniform(0.1, 1.0))
            workers = _children(process.pid)
            if not process.is_running():
                break
            # Now a worker, now the command itself, which its workers do not outlive.
            victim = process.pid if not workers or rng.random() < 0.3 else rng.choice(workers)
            with_kill = _kill(victim)
            n_kills += with_kill
            if victim == process.pid:
                break
        process.kill()
        if (tmp_path / "cut" / "search.json").is_file():
            break
    assert n_kills >= 20, "the search was over before it could be disturbed"
    end = Command(line, tmp_path / "cut.log", patches=patient).result()
    assert end.code == 0, end.err
    cut = json.loads((tmp_path / "cut" / "search.json").read_text(encoding="utf-8"))
    found = {trial["trial"]: (trial["state"], tuple(trial["f1"])) for trial in cut["trials"]}
    assert found == {row.number: (row.state, row.f1) for row in whole.rows}
    assert trained(tmp_path / "cut") == {Unit(cell, 13): 1 for cell in range(16)}, "every cell to the end once"


class _Killed(LocalWorkers):
    """Workers of which one is killed now and then, each time after something was trained."""

    N_KILLS = 4

    def __init__(self, folder: Path, storage: str | None) -> None:
        super().__init__(folder, storage)
        self.n_kills = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._kill)
        self.thread.start()

    def _kill(self) -> None:
        rng = random.Random(1)
        before = 0
        while self.n_kills < self.N_KILLS and not self.over.wait(0.2):
            n_scores = sum(len(record.curve) for record in records(self.folder) if record.state != "lost")
            if n_scores > before and not self.over.wait(rng.uniform(0.0, 0.5)):
                before = n_scores
                rng.choice(list(self.processes.values())).kill()
                self.n_kills += 1

    def stop(self) -> None:
        self.over.set()
        self.thread.join()
        super().stop()


@pytest.mark.slow
@pytest.mark.usefixtures("quick_workers")
@pytest.mark.parametrize(
    ("n_workers", "given"),
    [(2, {"n_seeds": 2}), (1, {"strategy": "tpe", "n_trials": 5, "n_seeds": 2})],
    ids=["halving", "tpe"],
)
def test_kills_change_no_strategy(tiny_bert: Path, tmp_path: Path, n_workers: int, given: dict[str, Any]) -> None:
    run = config(tiny_bert)
    whole, _, _ = search_here(run, tmp_path / "whole", options(**given))
    pools: list[_Killed] = []

    def workers(folder: Path, storage: str | None) -> _Killed:
        pools.append(_Killed(folder, storage))
        return pools[-1]

    cut, _, _ = run_search(TRAIN, DEV, run, tmp_path / "cut", options(**given, n_workers=n_workers), workers=workers)
    assert pools[0].n_kills == _Killed.N_KILLS, "the search was over before it could be disturbed"
    assert {row.state for row in whole.rows} <= {"finished", "beaten"}
    # With tpe, a trial that takes the place of a lost one takes a number too, so that the next one has a higher.
    assert [facts for _, facts in sorted(f1s(cut).items())] == [facts for _, facts in sorted(f1s(whole).items())]
    done = trained(tmp_path / "cut")
    assert len(done) == len(trained(tmp_path / "whole"))
    assert set(done.values()) == {1}, "nothing is trained to the end twice"


def _children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(line) for line in found.split()]


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_trial_that_fails_is_recorded_and_the_search_goes_on(tiny_bert: Path, tmp_path: Path) -> None:
    run = config(tiny_bert, epochs=2, max_grad_norm=0, schedule="constant", warmup=0, log_every=1)
    space = {"learning_rate": [1e-3, 1.0], "weight_decay": [0.0, 1e30]}
    search, best, folder = search_here(run, tmp_path, options(space=space, strategy="grid"))
    failed = [row for row in search.rows if row.state == "failed"]
    assert 1 <= len(failed) < 4
    assert all("the loss is nan" in (row.error or "") or "the loss is inf" in (row.error or "") for row in failed)
    assert search.winner is not None
    assert search.winner.settings == {"learning_rate": 1e-3, "weight_decay": 0.0}
    assert best is not None
    assert folder is not None
    assert f"{len(failed)} of them failed" in search.verdict
    assert {path.name for path in (tmp_path / "cells").iterdir()}.isdisjoint(f"{r.number:04d}-13" for r in failed)


@pytest.mark.slow
def test_tpe_samples_and_takes_more_trials_later(tiny_bert: Path, tmp_path: Path) -> None:
    space = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "batch_size": [4, 8]}
    run = config(tiny_bert, epochs=3)
    first, _, _ = search_here(run, tmp_path, options(space=space, strategy="tpe", n_trials=7))
    assert [row.number for row in first.rows] == list(range(7))
    assert all(1e-4 <= row.settings["learning_rate"] <= 1e-2 for row in first.rows)  # type: ignore[operator]
    more, _, _ = search_here(run, tmp_path, options(space=space, strategy="tpe", n_trials=9))
    assert len(more.rows) == 9
    kept = f1s(more)
    assert {number: kept[number] for number in range(7)} == f1s(first)


def test_faults_are_said_before_anything_is_made(tiny_bert: Path, tmp_path: Path) -> None:
    run, folder = config(tiny_bert), tmp_path / "search"

    def fault(match: str, **given: Any) -> None:
        with pytest.raises(ConfigError, match=match):
            run_search(TRAIN, DEV, run, folder, options(**given))
        assert not folder.exists()

    fault("trials: a grid has all its cells", strategy="grid", n_trials=3)
    fault("with a range in the space", space={"dropout": {"low": 0, "high": 0.5}})
    fault("strategy: expected halving, grid or tpe, found 'random'", strategy="random")
    fault("space: .* expected columns of", space={"features": ["pos", "chunk"]})
    fault("space: .*fp16 needs a GPU", space={"precision": ["fp32", "fp16"]})
    fault("space: .*encoder", space={"encoder": [str(tiny_bert), str(tmp_path / "nowhere")]})
    fault("rungs: expected ascending shares", rungs=(0.5, 0.2, 1.0))
    fault("SQLite is not for several workers", storage="sqlite:///study.db")
    with pytest.raises(ConfigError, match="a search needs a dev part"):
        workflow.tune(run.with_settings(split=(100, 0, 0)), folder, options(), corpora={"train": TRAIN})
    with pytest.raises(ConfigError, match=r"search: expected .*n_workers.*; found n_worker"):
        nomina.tune(TRAIN, dev=DEV, output=folder, search={"n_worker": 2})


def test_a_folder_keeps_its_search(tiny_bert: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds no search"):
        run_search(TRAIN, DEV, config(tiny_bert), tmp_path, options())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thesis.txt"]


@pytest.mark.slow
def test_other_settings_or_data_are_another_search(tiny_bert: Path, tmp_path: Path) -> None:
    run = config(tiny_bert, epochs=1)
    space = {"batch_size": [8]}
    search_here(run, tmp_path, options(space=space))
    for train, other, given, match in (
        (TRAIN, run.with_settings(dropout=0.3), {}, r"model.dropout: the search in .* has 0.1, found 0.3"),
        (TRAIN[:30], run, {}, r"data.train: the search in"),
        (TRAIN, run, {"space": {"batch_size": [8, 16]}}, r"space.batch_size: the search in"),
        (TRAIN, run, {"strategy": "grid"}, r"strategy: the search in"),
    ):
        with pytest.raises(ConfigError, match=match):
            search_here(other, tmp_path, options(**{"space": space, **given}), train=train)


@pytest.mark.slow
def test_the_study_opens_in_optuna_s_dashboard(tiny_bert: Path, tmp_path: Path) -> None:
    dashboard = pytest.importorskip("optuna_dashboard", reason="needs optuna-dashboard, of the extra dev")
    search_here(config(tiny_bert, epochs=1), tmp_path, options(space={"batch_size": [3, 5]}))
    plan = load_plan(tmp_path)
    app = dashboard.wsgi(open_storage(None, tmp_path))

    def get(path: str) -> Any:
        statuses: list[str] = []
        environment = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "wsgi.input": io.BytesIO(),
            "QUERY_STRING": "after=0",
        }
        body = b"".join(app(environment, lambda status, headers, *rest: statuses.append(status)))
        assert statuses == ["200 OK"], body
        return json.loads(body)

    [study] = get("/api/studies")["study_summaries"]
    assert study["study_name"] == plan.study
    trials = get(f"/api/studies/{study['study_id']}")["trials"]
    assert sorted(trial["state"] for trial in trials) == ["Complete", "Pruned"]
    assert all(trial["intermediate_values"] for trial in trials)


@pytest.mark.slow
def test_encoders_and_features_can_be_searched(encoder_folder: Any, tmp_path: Path) -> None:
    space = {
        "encoder": [str(encoder_folder("bert-uncased")), str(encoder_folder("distilbert"))],
        "features": ["none", "pos:8,shape:4"],
    }
    run = config(encoder_folder("bert-uncased"), epochs=1)
    search, best, _ = search_here(run, tmp_path, options(space=space, strategy="grid"))
    assert [row.state for row in search.rows] == ["finished"] * 4
    assert len(list((tmp_path / "encoded").iterdir())) == 4
    assert isinstance(best, RunConfig)


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures")
def test_a_full_disk_ends_the_command_and_costs_no_trial(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, given = config(tiny_bert, epochs=1), options(strategy="grid")
    (tmp_path / "sitecustomize.py").write_text(
        "import errno, nomina.training.checkpoints as c\n"
        "def full(*arguments, **options):\n"
        "    raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "c.save_optimizer = full\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(OutputError, match=r"cannot go on with trial 0 .*No space left on device"):
        run_search(TRAIN, DEV, run, tmp_path / "search", given)
    assert [record.state for record in records(tmp_path / "search")] == ["waiting"] * 4
    search, _, _ = search_here(run, tmp_path / "search", given)
    assert [row.state for row in search.rows] == ["finished"] * 4
    assert len(records(tmp_path / "search")) == 4


@pytest.mark.slow
def test_two_commands_on_one_folder_share_the_work(tiny_bert: Path, tmp_path: Path) -> None:
    data = write_parts(tmp_path / "data")
    space = tmp_path / "space.toml"
    space.write_text("learning_rate = [1e-3, 3e-3]\ndropout = [0.0, 0.2]\n", encoding="utf-8")
    line = arguments(tiny_bert, data, tmp_path / "search", "--space", str(space), "--strategy", "grid")
    for command in [Command(line, tmp_path / f"{name}.log", patches=NO_FIGURES) for name in ("a", "b")]:
        ended = command.result()
        assert ended.code == 0, ended.err
    assert trained(tmp_path / "search") == {Unit(cell, 13): 1 for cell in range(4)}
    assert (tmp_path / "search" / "best" / "scores.json").is_file()
    assert not (tmp_path / "search" / ".ship").exists()


@pytest.mark.slow
def test_trials_may_differ_in_length(tiny_bert: Path, tmp_path: Path) -> None:
    space = {"epochs": [2, 8], "learning_rate": [1e-3, 3e-3]}
    given = options(space=space, rungs=(0.25, 1.0), keep=0.5)
    search, best, _ = search_here(config(tiny_bert, head_learning_rate=4e-2), tmp_path, given)
    assert [row.full_epochs for row in search.rows] == [2, 2, 8, 8]
    assert [row.curve[0].epochs for row in search.rows[:2]] == pytest.approx([0.5, 0.5], abs=0.05)
    assert all(2.0 in [point.epochs for point in row.curve] for row in search.rows[2:]), "a quarter of eight"
    assert [row.state for row in search.rows].count("finished") == 2
    assert best is not None
    (tmp_path / "again").mkdir()
    again = fit(TRAIN, DEV, best, tmp_path / "again")
    assert search.winner is not None
    assert again.best_dev_f1 == search.winner.f1[0]


@pytest.mark.slow
def test_a_trial_that_stops_early_has_come_to_every_rung(tiny_bert: Path, tmp_path: Path) -> None:
    run = config(tiny_bert, patience=1, learning_rate=1e-9, head_learning_rate=1e-9)  # nothing is learned
    given = options(space={"epochs": [1, 8]}, rungs=(0.5, 1.0), keep=0.6)
    search, _, _ = search_here(run, tmp_path, given)
    assert [(row.state, row.epochs, row.full_epochs) for row in search.rows] == [
        ("finished", 1.0, 1.0),
        ("finished", 2.0, 8.0),
    ]


@pytest.mark.slow
def test_a_search_without_a_winner_is_a_failure(tiny_bert: Path, tmp_path: Path) -> None:
    data = write_parts(tmp_path / "data")
    space = tmp_path / "space.toml"
    space.write_text("weight_decay = [1e30, 1e31]\n", encoding="utf-8")
    flags = ["--space", str(space), "--strategy", "grid", "--learning-rate", "1.0", "--log-every", "1", "--warmup", "0"]
    done = Command(arguments(tiny_bert, data, tmp_path / "search", *flags), tmp_path / "tune.log").result()
    assert done.code == 1
    assert "No trial was finished; 2 of 2 failed." in done.out
    assert "the loss is nan" in (tmp_path / "search" / "trials.csv").read_text(encoding="utf-8")
    assert not (tmp_path / "search" / "best.toml").exists()


@pytest.mark.slow
def test_where_all_finalists_fail_the_beaten_are_called_back(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finals: list[Path] = []

    def fail(prepared: Any, config: RunConfig, folder: Path, *, until: float | None, **given: Any) -> Any:
        if until is None:
            finals.append(folder)
            if len(finals) <= 2:
                raise ValueError("late")
        return fit_prepared(prepared, config, folder, until=until, **given)

    monkeypatch.setattr(worker, "fit_prepared", fail)
    given = options(rungs=(0.5, 1.0), keep=0.5)
    search, best, _ = search_here(config(tiny_bert, epochs=2), tmp_path, given)
    assert Counter(row.state for row in search.rows) == {"failed": 2, "finished": 2}
    first = {row.number: row.curve[0].f1 for row in search.rows}
    order = sorted(first, key=lambda n: (-first[n], n))
    assert [row.number for row in search.rows if row.state == "failed"] == sorted(order[:2]), "the best two were first"
    assert best is not None
    assert {"late" in (row.error or "") for row in search.rows if row.state == "failed"} == {True}


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures")
def test_damaged_files_are_made_again(tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, given = config(tiny_bert, epochs=2), options(rungs=(0.5, 1.0), keep=0.5)
    whole, _, _ = search_here(run, tmp_path / "whole", given)
    damaged: list[Path] = []

    def damage(prepared: Any, config: RunConfig, folder: Path, *, until: float | None, **given: Any) -> Any:
        if until is None and not damaged:
            damaged.extend(folder.rglob("model.safetensors"))
            for path in damaged:
                path.write_bytes(path.read_bytes()[:999])
        return fit_prepared(prepared, config, folder, until=until, **given)

    folder, corpora = tmp_path / "search", {"train": TRAIN, "dev": DEV}
    with monkeypatch.context() as patch:
        patch.setattr(worker, "fit_prepared", damage)
        result = workflow.tune(run, folder, given, corpora=corpora, workers=InThread)
    assert damaged, "a checkpoint was damaged"
    assert f1s(result.search) == f1s(whole)

    # The encoded corpus, the winner's weights, and its model folder.
    for path in (*folder.glob("encoded/*/train/pieces.npy"), *folder.glob("cells/*/checkpoints/*/model.safetensors")):
        path.write_bytes(path.read_bytes()[:-100])
    (folder / "best" / "scores.json").unlink()
    said: list[str] = []
    again = workflow.tune(run, folder, replace(given, n_seeds=2), corpora=corpora, workers=InThread, say=said.append)
    assert {row.number: row.f1[:1] for row in again.search.rows} == {row.number: row.f1 for row in whole.rows}
    assert any("is damaged; it is made again" in line for line in said)
    assert any("the winner is trained again" in line for line in said)
    assert again.model is not None
    assert again.model.dev is not None
    assert again.search.winner is not None
    assert again.model.dev.default.f1 == again.search.winner.f1[0]


@contextmanager
def _most_bytes(folder: Path) -> Iterator[list[int]]:
    """Within, the first item is the most that a folder has held so far."""
    most, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            with suppress(FileNotFoundError):  # workers remove folders while they are looked at
                most[0] = max(most[0], sum(path.stat().st_size for path in folder.rglob("*")))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()
