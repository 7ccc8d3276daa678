"""A comparison as a table for the terminal and in Markdown, and as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nomina.report.plots.arms import plot_arms
from nomina.report.plots.figure import save_figure
from nomina.report.tables import markdown_table
from nomina.scoring.comparison import ArmRow, Comparison

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["comparison_markdown", "comparison_table", "draw_comparison"]

_HEADER = ("arm", "tags", "F1", "±", "to baseline", "95 % interval", "p", "train s")


def comparison_table(comparison: Comparison, n_train: int) -> Table:
    """Arms of one training size for the terminal; an arm's other choices of tags are under it."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=f"{n_train:,} training sentences",
        caption=_caption(comparison),
        box=box.SIMPLE_HEAD,
        caption_justify="left",
    )
    for i, heading in enumerate(_HEADER):
        table.add_column(heading, justify="left" if i < 2 else "right", overflow="fold" if i < 1 else "ellipsis")
    for row in comparison.rows:
        if row.n_train == n_train:
            table.add_row(*map(escape, _cells(row)), style=None if row.is_main else "dim")
    return table


def comparison_markdown(comparison: Comparison) -> str:
    """All sizes as Markdown: the verdict, then a table for each."""
    parts = ["# Comparison\n", f"{comparison.verdict}\n"]
    for size in comparison.sizes:
        rows = [_cells(row) for row in comparison.rows if row.n_train == size]
        parts.append(f"## {size:,} training sentences\n\n{markdown_table(_HEADER, rows)}\n{_caption(comparison)}\n")
    parts += [f"- {note}" for note in comparison.notes]
    return "\n".join(parts) + "\n"


def draw_comparison(comparison: Comparison, folder: Path) -> Path:
    """Draw the arms with their intervals as ``comparison.png`` and ``comparison.svg``; returns the first."""
    return save_figure(plot_arms(comparison), folder / "comparison").png


def _cells(row: ArmRow) -> list[str]:
    difference = row.difference
    return [
        row.arm if row.is_main else "",
        row.tags,
        f"{100 * row.mean:.2f}",
        f"{100 * row.deviation:.2f}",
        "" if difference is None else f"{100 * difference.f1:+.2f}",
        "" if difference is None else f"{100 * difference.low:+.2f} to {100 * difference.high:+.2f}",
        "" if difference is None else f"{difference.p_value if row.p_holm is None else row.p_holm:.2g}",
        f"{row.train_s:.0f}" if row.is_main and row.train_s is not None else "",
    ]


def _caption(comparison: Comparison) -> str:
    one = " With one seed, the scatter of training is not in the interval." if len(comparison.seeds) == 1 else ""
    return (
        f"F1: seqeval's default, in points, mean and deviation over {comparison.n_seeds}; {comparison.n_test:,} test "
        f"sentences, {comparison.n_entities:,} entities. Interval and p: paired bootstrap over sentences and seeds; "
        f"p of arms allows for their number.{one}"
    )
