"""``nomina compare``: does POS help on this corpus, and what else does?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nomina.cli.console import Output
from nomina.cli.options import AsJson, Config, Data, Quiet, default_folder, run_config
from nomina.cli.settings import with_settings

__all__ = ["EXAMPLES", "compare"]

EXAMPLES = (
    "nomina compare sample --encoder minilm --arms none,concat,joint --seeds 1 --epochs 8",
    "nomina compare ner_dataset.csv.zip --encoder minilm --sizes 1000,3000 --limit-test 2000 --output gmb-pos",
    "nomina compare train.conll --test test.conll --arms none,concat,pos+crf,document --seeds 5",
    "nomina compare train.conll --arms none,spacy:en_core_web_sm --tag-with spacy:en_core_web_sm",
)

# An arm decides these.
_SKIP = ("train", "seed", "features", "fusion", "pos_source", "head", "constrained", "context")


@with_settings(skip=_SKIP)
def compare(
    *,
    data: Data = None,
    arms: Annotated[
        str | None,
        typer.Option(
            "--arms",
            metavar="A,B,…",
            help="Arms, the first of them the baseline. none reads words alone; concat, add, gate and attention are "
            "fusions of pos; joint and spacy:PIPELINE sources of it; crf, constrained, document; else a token "
            "feature, as pos, shape or a column. Joined by +, as in pos+shape+crf. "
            "All that the corpus allows if not given.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="Runs of each arm.")] = 3,
    sizes: Annotated[
        str | None,
        typer.Option(
            "--sizes", metavar="N,M,…", help="Numbers of training sentences; all if not given.", show_default=False
        ),
    ] = None,
    tag_with: Annotated[
        str | None,
        typer.Option(
            "--tag-with",
            metavar="spacy:PIPELINE",
            help="Score arms that were trained on the corpus's tags with this pipeline's too.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder of the comparison.", show_default=False),
    ] = None,
    config: Config = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    flags: dict[str, Any],
) -> None:
    """Train with and without part-of-speech tags, over several seeds, and say which differences are real.

    Finished runs are kept in the output folder and not run again: the same command goes on where it was stopped, and
    more arms, seeds or sizes can be added to it.
    """
    run = run_config(data, config, flags)
    out = Output(quiet=quiet, as_json=as_json)
    from nomina import workflow
    from nomina.report.comparison import comparison_table
    from nomina.tuning import ARMS

    result = workflow.compare(
        run,
        output or default_folder(run, "-comparison"),
        arms=ARMS if arms is None else [arm.strip() for arm in arms.split(",")],
        seeds=range(run.training.seed, run.training.seed + seeds),
        sizes=_numbers(sizes),
        tag_with=tag_with,
        progress=out.progress,
        say=out.say,
    )
    for size in result.comparison.sizes:
        out.show(comparison_table(result.comparison, size))
    out.show(result.verdict)
    for purpose, path in result.files.items():
        out.say(f"  {purpose:<12} {path}")
    out.write_json(result.comparison.to_dict() | {"files": {k: str(p) for k, p in result.files.items()}})


def _numbers(text: str | None) -> tuple[int, ...]:
    from nomina.errors import ConfigError

    parts = [] if text is None else text.split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise ConfigError([f"sizes: expected numbers of sentences, as in 1000,3000, found {text!r}"])
    return tuple(int(part) for part in parts)
