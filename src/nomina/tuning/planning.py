"""Decide what a search does: its space, its trials, its rungs, and what it will need."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import torch

from nomina.data.corpus import Corpus
from nomina.data.tagsets import POS
from nomina.encoding.encoders import resolve_encoder
from nomina.errors import ConfigError, EncoderError
from nomina.scoring.search import Rung, Value
from nomina.training.checks import check_training, resolve_features
from nomina.training.config import RunConfig
from nomina.training.fit import default_learning_rate
from nomina.tuning.plan import Plan, Strategy
from nomina.tuning.rungs import DEFAULT_KEEP, DEFAULT_SHARES, plan_rungs
from nomina.tuning.shared import preparation
from nomina.tuning.space import Choice, Space, default_space, load_space, parse_space
from nomina.tuning.storage import check_storage, storage_name
from nomina.tuning.worker import N_FINALISTS

__all__ = ["SearchOptions", "disk_bound", "make_plan", "preparations"]

_DEFAULT_TPE_TRIALS = 20

Say = Callable[[str], None]


@dataclass(frozen=True)
class SearchOptions:
    """How to search.

    Attributes:
        strategy: ``"halving"``, ``"grid"`` or ``"tpe"``.
        space: What to search: a TOML file, a mapping as :func:`nomina.tuning.parse_space` reads it, or ``None`` for
            learning rate, batch size, dropout and POS dimension.
        n_trials: Trials; of ``grid`` always all cells, of ``halving`` all cells where ``None``, of ``tpe`` 20.
        n_workers: Processes that train at the same time, 1 or more.
        n_seeds: Seeds of the finalists, 1 or more.
        storage: Database for searches on several machines; ``None`` for a journal in the output folder.
        study: Name of the study there; by settings and data where ``None``.
        rungs: Shares of a full run at which ``halving`` decides, ascending, the last one 1.
        keep: Share of the trials that goes on from one rung to the next, the same at each or one for each.
    """

    strategy: Strategy = "halving"
    space: str | Path | Mapping[str, Any] | None = None
    n_trials: int | None = None
    n_workers: int = 1
    n_seeds: int = 1
    storage: str | None = None
    study: str | None = None
    rungs: tuple[float, ...] = DEFAULT_SHARES
    keep: float | tuple[float, ...] = DEFAULT_KEEP


def make_plan(train: Corpus, dev: Corpus, config: RunConfig, options: SearchOptions, say: Say) -> Plan:
    """Decide what a search does, and check all of it before anything starts.

    Args:
        train: Training part.
        dev: Dev part.
        config: Settings of all trials.
        options: How to search.
        say: Told what happens, one line at a time.

    Raises:
        ConfigError: With every fault of the space and the options.
        EncoderError: If the encoder's config cannot be read.
    """
    faults = _faults(options)
    if faults:
        raise ConfigError(faults)
    check_storage(options.storage)
    config = config.with_settings(keep_checkpoints=False)
    space = _space(train, config, options)
    seed = config.training.seed
    cells = _cells(space, options, seed, say)
    _check_cells(cells or _corners(space), config, train)
    n_trials = len(cells) if options.strategy != "tpe" else options.n_trials or _DEFAULT_TPE_TRIALS
    rungs: tuple[Rung, ...] = (Rung(1.0, n_trials),)
    if options.strategy == "halving":
        rungs = plan_rungs(n_trials, options.rungs, options.keep)
    threads = config.training.threads or max(1, (os.cpu_count() or 1) // options.n_workers)
    plan = Plan(
        strategy=options.strategy,
        config=config,
        space=space,
        cells=tuple(cells),
        rungs=rungs,
        n_trials=n_trials,
        seeds=tuple(range(seed, seed + options.n_seeds)),
        threads=threads,
        study="",
        data={"train": train.fingerprint(), "dev": dev.fingerprint()},
        storage=storage_name(options.storage),
    )
    return replace(plan, study=options.study or f"nomina-{plan.identity}")


def _faults(options: SearchOptions) -> list[str]:
    """What no search can do, whatever the data."""
    faults = []
    if options.strategy not in get_args(Strategy):
        faults.append(f"strategy: expected halving, grid or tpe, found {options.strategy!r}")
    if options.strategy == "grid" and options.n_trials is not None:
        faults.append("trials: a grid has all its cells; leave --trials out, or try another --strategy")
    for name, flag in (("n_trials", "trials"), ("n_workers", "workers"), ("n_seeds", "seeds")):
        number = getattr(options, name)
        if number is not None and number < 1:
            faults.append(f"{flag}: expected 1 or more, found {number}")
    try:
        plan_rungs(1, options.rungs, options.keep)
    except ConfigError as error:
        faults += error.faults
    return faults


def _cells(space: Space, options: SearchOptions, seed: int, say: Say) -> list[dict[str, Value]]:
    """The trials that a strategy knows beforehand."""
    if options.strategy == "tpe":
        return []
    if options.strategy == "grid" or (space.n_cells is not None and options.n_trials is None):
        return list(space.grid())
    if options.n_trials is None:
        raise ConfigError(["trials: with a range in the space, say how many values to draw (--trials)"])
    cells = space.draws(options.n_trials, seed)
    if len(cells) < options.n_trials:
        say(f"the space has {len(cells)} cells; all of them are tried")
    return cells


def _space(train: Corpus, config: RunConfig, options: SearchOptions) -> Space:
    if isinstance(options.space, Mapping):
        return parse_space(options.space, config)
    if options.space is not None:
        return load_space(options.space, config)
    rate = config.training.learning_rate or default_learning_rate(
        _hidden_dim(config), with_lora=config.training.lora_rank > 0
    )
    return default_space(config, rate, reads_pos=POS in resolve_features(config.model, train))


def _hidden_dim(config: RunConfig) -> int:
    return int(_encoder_config(config).hidden_size)


def _encoder_config(config: RunConfig) -> Any:
    from transformers import AutoConfig

    source = resolve_encoder(config.model.encoder)
    try:
        return AutoConfig.from_pretrained(source.location, trust_remote_code=config.model.trust_remote_code)
    except (OSError, ValueError) as error:
        raise EncoderError(f"expected an encoder in {source.location!r}, could not load it: {error}") from error


def _corners(space: Space) -> list[dict[str, Value]]:
    """Cells in which each value of each list occurs, to check what a sampler may choose."""
    firsts = {d.name: d.values[0] if isinstance(d, Choice) else d.low for d in space.dimensions}
    return [firsts | {d.name: value} for d in space.dimensions if isinstance(d, Choice) for value in d.values] or [
        firsts
    ]


def _check_cells(cells: Sequence[Mapping[str, Value]], config: RunConfig, train: Corpus) -> None:
    """Refuse what could not be trained, all faults at once, before anything is."""
    faults: dict[str, None] = {}
    resolved: set[str] = set()
    for cell in cells:
        try:
            run = config.with_settings(**cell)
            resolve_features(run.model, train)
            found = check_training(run.training, run.model)
            if run.model.encoder not in resolved:
                resolve_encoder(run.model.encoder)
                resolved.add(run.model.encoder)
        except ConfigError as error:
            found = list(error.faults)
        except EncoderError as error:
            found = [f"[model] encoder: {error}"]
        faults |= dict.fromkeys(f"space: {fault}" for fault in found)
    if faults:
        raise ConfigError(list(faults))


def preparations(plan: Plan) -> dict[str, RunConfig]:
    """One config for each way of encoding the corpus that trials need."""
    if plan.cells:
        configs = [plan.config_of(cell, plan.seed) for cell in plan.cells]
    else:
        fixed = {d.name: d.low for d in plan.space.dimensions if not isinstance(d, Choice)}
        lists = Space(tuple(d for d in plan.space.dimensions if isinstance(d, Choice)))
        configs = [plan.config_of(fixed | cell, plan.seed) for cell in lists.grid()]
    return {preparation(config): config for config in configs}


def disk_bound(plan: Plan, n_workers: int) -> int:
    """Bytes of all checkpoints and the winner's model at the worst moment: weights, mean and two moments in fp32."""
    from transformers import AutoModel

    weights = 0
    for config in preparations(plan).values():
        with torch.device("meta"):
            encoder = AutoModel.from_config(_encoder_config(config), trust_remote_code=config.model.trust_remote_code)
        weights = max(weights, 4 * sum(parameter.numel() for parameter in encoder.parameters()))
    n_paused = max((rung.n_trials for rung in plan.rungs[1:]), default=0)
    # A worker has an older, the best and a new checkpoint while it writes; a paused trial the newest and the best. The
    # winner is copied once.
    return weights * (n_workers * 3 * 4 + n_paused * 2 * 4 + N_FINALISTS + 1)
