"""``nomina demo``: the whole walk on the bundled corpus with the bundled encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nomina.cli.console import Output
from nomina.cli.options import AsJson, Quiet
from nomina.cli.train import run_training
from nomina.training.config import RunConfig

__all__ = ["EXAMPLES", "demo"]

EXAMPLES = ("nomina demo",)

_FOLDER = Path("runs/demo")
_SENTENCE = "Washington said on Monday that May Hale will meet the British prime minister in Georgia ."


def demo(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Model folder to write.")] = _FOLDER,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run's folder.")] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Train on the bundled sample corpus with the bundled encoder, evaluate, draw, predict: about a minute.

    An earlier demo in runs/demo is replaced.
    """
    out = Output(quiet=quiet, as_json=as_json)
    out.say("nomina demo: 50 short documents, MiniLM with part-of-speech tags, on this machine and offline\n")
    run = RunConfig.build(None, train=("sample",), encoder="minilm", epochs=8)
    run_training(run, output, resume=False, overwrite=overwrite or output == _FOLDER, out=out)

    from nomina.inference import Predictor

    prediction = Predictor.load(output).predict(_SENTENCE)
    out.say(f"\n{_SENTENCE}")
    for span in prediction.spans:
        out.say(f"  {span.label:<4} {prediction.text_of(span):<24} {span.score or 0:.2f}")
    out.say(f"\nNow try: nomina predict {output} - (type a sentence), or nomina train YOUR_CORPUS --encoder minilm")
