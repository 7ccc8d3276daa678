"""``nomina tune``: search hyper-parameters by dev F1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nomina.cli.console import Output
from nomina.cli.options import AsJson, Config, Data, Quiet, default_folder, run_config
from nomina.cli.settings import with_settings

if TYPE_CHECKING:
    from rich.table import Table

    from nomina.tuning import Snapshot

__all__ = ["EXAMPLES", "live_table", "tune"]

EXAMPLES = (
    "nomina tune sample --encoder minilm --epochs 6 --workers 2",
    "nomina tune ner_dataset.csv.zip --encoder minilm --limit-train 3000 --space space.toml --seeds 3",
    "nomina tune train.conll --dev dev.conll --space space.toml --strategy tpe --trials 40",
    "nomina tune train.conll --dev dev.conll --strategy grid --storage postgresql://user@host/tuning",
)

_SHOWN_ROWS = 20


@with_settings()
def tune(
    *,
    data: Data = None,
    space: Annotated[
        Path | None,
        typer.Option(
            "--space",
            metavar="FILE",
            help="What to search, as TOML: NAME = \\[A, B] or NAME = {low = A, high = B, log = true} for any setting "
            "of model and training. Learning rate, batch size, dropout and POS dimension if not given.",
            show_default=False,
        ),
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(
            "--strategy",
            metavar="halving|grid|tpe",
            help="halving trains all choices a little and the best to the end, at a third of the cost; grid trains all "
            "to the end; tpe lets Optuna's sampler choose.",
        ),
    ] = "halving",
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials",
            metavar="N",
            min=1,
            help="Trials: of tpe (20 if not given), or so many random choices with halving.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=1, help="Processes that train at once.")] = 1,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="Seeds of the best three.")] = 1,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            metavar="URL",
            help="Database (postgresql://…) that commands on several machines share; a file in the output folder if "
            "not given.",
            envvar="NOMINA_STORAGE",
            show_default=False,
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            "--study",
            metavar="NAME",
            help="Name in the database; by data and settings if not given.",
            show_default=False,
        ),
    ] = None,
    rungs: Annotated[
        str | None,
        typer.Option(
            "--rungs",
            metavar="A,B,…,1",
            help="Shares of a full run at which halving decides. \\[default: 1/6,1/3,1]",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        str,
        typer.Option("--keep", metavar="X", help="Share of the trials that goes on at each of them, or one for each."),
    ] = "1/3",
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Place the workers on a Ray cluster that shares the output folder; 'local' starts one here.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder of the search.", show_default=False)
    ] = None,
    config: Config = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    flags: dict[str, Any],
) -> None:
    """Search settings by dev F1, and make a model folder of the best.

    The test part is not looked at before the winner is found. The same command goes on where an earlier one stopped,
    however it stopped; nothing is trained twice.
    """
    run = run_config(data, config, flags)
    out = Output(quiet=quiet, as_json=as_json)
    from nomina import workflow
    from nomina.report.search import search_table
    from nomina.tuning import SearchOptions

    options = SearchOptions(
        strategy=strategy,  # type: ignore[arg-type]  # checked with all else
        space=space,
        n_trials=trials,
        n_workers=workers,
        n_seeds=seeds,
        storage=storage,
        study=study,
        keep=_shares("keep", keep),
        **({} if rungs is None else {"rungs": _shares("rungs", rungs)}),
    )
    folder = output or default_folder(run, "-search")
    try:
        with _live(out) as (watch, say):
            result = workflow.tune(run, folder, options, **_placed(ray), watch=watch, say=say)
    except KeyboardInterrupt:
        out.say(f"\ninterrupted; the same command goes on with what is in {folder}")
        raise
    out.show(search_table(result.search))
    out.show(result.verdict)
    if result.model is not None and result.model.test is not None:
        out.show(f"Test F1 of the winner: {100 * result.model.test.default.f1:.2f}.")
    for purpose, path in result.files.items():
        out.say(f"  {purpose:<12} {path}")
    judged = None if result.model is None or result.model.test is None else result.model.test.to_dict()
    out.write_json(
        result.search.to_dict() | {"test": judged, "files": {k: str(path) for k, path in result.files.items()}}
    )
    if result.config is None:
        raise typer.Exit(1)


def _placed(ray: str | None) -> dict[str, Any]:
    """Where workers run, if not on this machine."""
    if ray is None:
        return {}
    from nomina.integrations.ray import ray_workers

    return {"workers": ray_workers(ray)}


def _shares(name: str, text: str) -> tuple[float, ...]:
    from fractions import Fraction

    from nomina.errors import ConfigError

    try:
        return tuple(float(Fraction(part.strip())) for part in text.split(","))
    except (ValueError, ZeroDivisionError) as error:
        raise ConfigError([f"{name}: expected shares, as in 1/6,1/3,1, found {text!r}"]) from error


@contextmanager
def _live(out: Output) -> Iterator[tuple[Callable[[Snapshot], None] | None, Callable[[str], None]]]:
    """On a terminal, a table that is drawn anew as the search goes on; elsewhere, lines."""
    if not out.progress or out.as_json:
        yield None, out.say
        return
    from rich.live import Live

    with Live(console=out.messages, refresh_per_second=2, transient=True) as live:
        yield lambda snapshot: live.update(live_table(snapshot)), out.say


def live_table(snapshot: Snapshot) -> Table:
    """A search as it stands: trial, settings, rung, epochs, dev F1, and the time left."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from nomina.scoring.search import show_settings

    left = snapshot.left_s
    title = "searching" if left is None else f"searching, about {_duration(left)} to go"
    table = Table(title=title, box=box.SIMPLE_HEAD)
    for heading in ("trial", "settings", "state", "rung", "epochs", "dev F1"):
        table.add_column(heading, justify="left" if heading in ("settings", "state") else "right")
    order = {"running": 0, "finished": 1, "waiting": 2, "beaten": 3, "failed": 4}
    rows = sorted(snapshot.rows, key=lambda row: (order.get(row[2], 5), -(row[5] or 0.0)))
    for name, settings, state, rung, epochs, best in rows[:_SHOWN_ROWS]:
        table.add_row(
            name,
            escape(show_settings(settings)),
            state,
            f"{rung}/{len(snapshot.rungs)}",
            f"{epochs:.2f}",
            "" if best is None else f"{100 * best:.2f}",
            style={"running": "bold", "beaten": "dim", "failed": "red"}.get(state),
        )
    if len(rows) > _SHOWN_ROWS:
        table.caption = f"and {len(rows) - _SHOWN_ROWS} more"
    return table


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
