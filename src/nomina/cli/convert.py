"""``nomina convert``: read a corpus in one format and write it in another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nomina.cli.console import Output
from nomina.cli.options import AsJson, Quiet
from nomina.cli.settings import with_settings
from nomina.data.formats.writing import WriteFormat
from nomina.data.tags import Scheme
from nomina.training.config import RunConfig

__all__ = ["EXAMPLES", "convert"]

EXAMPLES = (
    "nomina convert project.jsonl train.conll --scheme BIOES",
    "nomina convert ner_dataset.csv.zip train.spacy",
    "nomina convert sample brat-folder --to brat",
)

_SKIP = ("train", "dev", "test", "scheme", "split", "limit_train", "limit_test")


@with_settings(sections=("data",), skip=_SKIP)
def convert(
    *,
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="IN…", help="Files or folders to read (any format), 'sample', or hf:OWNER/NAME.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="File or folder to write.", show_default=False)],
    to: Annotated[
        WriteFormat | None,
        typer.Option("--to", help="Output format; by the ending of OUT if not given.", show_default=False),
    ] = None,
    scheme: Annotated[
        Scheme | None,
        typer.Option("--scheme", help="Scheme of the tags in OUT; as they are if not given.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    flags: dict[str, Any],
) -> None:
    """Write a corpus in another format, and say what that one has no room for."""
    settings = RunConfig.build(None, **flags).data
    out = Output(quiet=quiet, as_json=as_json)
    from nomina.data.cleaning import clean
    from nomina.data.formats.writing import check_output, format_of, write
    from nomina.reading import read_files

    check_output(output, overwrite=overwrite)
    form = to or format_of(output)
    corpus = read_files(data, settings.format, settings)
    for note in corpus.notes:
        out.say(note.message)
    out.say(f"read    {len(corpus):>9,} sentences {corpus.n_words:>11,} words from {corpus.source}")
    if settings.drop_duplicates:
        cleaned = clean(corpus, target=corpus.scheme or Scheme.IOB2, repair=settings.repair, drop_duplicates=True)
        corpus = cleaned.corpus
        for note in cleaned.report.notes():
            out.say(note.message)
    written = write(corpus, output, format=form, scheme=scheme, repair=settings.repair, overwrite=overwrite)
    for note in written.notes:
        out.say(note.message)
    out.say(f"wrote   {written.n_sentences:>9,} sentences {written.n_words:>11,} words to {output} ({form})")
    notes = [note.message for note in (*corpus.notes, *written.notes)]
    out.write_json(
        {
            "source": corpus.source,
            "output": str(output),
            "format": form,
            "sentences": written.n_sentences,
            "words": written.n_words,
            "scheme": None if written.scheme is None else written.scheme.value,
            "entities": corpus.stats().types,
            "notes": notes,
        }
    )
