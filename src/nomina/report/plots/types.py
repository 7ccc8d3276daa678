"""F1 of every entity type as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from nomina.report.plots.figure import BLUE, DARK_BLUE, GREY, ORANGE, new_figure, row_axes
from nomina.scoring.evaluate import Evaluation
from nomina.scoring.scores import Counts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["TypeBars", "draw_types", "plot_types", "type_bars"]


class TypeBars(NamedTuple):
    """F1 by entity type, the type with most gold entities first.

    Attributes:
        labels: Entity types.
        support: Gold entities of each.
        default_f1: F1 of each in seqeval's default mode, in [0, 1].
        strict_f1: F1 of each in the strict mode, in [0, 1].
        micro_f1: Micro F1 in the default mode.
        modes_differ: Whether any type's F1 differs between the modes.
    """

    labels: tuple[str, ...]
    support: tuple[int, ...]
    default_f1: tuple[float, ...]
    strict_f1: tuple[float, ...]
    micro_f1: float
    modes_differ: bool


def type_bars(evaluation: Evaluation) -> TypeBars:
    """Compute the bars: by falling support, then alphabetically."""
    default, strict = evaluation.default.by_type, evaluation.strict.by_type
    names = sorted(default.keys() | strict.keys(), key=lambda name: (-default.get(name, Counts()).support, name))
    default_f1 = tuple(default.get(name, Counts()).f1 for name in names)
    strict_f1 = tuple(strict.get(name, Counts()).f1 for name in names)
    return TypeBars(
        labels=tuple(names),
        support=tuple(default.get(name, Counts()).support for name in names),
        default_f1=default_f1,
        strict_f1=strict_f1,
        micro_f1=evaluation.default.f1,
        modes_differ=default_f1 != strict_f1,
    )


def draw_types(bars: TypeBars, axes: Axes) -> None:
    """Draw one bar per type, two where the modes differ, with figure and support beside it and micro F1 dashed."""
    places = list(range(len(bars.labels)))
    if bars.modes_differ:
        _bars(axes, [y - 0.19 for y in places], bars.default_f1, 0.36, DARK_BLUE, "default")
        _bars(axes, [y + 0.19 for y in places], bars.strict_f1, 0.36, BLUE, "strict")
    else:
        _bars(axes, places, bars.default_f1, 0.66, DARK_BLUE, "default = strict")
    axes.axvline(bars.micro_f1, color=ORANGE, linestyle="--", linewidth=1.3, label=f"micro F1 {bars.micro_f1:.4f}")
    for y, support in zip(places, bars.support, strict=True):
        axes.text(
            1.12, y, f"n = {support:,}", va="center", fontsize=9, color=GREY, transform=axes.get_yaxis_transform()
        )
    axes.set_yticks(places, bars.labels, parse_math=False)
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.set_xlim(0.0, 1.0)
    axes.set_xlabel("F1")
    row_axes(axes)


def _bars(axes: Axes, places: Sequence[float], f1: Sequence[float], height: float, colour: str, label: str) -> None:
    """One bar per place, its figure right of the plot, in one column, where no bar or line runs through it."""
    axes.barh(places, f1, height=height, color=colour, label=label)
    size = 9.0 if height > 0.5 else 7.5
    for y, value in zip(places, f1, strict=True):
        axes.text(1.02, y, f"{value:.3f}", va="center", fontsize=size, transform=axes.get_yaxis_transform())


def plot_types(evaluation: Evaluation, title: str = "F1 by entity type") -> Figure:
    """Draw the bars, in a figure whose height grows with the number of types."""
    bars = type_bars(evaluation)
    figure = new_figure(width=8.0, height=1.6 + 0.36 * max(len(bars.labels), 3))
    axes = figure.subplots()
    draw_types(bars, axes)
    figure.suptitle(title, fontsize=13)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure
