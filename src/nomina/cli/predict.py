"""``nomina predict``: label files of any size, or what is typed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nomina.cli.console import Output
from nomina.cli.options import AsJson, Quiet
from nomina.cli.settings import with_settings
from nomina.data.formats import Format
from nomina.errors import ConfigError
from nomina.training.config import RunConfig

if TYPE_CHECKING:
    from nomina.data.formats.stream import Stream
    from nomina.inference import Predictor
    from nomina.predicting import Predicted, PredictOptions

__all__ = ["EXAMPLES", "predict"]

EXAMPLES = (
    'echo "Washington said on Monday that May will travel to Georgia." | nomina predict runs/demo',
    "nomina predict runs/demo book.txt --raw --to jsonl --output entities.jsonl",
    "nomina predict runs/demo articles/ --output labelled/ --on-error mark",
    "nomina predict runs/demo big.jsonl.gz --to jsonl --output entities.jsonl --resume",
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
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE…|-]", help="Files to label, or folders of files; - for standard input.", show_default=False
        ),
    ] = None,
    input_format: Annotated[
        Literal[Format, "text"],
        typer.Option(
            "--format", help="Input format; text is one sentence a line, cut into words as the Penn Treebank does."
        ),
    ] = "auto",
    raw: Annotated[
        bool, typer.Option("--raw", help="Read running text: sentences and words are found by spaCy's rules.")
    ] = False,
    language: Annotated[
        str, typer.Option("--language", metavar="CODE", help="Language of running text, as spaCy names it.")
    ] = "en",
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
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="File to write, else standard output; of several inputs, a folder with one file for each.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue outputs that were cut off, at the right record; keep complete ones."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing outputs.")] = False,
    on_error: Annotated[
        Literal["stop", "mark"],
        typer.Option(
            "--on-error",
            help="At a record that cannot be read: stop, with the output before it whole, or pass it on, marked.",
        ),
    ] = "stop",
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Label files on a Ray cluster, with one model for each of --workers; local starts "
            "one on this machine.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=1, help="Actors on the Ray cluster.")] = 2,
    quiet: Quiet = False,
    as_json: AsJson = False,
    flags: dict[str, Any],
) -> None:
    """Find the entities in files or in text, in constant memory and in order."""
    from nomina.inference import Predictor
    from nomina.predicting import PredictOptions, outputs_of, sources_of

    out = Output(quiet=quiet, as_json=as_json)
    if raw and input_format not in ("auto", "text"):
        raise ConfigError([f"--raw: running text has no format, found --format {input_format}"])
    sources = sources_of(files or ["-"])
    is_folder = len(sources) > 1 or any(Path(name).is_dir() for name in files or ())
    if output is None and (is_folder or resume or as_json or ray is not None):
        raise ConfigError(["--output: several inputs, --resume, --ray and --json need a place to write to, found none"])
    if (is_folder or ray is not None) and "-" in sources:
        raise ConfigError(["-: standard input goes by itself, found it among other inputs"])
    outputs = [] if output is None else outputs_of(sources, output, to) if is_folder else [output]
    options = PredictOptions(
        data=RunConfig.build(None, **flags).data,
        form="raw" if raw else input_format,
        language=language,
        tags=tags,
        to=to,
        on_error=on_error,
    )
    _check_free(outputs, resume=resume, overwrite=overwrite)
    if ray is not None:
        from nomina.integrations.ray_predict import predict_on_ray

        jobs = list(zip(sources, outputs, strict=True))
        results = predict_on_ray(
            model,
            jobs,
            options,
            address=ray,
            n_workers=workers,
            resume=resume,
            overwrite=overwrite,
            watch=lambda done: _say(done, out),
        )
        out.write_json({"outputs": [result.to_dict() for result in results]})
        return
    predictor = Predictor.load(model)
    if not outputs:
        _to_standard_output(predictor, sources[0], options, out)
        return
    results = []
    for source, target in zip(sources, outputs, strict=True):
        results.append(_to_file(predictor, source, target, options, out, resume=resume, overwrite=overwrite))
    out.write_json({"outputs": [result.to_dict() for result in results]})


def _check_free(outputs: list[Path], *, resume: bool, overwrite: bool) -> None:
    """Refuse what could not be written before a model is loaded."""
    from nomina.files import check_free

    for path in outputs:
        if not resume and not overwrite:
            check_free(path)


def _to_standard_output(predictor: Predictor, source: str, options: PredictOptions, out: Output) -> None:
    from nomina.predicting import label_stream

    with _progress(source, shown=out.progress and not sys.stdout.isatty()) as watch:
        predicted = label_stream(predictor, _opened(source), sys.stdout, options, watch=watch)
    _say(predicted, out)


def _to_file(
    predictor: Predictor,
    source: str,
    target: Path,
    options: PredictOptions,
    out: Output,
    *,
    resume: bool,
    overwrite: bool,
) -> Predicted:
    from nomina.predicting import label_file

    with _progress(source, shown=out.progress) as watch:
        predicted = label_file(
            predictor, _opened(source), target, options, resume=resume, overwrite=overwrite, watch=watch
        )
    _say(predicted, out)
    return predicted


def _opened(source: str) -> Any:
    return sys.stdin.buffer if source == "-" else source


def _say(predicted: Predicted, out: Output) -> None:
    for note in predicted.notes:
        out.say(note.message)
    if predicted.n_bad:
        out.say(f"{predicted.n_bad:,} records of {predicted.source} could not be read and are marked in the output")
    if predicted.output is not None and not predicted.n_sentences and not predicted.n_bad:
        out.say(f"{predicted.output} was complete")
    elif predicted.output is not None:
        n_entities = sum(predicted.entities.values())
        earlier = f" after {predicted.n_earlier:,} of an earlier run" if predicted.n_earlier else ""
        out.say(
            f"{predicted.output}: {predicted.n_sentences:,} sentences{earlier}, {predicted.n_words:,} words, "
            f"{n_entities:,} entities; {predicted.words_per_s:,.0f} words/s"
        )


@contextmanager
def _progress(source: str, *, shown: bool) -> Iterator[Callable[[Predicted, Stream], None]]:
    """A bar of what was read, with words a second."""
    from tqdm import tqdm

    with tqdm(desc=Path(source).name, unit="B", unit_scale=True, disable=not shown, leave=False) as bar:

        def watch(predicted: Predicted, stream: Stream) -> None:
            bar.total = stream.n_bytes
            bar.set_postfix_str(f"{predicted.words_per_s:,.0f} words/s", refresh=False)
            bar.update(stream.bytes_read - bar.n)

        yield watch
