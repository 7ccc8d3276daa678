"""``nomina evaluate``: score a model on a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nomina.cli.console import Output
from nomina.cli.options import Quiet
from nomina.cli.results import show_by_tags, show_trust
from nomina.cli.settings import with_settings
from nomina.training.config import RunConfig

__all__ = ["EXAMPLES", "evaluate"]

EXAMPLES = (
    "nomina evaluate runs/demo sample",
    "nomina evaluate runs/second test.conll --against runs/first --output judged",
    "nomina evaluate gmb-model test.conll --columns word,pos,_,label --output figures",
)

_SKIP = ("train", "dev", "test", "drop_duplicates", "split", "limit_train", "limit_test")


@with_settings(sections=("data",), skip=_SKIP)
def evaluate(
    *,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.", show_default=False)],
    data: Annotated[list[str], typer.Argument(metavar="DATA…", help="Files with entity tags.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder for report.html, figures and scores.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="MODEL",
            help="Another model folder: is the difference on the same sentences more than noise?",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write into a folder that holds scores.")] = False,
    quiet: Quiet = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write the scores as JSON.")] = False,
    flags: dict[str, Any],
) -> None:
    """Score a model: precision, recall and F1 in six readings, with intervals, calibration, slices and every error.

    With --output everything is in one file to open, report.html, which needs no network.
    """
    settings = RunConfig.build(None, **flags).data
    out = Output(quiet=quiet, as_json=as_json)
    from nomina import workflow
    from nomina.report.tables import scores_table

    result = workflow.evaluate(
        model,
        data,
        settings=settings,
        against=against,
        output=output,
        overwrite=overwrite,
        progress=out.progress,
        say=out.say,
    )
    out.show(scores_table(result.evaluation, title=f"Scores of {model}"))
    show_trust(result, out)
    show_by_tags(result, out)
    for purpose, path in result.files.items():
        out.say(f"  {purpose:<12} {path}")
    out.write_json(result.to_dict() | {"files": {k: str(p) for k, p in result.files.items()}})
