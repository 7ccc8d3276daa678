"""``nomina export``: a model folder that runs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nomina.cli.console import Output
from nomina.cli.options import AsJson, Quiet
from nomina.cli.settings import with_settings
from nomina.errors import ConfigError
from nomina.training.config import RunConfig

__all__ = ["EXAMPLES", "export"]

EXAMPLES = (
    "nomina export runs/demo --onnx",
    "nomina export runs/demo --onnx --int8 --dev sample --output demo-int8",
    "nomina export gmb-model --onnx --int8 --dev dev.conll --columns word,pos,_,label",
)

_SKIP = ("train", "dev", "test", "drop_duplicates", "split", "limit_train", "limit_test")


@with_settings(sections=("data",), skip=_SKIP)
def export(
    *,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.", show_default=False)],
    onnx: Annotated[bool, typer.Option("--onnx", help="Write an ONNX graph, the one format there is.")] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="Weights and products in 8 bits: smaller and faster, a little less exact.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder to write; MODEL-onnx or MODEL-onnx-int8 if not given.",
            show_default=False,
        ),
    ] = None,
    dev: Annotated[
        str | None,
        typer.Option("--dev", metavar="FILE", help="File with entity tags to compare on.", show_default=False),
    ] = None,
    max_f1_loss: Annotated[
        float, typer.Option("--max-f1-loss", metavar="X", min=0, help="Points of F1 that int8 may lose at most.")
    ] = 0.3,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    flags: dict[str, Any],
) -> None:
    """Write a model as a folder that runs on the CPU without torch, and prove that it labels as the model does."""
    settings = RunConfig.build(None, **flags).data
    out = Output(quiet=quiet, as_json=as_json)
    if not onnx:
        raise ConfigError(["say which format to export to: --onnx"])
    from nomina import exporting
    from nomina.reading import clean_corpus, read_files
    from nomina.report.export import export_table

    corpus = None
    if dev is not None:
        corpus = clean_corpus(read_files(dev, settings.format, settings), settings)
        for note in corpus.notes:
            out.say(note.message)
    exported = exporting.export(
        model,
        output,
        precision="int8" if int8 else "fp32",
        dev=corpus,
        max_f1_loss=max_f1_loss,
        overwrite=overwrite,
        say=out.say,
    )
    out.show(export_table(exported.facts))
    out.say(f"{exported.facts.line}\nwrote {exported.folder}; try: nomina predict {exported.folder}")
    out.write_json(exported.to_dict())
