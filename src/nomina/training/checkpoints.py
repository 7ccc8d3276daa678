"""Checkpoints without pickle that are either complete or not there.

A checkpoint is a folder ``checkpoint-STEP``: the model folder's files, ``trainer_state.json``, and the files of
this module. ``complete.json`` is written last, after everything else has reached the disk; a folder without it was cut
off while it was written, and is never resumed from.
"""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from nomina.errors import CheckpointError
from nomina.files import flush

__all__ = [
    "checkpoint_steps",
    "discard_incomplete",
    "keep_only",
    "keep_weights_only",
    "latest",
    "load_mean",
    "load_optimizer",
    "load_random_state",
    "mark_complete",
    "reading",
    "save_mean",
    "save_optimizer",
    "save_random_state",
]

_MARKER = "complete.json"
_OPTIMIZER = "optimizer.safetensors"
_RANDOM = "random.safetensors"
_MEAN = "mean.safetensors"
_DAMAGE = (SafetensorError, OSError, ValueError, KeyError, TypeError)
_NAME = re.compile(r"checkpoint-(\d+)")


@contextmanager
def reading(checkpoint: Path) -> Iterator[None]:
    """Read files of a checkpoint; whatever is wrong with them becomes a :class:`CheckpointError` that names it."""
    try:
        yield
    except _DAMAGE as error:
        raise CheckpointError(
            f"the checkpoint {checkpoint} is damaged ({error}); remove it and resume again"
        ) from error


def checkpoint_steps(folder: Path) -> dict[int, Path]:
    """Complete checkpoints in a folder, by step."""
    return {step: path for step, path in sorted(_all(folder).items()) if (path / _MARKER).is_file()}


def latest(folder: Path) -> Path | None:
    """The newest complete checkpoint, or ``None``."""
    return next(reversed(checkpoint_steps(folder).values()), None)


def discard_incomplete(folder: Path) -> list[Path]:
    """Remove checkpoints that were cut off while they were written, and say which."""
    cut_off = [path for path in _all(folder).values() if not (path / _MARKER).is_file()]
    for path in cut_off:
        shutil.rmtree(path)
    return cut_off


def keep_only(folder: Path, steps: set[int]) -> None:
    """Remove all checkpoints but those of the given steps.

    The marker goes first, so that a removal that is cut off leaves an incomplete checkpoint and not a damaged one.
    """
    for step, path in _all(folder).items():
        if step not in steps:
            (path / _MARKER).unlink(missing_ok=True)
            shutil.rmtree(path)


def keep_weights_only(folder: Path, best: int) -> None:
    """Of a run that has ended, keep no more than its end and its best weights need: no optimizer, no other weights.

    Args:
        folder: Folder of the checkpoints.
        best: Step of the weights to keep.
    """
    for step, path in checkpoint_steps(folder).items():
        for file in path.iterdir():
            is_state = file.name in (_OPTIMIZER, _MEAN) or file.name.startswith(_RANDOM.partition(".")[0])
            if is_state or (step != best and file.name == "model.safetensors"):
                file.unlink()


def mark_complete(checkpoint: Path, facts: Mapping[str, Any]) -> None:
    """Flush every file of a checkpoint to the disk, then write the marker."""
    for path in checkpoint.iterdir():
        if path.is_file():
            flush(path)
    temporary = checkpoint / f"{_MARKER}.tmp"
    temporary.write_text(json.dumps(dict(facts)), encoding="utf-8")
    flush(temporary)
    temporary.replace(checkpoint / _MARKER)
    flush(checkpoint)


def save_optimizer(
    checkpoint: Path, optimizer: torch.optim.Optimizer, schedule: Any, scaler: torch.amp.GradScaler | None = None
) -> None:
    """Write the state of optimizer, schedule and gradient scaler: tensors as safetensors, the rest as JSON in it."""
    state = optimizer.state_dict()
    tensors: dict[str, torch.Tensor] = {}
    scalars: dict[str, Any] = {}
    for index, entries in state["state"].items():
        for name, value in entries.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{index}/{name}"] = value.contiguous()
            else:
                scalars[f"{index}/{name}"] = value
    rest = {
        "groups": state["param_groups"],
        "scalars": scalars,
        "schedule": schedule.state_dict(),
        "scaler": None if scaler is None else scaler.state_dict(),
    }
    metadata = {"state": json.dumps(rest, default=_plain)}
    save_file(tensors, checkpoint / _OPTIMIZER, metadata=metadata)


