"""``Plan``: what a search does, written into its folder, from which every worker reads it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nomina.errors import ConfigError, OutputError
from nomina.files import alone, flush, write_text
from nomina.scoring.search import Rung, Value
from nomina.training.config import RunConfig
from nomina.tuning.records import Unit
from nomina.tuning.space import Space, parse_space
from nomina.tuning.storage import open_storage
from nomina.tuning.study import Store

__all__ = ["PLAN", "Plan", "Strategy", "begin", "cell_folder", "flat", "keep_threads", "load_plan", "open_store"]

Strategy = Literal["grid", "halving", "tpe"]

PLAN = "plan.json"
_HOME = "home"
_LOCK = ".lock"


@dataclass(frozen=True)
class Plan:
    """What a search does.

    Attributes:
        strategy: ``"grid"``, ``"halving"`` or ``"tpe"``.
        config: Settings of all trials.
        space: What is searched.
        cells: Searched settings of each trial; empty for ``tpe``, which chooses as it goes.
        rungs: How far trials go; one rung for ``grid`` and ``tpe``.
        n_trials: Trials in all.
        seeds: Seeds of the finalists; the search itself uses the first one.
        threads: Threads of the CPU for each worker.
        study: Name of the study.
        data: Fingerprints of the parts, by name.
        storage: Where the study is, without a password.
    """

    strategy: Strategy
    config: RunConfig
    space: Space
    cells: tuple[Mapping[str, Value], ...]
    rungs: tuple[Rung, ...]
    n_trials: int
    seeds: tuple[int, ...]
    threads: int
    study: str
    data: Mapping[str, str]
    storage: str = "journal"

    @property
    def seed(self) -> int:
        """Seed of the search itself."""
        return self.seeds[0]

    def config_of(self, params: Mapping[str, Value], seed: int) -> RunConfig:
        """Settings of a trial.

        Raises:
            ConfigError: If they do not go together.
        """
        return self.config.with_settings(**params, seed=seed, threads=self.threads)

    @property
    def identity(self) -> str:
        """What all processes of a search must agree on, as a short text."""
        facts = self.to_dict()
        for name in ("n_trials", "seeds", "threads", "study", "storage"):
            del facts[name]
        facts["seed"] = self.seed
        if self.strategy == "tpe":
            del facts["rungs"]
        del facts["config"]["training"]["threads"]
        for name in ("train", "dev", "test"):
            del facts["config"]["data"][name]  # the same files may have other names on another machine
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "strategy": self.strategy,
            "config": self.config.model_dump(mode="json"),
            "space": self.space.to_dict(),
            "cells": [dict(cell) for cell in self.cells],
            "rungs": [list(rung) for rung in self.rungs],
            "n_trials": self.n_trials,
            "seeds": list(self.seeds),
            "threads": self.threads,
            "study": self.study,
            "data": dict(self.data),
            "storage": self.storage,
        }


def _from_dict(facts: Mapping[str, Any]) -> Plan:
    config = RunConfig.build(facts["config"])
    return Plan(
        strategy=facts["strategy"],
        config=config,
        space=parse_space(facts["space"], config),
        cells=tuple(facts["cells"]),
        rungs=tuple(Rung(*rung) for rung in facts["rungs"]),
        n_trials=facts["n_trials"],
        seeds=tuple(facts["seeds"]),
        threads=facts["threads"],
        study=facts["study"],
        data=facts["data"],
        storage=facts["storage"],
    )


def load_plan(folder: Path) -> Plan:
    """Read the plan of a search."""
    return _from_dict(json.loads((folder / PLAN).read_text(encoding="utf-8")))


def begin(plan: Plan, folder: Path) -> Plan:
    """Write a plan into a folder; a search that was begun there is continued.

    More seeds, and with ``tpe`` more trials, may be asked for than before. The number of threads stays that of the
    first call.

    Raises:
        ConfigError: If the search there has other data or settings, all differences at once.
        OutputError: If the folder holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} exists and holds no search; choose another folder (--output, output=)")
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / _LOCK):
        path = folder / PLAN
        if path.is_file():
            plan = _continued(load_plan(folder), plan, folder)
        elif not (folder / _HOME).is_file():
            if any(not entry.name.startswith((_LOCK, f".{_HOME}.")) for entry in folder.iterdir()):
                (folder / _LOCK).unlink()
                raise OutputError(f"{folder} exists and holds no search; choose another folder (--output, output=)")
            write_text(folder / _HOME, uuid.uuid4().hex + "\n")
        write_text(path, json.dumps(plan.to_dict(), indent=2) + "\n")
        flush(path)
    return plan


def _continued(begun: Plan, plan: Plan, folder: Path) -> Plan:
    if begun.identity != plan.identity:
        raise ConfigError(list(_differences(begun, plan, folder)) or [f"the search in {folder} is another one"])
    if begun.storage != plan.storage:
        raise ConfigError([f"storage: the search in {folder} is in {begun.storage}, found {plan.storage}"])
    # Fewer than another command asked for, which may be at work now, would leave its workers without a search.
    seeds, n_trials = max(begun.seeds, plan.seeds, key=len), max(begun.n_trials, plan.n_trials)
    return replace(plan, threads=begun.threads, study=begun.study, seeds=seeds, n_trials=n_trials)


def keep_threads(plan: Plan, threads: int, folder: Path) -> Plan:
    """The plan with the number of threads that the study's first command chose, written down."""
    if threads == plan.threads:
        return plan
    plan = replace(plan, threads=threads)
    with alone(folder / _LOCK):
        write_text(folder / PLAN, json.dumps(plan.to_dict(), indent=2) + "\n")
    return plan


def _differences(begun: Plan, plan: Plan, folder: Path) -> list[str]:
    before, now = flat(begun.to_dict()), flat(plan.to_dict())
    ignored = {"n_trials", "seeds", "threads", "study", "storage", "cells", "config.training.threads"}
    ignored |= {f"config.data.{name}" for name in ("train", "dev", "test")}
    return [
        f"{name.removeprefix('config.')}: the search in {folder} has {before.get(name)!r}, found {now.get(name)!r}"
        for name in {**before, **now}
        if before.get(name) != now.get(name) and name not in ignored
    ]


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted names, lists as JSON has them."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = list(value) if isinstance(value, tuple) else value
    return found


def open_store(plan: Plan, folder: Path, storage: str | None) -> Store:
    """The study of a search.

    Args:
        plan: From :func:`begin` or :func:`load_plan`.
        folder: Output folder.
        storage: As for :func:`nomina.tuning.storage.open_storage`.
    """
    return Store(
        open_storage(storage, folder),
        name=plan.study,
        space=plan.space,
        folder=folder,
        home=(folder / _HOME).read_text(encoding="utf-8").strip(),
        identity=plan.identity,
    )


def cell_folder(folder: Path, unit: Unit) -> Path:
    """Where a trial's checkpoints are."""
    return folder / "cells" / unit.folder
