"""A search over settings as a table for the terminal, in Markdown and as CSV, and its figures."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from nomina.report.plots.figure import save_figure
from nomina.report.plots.parallel import plot_parallel
from nomina.report.plots.scales import count_text
from nomina.report.plots.search import plot_cost, plot_curves, plot_importance
from nomina.report.plots.settings import plot_settings
from nomina.report.tables import markdown_table
from nomina.scoring.search import Search, TrialRow, Value, show_settings, show_value

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["draw_search", "search_markdown", "search_table", "trials_csv"]

_MEASURED = ("state", "epochs", "dev F1", "s")


def search_table(search: Search) -> Table:
    """Trials for the terminal: finalists best first, then the others by their best F1, failed ones last."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=count_text(len(search.rows), "trial"),
        caption=_caption(search),
        box=box.SIMPLE_HEAD,
        caption_justify="left",
        collapse_padding=True,
    )
    header = _header(search)
    for i, heading in enumerate(header):
        is_setting = 0 < i <= len(search.names)
        is_word = is_setting or heading == "state"
        table.add_column(
            escape(re.sub(r"(?<=[_.])(?=.)", "\n", heading)),
            justify="left" if is_word else "right",
            overflow="fold",
            no_wrap=not is_setting,
        )
    winner = search.winner
    for row in _ordered(search):
        style = "dim" if row.state == "failed" else None
        table.add_row(*map(escape, _cells(search, row)), style="bold" if row is winner else style)
    return table


def search_markdown(search: Search) -> str:
    """The search as Markdown: the verdict, the trials in the order of :func:`search_table`, why any failed, notes."""
    rows = [_cells(search, row) for row in _ordered(search)]
    parts = ["# Search\n", f"{search.verdict}\n"]
    parts.append(f"## Trials\n\n{markdown_table(_header(search), rows)}\n{_caption(search)}\n")
    failed = [row for row in search.rows if row.state == "failed"]
    if failed:
        lines = [f"- trial {row.number} ({_code(show_settings(row.settings))}): {_code(row.error)}" for row in failed]
        parts.append("## Failed trials\n\n" + "\n".join(lines) + "\n")
    parts += [f"- {note}" for note in search.notes]
    return "\n".join(parts).rstrip("\n") + "\n"


def trials_csv(search: Search) -> str:
    """All trials by number as CSV with a header, numbers unrounded, what is unknown left empty.

    Columns: ``trial``, the searched settings, ``state``, ``epochs``, ``full_epochs``, ``dev_f1`` (in [0, 1]: the mean
    over the seeds, or the best that an unfinished trial was seen with), ``f1_seed_<seed>`` for each seed, ``train_s``,
    ``error``. A setting with the name of another column is called ``setting_<name>``.
    """
    seeds = [f"f1_seed_{seed}" for seed in search.seeds]
    measured = ("state", "epochs", "full_epochs", "dev_f1", *seeds, "train_s", "error")
    names = _setting_names(search, {"trial", *measured})
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("trial", *names, *measured))
    for row in search.rows:
        f1 = [*row.f1, *[None] * len(seeds)][: len(seeds)]
        settings = [_full(row.settings.get(name), none="None") for name in search.names]
        figures = [_full(value) for value in (row.epochs, row.full_epochs, row.best, *f1, row.train_s)]
        # A carriage return, as progress bars print it, would end the line for readers of the file.
        error = "\n".join((row.error or "").splitlines())
        writer.writerow((row.number, *settings, row.state, *figures, error))
    return text.getvalue()


def draw_search(search: Search, folder: Path) -> dict[str, Path]:
    """Draw F1 by setting, parallel coordinates, importance, learning curves and cost.

    Returns:
        The PNG files by name (``settings``, ``parallel``, ``importance``, ``curves``, ``cost``); an SVG stands next to
        each.
    """
    figures = {
        "settings": plot_settings,
        "parallel": plot_parallel,
        "importance": plot_importance,
        "curves": plot_curves,
        "cost": plot_cost,
    }
    return {name: save_figure(plot(search), folder / name).png for name, plot in figures.items()}


def _ordered(search: Search) -> list[TrialRow]:
    finalists = search.finalists
    numbers = {row.number for row in finalists}
    others = [row for row in search.rows if row.number not in numbers]
    return [*finalists, *sorted(others, key=_rank)]


def _rank(row: TrialRow) -> tuple[bool, float, int]:
    best = -1.0 if row.best is None else row.best
    return row.state == "failed", -best, row.number


def _header(search: Search) -> tuple[str, ...]:
    return ("trial", *_setting_names(search, {"trial", *_MEASURED}), *_MEASURED)


def _setting_names(search: Search, taken: Collection[str]) -> list[str]:
    """Headings of the settings, told apart from the columns that are there anyway."""
    return [f"setting_{name}" if name in taken else name for name in search.names]


def _cells(search: Search, row: TrialRow) -> list[str]:
    return [
        str(row.number),
        *(show_value(row.settings.get(name)) for name in search.names),
        row.state,
        f"{row.epochs:.4g}",
        "" if row.best is None else f"{100 * row.best:.2f}",
        f"{row.train_s:.0f}",
    ]


def _caption(search: Search) -> str:
    caption = f"dev F1: seqeval's default, in points; {search.n_dev:,} dev sentences, {search.n_entities:,} entities."
    n_seeds = max((len(row.f1) for row in search.rows), default=0)
    if n_seeds > 1:
        caption += f" Finalists: mean over {n_seeds} seeds; epochs are those of the first."
    if any(row.state != "finished" and row.best is not None for row in search.rows):
        caption += " Trials that were not finished: the best that they were seen with."
    return caption


def _full(value: Value, none: str = "") -> str:
    if value is None:
        return none
    return repr(float(value)) if isinstance(value, float) else str(value)


def _code(text: str | None) -> str:
    """Text as a code span of one line, whatever is in it."""
    line = " ".join((text or "unknown").split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"