def load_optimizer(
    checkpoint: Path, optimizer: torch.optim.Optimizer, schedule: Any, scaler: torch.amp.GradScaler | None = None
) -> None:
    """Restore what :func:`save_optimizer` wrote.

    Raises:
        CheckpointError: If the file is missing or damaged.
    """
    with reading(checkpoint), safe_open(checkpoint / _OPTIMIZER, framework="pt") as file:
        rest = json.loads(file.metadata()["state"])
        entries = {key: file.get_tensor(key) for key in file.keys()} | rest["scalars"]  # noqa: SIM118
    state: dict[int, dict[str, Any]] = {}
    for key, value in entries.items():
        index, _, name = key.partition("/")
        state.setdefault(int(index), {})[name] = value
    for group in rest["groups"]:
        group.update({name: tuple(value) for name, value in group.items() if name == "betas"})
    optimizer.load_state_dict({"state": state, "param_groups": rest["groups"]})
    schedule.load_state_dict(rest["schedule"])
    if scaler is not None and rest["scaler"] is not None:
        scaler.load_state_dict(rest["scaler"])


def save_mean(checkpoint: Path, means: Mapping[str, torch.Tensor], *, since: int, n_steps: int) -> None:
    """Write means of weights.

    Args:
        checkpoint: Its folder.
        means: By name.
        since: Optimizer step after which they began.
        n_steps: Steps that they are the mean of.
    """
    metadata = {"since": str(since), "n_steps": str(n_steps)}
    save_file({name: mean.contiguous() for name, mean in means.items()}, checkpoint / _MEAN, metadata=metadata)


def load_mean(checkpoint: Path, *, since: int) -> tuple[dict[str, torch.Tensor], int] | None:
    """What :func:`save_mean` wrote: means and steps; ``None`` where there are none that began after ``since``.

    Raises:
        CheckpointError: If the file is damaged.
    """
    if not (checkpoint / _MEAN).is_file():
        return None
    with reading(checkpoint), safe_open(checkpoint / _MEAN, framework="pt") as file:
        metadata = file.metadata()
        if int(metadata["since"]) != since:
            return None
        return {key: file.get_tensor(key) for key in file.keys()}, int(metadata["n_steps"])  # noqa: SIM118


def save_random_state(checkpoint: Path, process: int = 0) -> None:
    """Write the states of Python's, numpy's and torch's random number generators."""
    version, internal, gauss = random.getstate()
    numpy_state: Any = np.random.get_state()  # noqa: NPY002 - libraries draw from the global generator
    tensors = {
        "python": torch.tensor(internal, dtype=torch.int64),
        "numpy": torch.from_numpy(numpy_state[1].astype(np.int64)),
        "torch": torch.random.get_rng_state(),
    }
    for i, state in enumerate(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []):
        tensors[f"cuda{i}"] = state
    rest = {"python": [version, gauss], "numpy": [numpy_state[0], *numpy_state[2:]]}
    save_file(tensors, checkpoint / _process_file(process), metadata={"state": json.dumps(rest)})


def load_random_state(checkpoint: Path, process: int = 0) -> None:
    """Restore what :func:`save_random_state` wrote.

    Raises:
        CheckpointError: If the file is missing or damaged.
    """
    with reading(checkpoint), safe_open(checkpoint / _process_file(process), framework="pt") as file:
        rest = json.loads(file.metadata()["state"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    version, gauss = rest["python"]
    random.setstate((version, tuple(tensors["python"].tolist()), gauss))
    kind, *others = rest["numpy"]
    np.random.set_state((kind, tensors["numpy"].numpy().astype(np.uint32), *others))  # noqa: NPY002
    torch.random.set_rng_state(tensors["torch"])
    cuda = [tensors[key] for key in sorted(tensors, key=lambda k: (len(k), k)) if key.startswith("cuda")]
    if cuda and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(cuda)


def _all(folder: Path) -> dict[int, Path]:
    if not folder.is_dir():
        return {}
    found = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir() if path.is_dir())
    return {int(match.group(1)): path for match, path in found if match}


def _process_file(process: int) -> str:
    return _RANDOM if process == 0 else _RANDOM.replace(".", f"-{process}.", 1)


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.item()
    raise TypeError(f"cannot write {type(value).__name__} into a checkpoint")
