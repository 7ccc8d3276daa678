"""Arguments that several commands have, and what they make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nomina.training.config import RunConfig

__all__ = ["AsJson", "Config", "Data", "Quiet", "default_folder", "run_config"]

Data = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="DATA…", help="Files to train on (any format, .zip and .gz too), or 'sample'.", show_default=False
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Settings as TOML; flags win.", show_default=False),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results and errors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write the results as JSON.")]


def run_config(data: list[str] | None, config: Path | None, flags: dict[str, Any]) -> RunConfig:
    """Settings of a command: its files, those of a TOML file, and flags, which win."""
    if data:
        flags = {**flags, "train": tuple(data)}
    return RunConfig.build(None, **flags) if config is None else RunConfig.load(config, **flags)


def default_folder(run: RunConfig, suffix: str = "") -> Path:
    """Where a command's output goes if nothing is said: ``runs/CORPUS-ENCODER`` and a suffix."""
    name = Path(run.data.train[0]).name.split(".")[0] if run.data.train else "run"
    return Path("runs") / f"{name}-{Path(run.model.encoder).name}{suffix}"
