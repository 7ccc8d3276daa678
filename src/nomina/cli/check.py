"""``nomina check``: look through a corpus before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nomina.cli.console import Output
from nomina.cli.options import AsJson, Config, Data, Quiet, run_config
from nomina.cli.settings import with_settings

__all__ = ["EXAMPLES", "check"]

EXAMPLES = (
    "nomina check sample --encoder none",
    "nomina check train.conll --dev dev.conll --test test.conll --output audit --strict",
    "nomina check ner_dataset.csv.zip --fix clean.jsonl",
)

_SKIP = ("train", "drop_duplicates", "split", "limit_train", "limit_test")


@with_settings(sections=("data",), skip=_SKIP)
def check(
    *,
    data: Data = None,
    config: Config = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            metavar="TEXT",
            help="Encoder whose word pieces are looked at: hub id, folder, 'minilm', or 'none'. If not given, that of "
            "--config, else bert-base-cased where it is on this machine.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder for audit.json and audit.html.", show_default=False),
    ] = None,
    fix: Annotated[
        Path | None,
        typer.Option(
            "--fix",
            metavar="FILE",
            help="Write a mended copy (.jsonl, or columns) and the list of changes; with several parts, a folder.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if there are errors.")] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    flags: dict[str, Any],
) -> None:
    """Look through a corpus before training: sizes, and what is wrong with it, with file and line."""
    run = run_config(data, config, flags)
    if encoder is None and "encoder" in run.model.model_fields_set:
        encoder = run.model.encoder
    out = Output(quiet=quiet, as_json=as_json)
    from nomina import checking
    from nomina.report.audit import audit_table

    result = checking.check(
        run,
        encoder=encoder,
        output=output,
        fix_to=fix,
        overwrite=overwrite,
        show=lambda found: out.show(audit_table(found)),
    )
    if fix is not None:
        listing = ", ".join(f"{n:,} {kind.replace('_', ' ')}" for kind, n in result.n_changes.items())
        out.say(f"changed: {listing or 'nothing'}")
    for note in result.notes:
        out.say(note.message)
    for purpose, path in result.files.items():
        out.say(f"  {purpose:<12} {path}")
    facts = {
        "n_changes": result.n_changes,
        "notes": [note.message for note in result.notes],
        "files": {purpose: str(path) for purpose, path in result.files.items()},
    }
    out.write_json(result.audit.to_dict() | facts)
    if strict and result.audit.errors:
        raise typer.Exit(1)
