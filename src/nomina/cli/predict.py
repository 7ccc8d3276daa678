"""``nomina predict``: label a file, or what is typed."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from nomina.cli.console import Output
from nomina.cli.settings import with_settings
from nomina.data.formats import Format
from nomina.training.config import RunConfig

__all__ = ["EXAMPLES", "predict"]

EXAMPLES = (
    'echo "Washington said on Monday that May will travel to Georgia." | nomina predict runs/demo',
    "nomina predict runs/demo articles.txt --to jsonl --output entities.jsonl",
    "nomina predict gmb-model words.conll --columns word,pos --output labelled.conll",
)

_SKIP = (
    "train",
    "dev",
    "test",
    "repair",
    "scheme",
    "drop_duplicates",
    "split",
    "limit_train",
    "limit_test",
    "format",
)


@with_settings(sections=("data",), skip=_SKIP)
def predict(
    *,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.", show_default=False)],
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="File to label; - for standard input.")] = "-",
    input_format: Annotated[
        Literal[Format, "text"],
        typer.Option(
            "--format", help="Input format; text is one sentence a line, cut into words as the Penn Treebank does."
        ),
    ] = "auto",
    tags: Annotated[
        Literal["auto", "source", "none"],
        typer.Option(
            "--tags",
            help="Part-of-speech tags to read: those of the input and, where it has none, of the model's source; the "
            "source's throughout; or none.",
        ),
    ] = "auto",
    to: Annotated[Literal["conll", "jsonl"], typer.Option("--to", help="Output format.")] = "conll",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="File to write; else standard output.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing output file.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results and errors.")] = False,
    flags: dict[str, Any],
) -> None:
    """Find the entities in a file or in text."""
    settings = RunConfig.build(None, **flags).data
    out = Output(quiet=quiet)
    from nomina.data.formats.write import WRITERS
    from nomina.files import check_free, open_output
    from nomina.inference import Predictor
    from nomina.reading import read_for_prediction

    if output is not None and not overwrite:
        check_free(output)
    corpus = read_for_prediction(sys.stdin.buffer if file == "-" else file, input_format, settings)
    for note in corpus.notes:
        out.say(note.message)
    predictor = Predictor.load(model)
    for note in predictor.notes(corpus.sentences):
        out.say(note.message)
    predictions = predictor.predict(corpus.sentences, tags=tags, progress=out.progress)
    assert isinstance(predictions, list)
    with nullcontext(sys.stdout) if output is None else open_output(output, overwrite=overwrite) as target:
        for prediction in predictions:
            target.write(WRITERS[to](prediction.sentence, prediction.labels, prediction.spans))
