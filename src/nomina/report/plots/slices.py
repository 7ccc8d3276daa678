"""F1 of slices of the entities, with intervals, facet by facet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from nomina.report.plots.figure import DARK_BLUE, GREY, ORANGE, new_figure, row_axes
from nomina.scoring.slices import Slice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FEW", "SliceDots", "draw_slices", "plot_slices", "slice_dots"]

FEW = 30
"""Fewer gold entities than this are drawn hollow: their interval is too narrow."""

_LONGEST = 32  # characters of a value, such as the name of a document


class SliceDots(NamedTuple):
    """F1 of each slice with its interval.

    Attributes:
        headings: Facets, each with the row that its name stands in.
        rows: Row of each slice, from the top.
        labels: Value of each.
        f1: F1 of each, in [0, 1].
        low: Lower end of its interval.
        high: Upper end.
        support: Gold entities of each.
        micro_f1: F1 of all entities.
    """

    headings: tuple[tuple[str, int], ...]
    rows: tuple[int, ...]
    labels: tuple[str, ...]
    f1: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    support: tuple[int, ...]
    micro_f1: float


def slice_dots(slices: Sequence[Slice], micro_f1: float) -> SliceDots:
    """Compute the dots; a facet that all entities have one value of tells nothing and is left out."""
    headings: list[tuple[str, int]] = []
    rows: list[int] = []
    shown: list[Slice] = []
    for facet, group in groupby(slices, key=lambda one: one.facet):
        of_facet = list(group)
        if len(of_facet) > 1:
            headings.append((facet, len(rows) + len(headings)))
            rows += [headings[-1][1] + 1 + i for i in range(len(of_facet))]
            shown += of_facet
    return SliceDots(
        headings=tuple(headings),
        rows=tuple(rows),
        labels=tuple(one.value if len(one.value) <= _LONGEST else f"{one.value[: _LONGEST - 1]}…" for one in shown),
        f1=tuple(one.f1.value for one in shown),
        low=tuple(one.f1.low for one in shown),
        high=tuple(one.f1.high for one in shown),
        support=tuple(one.counts.support for one in shown),
        micro_f1=micro_f1,
    )


def draw_slices(dots: SliceDots, axes: Axes) -> None:
    """Draw a dot and its whiskers per slice, figure and support beside it, micro F1 dashed."""
    axes.hlines(dots.rows, dots.low, dots.high, color=DARK_BLUE, linewidth=1.6, label="95 % interval")
    for label, colour, is_shown in (
        ("F1", DARK_BLUE, [n >= FEW for n in dots.support]),
        (f"F1 of fewer than {FEW} gold entities", "white", [n < FEW for n in dots.support]),
    ):
        points = [(f1, row) for f1, row, shown in zip(dots.f1, dots.rows, is_shown, strict=True) if shown]
        if points:
            x, y = zip(*points, strict=True)
            axes.plot(x, y, "o", markersize=6, color=DARK_BLUE, markerfacecolor=colour, label=label, clip_on=False)
    axes.axvline(dots.micro_f1, color=ORANGE, linestyle="--", linewidth=1.3, label=f"micro F1 {dots.micro_f1:.4f}")
    right = axes.get_yaxis_transform()
    for row, f1, n in zip(dots.rows, dots.f1, dots.support, strict=True):
        axes.text(1.03, row, f"{f1:.3f}", va="center", fontsize=9, transform=right)
        axes.text(1.13, row, f"n = {n:,}", va="center", fontsize=9, color=GREY, transform=right)
    places = [*((row, facet) for facet, row in dots.headings), *zip(dots.rows, dots.labels, strict=True)]
    axes.set_yticks([row for row, _ in places], [label for _, label in places], parse_math=False)
    for name in axes.get_yticklabels()[: len(dots.headings)]:
        name.set_fontweight("bold")
    axes.set_ylim(len(places) - 0.4, -0.6)
    # Whiskers of few entities may run out of the plot, dots may not.
    sure = (low for low, n in zip(dots.low, dots.support, strict=True) if n >= FEW)
    floor = min(*sure, *dots.f1, dots.micro_f1, 1.0)
    axes.set_xlim(max(0.0, int(10 * floor - 0.2) / 10), 1.0)
    axes.set_xlabel("F1")
    row_axes(axes)


def plot_slices(slices: Sequence[Slice], micro_f1: float, title: str = "F1 of parts of the entities") -> Figure:
    """Draw all slices, in a figure whose height grows with their number."""
    dots = slice_dots(slices, micro_f1)
    n_rows = len(dots.rows) + len(dots.headings)
    figure = new_figure(width=8.0, height=1.7 + 0.25 * max(n_rows, 4))
    axes = figure.subplots()
    draw_slices(dots, axes)
    figure.suptitle(title, fontsize=13)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure
