"""``nomina train``: from an annotated corpus to a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nomina.cli.console import Output
from nomina.cli.options import AsJson, Config, Data, Quiet, default_folder, run_config
from nomina.cli.results import show_by_tags, show_trust
from nomina.cli.settings import with_settings
from nomina.training.config import RunConfig

__all__ = ["EXAMPLES", "run_training", "train"]

EXAMPLES = (
    "nomina train sample --encoder minilm",
    "nomina train ner_dataset.csv.zip --encoder minilm --epochs 2 --output gmb-model",
    "nomina train train.conll --dev dev.conll --test test.conll --columns word,pos,chunk,label",
    "nomina train corpus.conllu --upos --learning-rate 5e-5 --config run.toml",
    "nomina train train.conll --features pos:32,chunk:8,shape --fusion gate --head crf",
    "nomina train train.conll --pos-source joint",
    "nomina train train.conll --pos-source spacy:en_core_web_sm --context document",
)


@with_settings()
def train(
    *,
    data: Data = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Model folder to write.", show_default=False)
    ] = None,
    config: Config = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run's folder.")] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    flags: dict[str, Any],
) -> None:
    """Train a tagger, choose the best epoch by dev F1, score it on the test part, save it with its figures."""
    run = run_config(data, config, flags)
    out = Output(quiet=quiet, as_json=as_json)
    run_training(run, output or default_folder(run), resume=resume, overwrite=overwrite, out=out)


def run_training(run: RunConfig, folder: Path, *, resume: bool, overwrite: bool, out: Output) -> None:
    """Train and show the result; shared with ``nomina demo``."""
    from nomina import workflow
    from nomina.report.tables import scores_table
    from nomina.training.distributed import is_main_process

    if not is_main_process():
        out = Output(quiet=True)
    try:
        result = workflow.train(run, folder, resume=resume, overwrite=overwrite, progress=out.progress, say=out.say)
    except KeyboardInterrupt:
        out.say(f"\ninterrupted; what was trained up to the last checkpoint in {folder} continues with --resume")
        raise
    judged, part = (result.test, "test") if result.test is not None else (result.dev, "dev")
    if judged is not None:
        out.show(scores_table(judged.evaluation, title=f"Scores on the {part} part"))
        show_trust(judged, out)
        show_by_tags(judged, out)
    out.say("written:")
    for purpose, path in result.files.items():
        out.say(f"  {purpose:<12} {path}")
    out.write_json(
        {
            "folder": str(result.folder),
            "dev": None if result.dev is None else result.dev.to_dict(),
            "test": None if result.test is None else result.test.to_dict(),
            "train_s": round(result.train_s, 2),
            "files": {purpose: str(path) for purpose, path in result.files.items()},
            "notes": [note.message for note in result.notes],
        }
    )
