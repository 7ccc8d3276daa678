"""The command line ``nomina``: one file per command, each a thin face of the workflow or of one room."""

from __future__ import annotations

from typing import Annotated

import typer

from nomina import __version__
from nomina.cli import check, compare, convert, demo, evaluate, export, info, predict, serve, train, tune
from nomina.cli.console import errors_as_exit_codes

__all__ = ["app", "main"]

app = typer.Typer(
    name="nomina",
    help="Named-entity recognition with BERT-family encoders and part-of-speech tags.",
    epilog="A first try: nomina demo. Exit codes: 0 fine, 1 our failure, 2 yours.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for module in (check, train, evaluate, predict, serve, export, compare, tune, convert, demo, info):
    name = module.__name__.rpartition(".")[2]
    examples = "Examples:\n\n" + "\n\n".join(module.EXAMPLES)
    app.command(name, epilog=examples)(getattr(module, name))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nomina {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Named-entity recognition with BERT-family encoders and part-of-speech tags."""


def main() -> None:
    """Entry point of the console script."""
    with errors_as_exit_codes():
        app()
