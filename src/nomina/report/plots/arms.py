"""Arms of a comparison: the difference of each to the baseline, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nomina.report.plots.figure import BLUE, DARK_BLUE, GREY, ORANGE, new_figure, row_axes
from nomina.scoring.comparison import ArmRow, Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ArmDots", "arm_dots", "draw_arms", "plot_arms"]

_TAGS = {"source": "predicted tags", "none": "no tags", "given": "the corpus's tags"}


class ArmDots(NamedTuple):
    """Differences to the baseline of one training size, in points of F1 (hundredths).

    Attributes:
        labels: What each row is, main rows under the arm's name.
        is_main: Whether each is scored under the tags it was trained for.
        delta: Difference of each.
        low: Lower end of its 95 % interval.
        high: Upper end.
        seeds: Difference of each seed to the baseline's mean, by row.
        baseline: Name of the baseline with its mean F1 in points.
    """

    labels: tuple[str, ...]
    is_main: tuple[bool, ...]
    delta: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    seeds: tuple[tuple[float, ...], ...]
    baseline: str


def arm_dots(comparison: Comparison, n_train: int) -> ArmDots:
    """Compute the dots. Shuffled tags are left out: they fall so far that nothing else could be told apart."""
    baseline, *_ = comparison.main_rows(n_train)
    rows = [
        (row, row.difference)
        for row in comparison.rows
        if row.n_train == n_train and row.difference is not None and row.tags != "shuffled"
    ]
    return ArmDots(
        labels=tuple(_label(row) for row, _ in rows),
        is_main=tuple(row.is_main for row, _ in rows),
        delta=tuple(100 * difference.f1 for _, difference in rows),
        low=tuple(100 * difference.low for _, difference in rows),
        high=tuple(100 * difference.high for _, difference in rows),
        seeds=tuple(tuple(100 * (f1 - baseline.mean) for f1 in row.f1) for row, _ in rows),
        baseline=f"{baseline.arm} ({100 * baseline.mean:.2f})",
    )


def _label(row: ArmRow) -> str:
    return row.arm if row.is_main else f"scored with {_TAGS.get(row.tags, row.tags)}"


def draw_arms(dots: ArmDots, axes: Axes) -> None:
    """Draw a dot with its interval for each row, the single seeds as small marks, and the baseline as a line."""
    axes.axvline(0.0, color=ORANGE, linestyle="--", linewidth=1.3, label=f"baseline: {dots.baseline}")
    for is_main, colour, label in ((True, DARK_BLUE, "as trained"), (False, BLUE, "other tags")):
        places = [y for y, main in enumerate(dots.is_main) if main is is_main]
        if not places:
            continue
        delta = [dots.delta[y] for y in places]
        errors = [
            [dots.delta[y] - dots.low[y] for y in places],
            [dots.high[y] - dots.delta[y] for y in places],
        ]
        axes.errorbar(delta, places, xerr=errors, fmt="o", color=colour, capsize=3, markersize=5, label=label)
    points = [(x, y) for y, seeds in enumerate(dots.seeds) for x in seeds]
    if points:
        axes.plot(*zip(*points, strict=True), "|", color=GREY, markersize=9, zorder=3, label="single seeds")
    axes.set_yticks(range(len(dots.labels)), dots.labels, parse_math=False)
    for tick, is_main in zip(axes.get_yticklabels(), dots.is_main, strict=True):
        tick.set_color("black" if is_main else GREY)
        tick.set_fontsize(10 if is_main else 8.5)
    axes.set_ylim(len(dots.labels) - 0.4, -0.6)
    axes.set_xlabel("points of F1 to the baseline, with 95 % interval")
    row_axes(axes)


def plot_arms(comparison: Comparison) -> Figure:
    """Draw all arms, one plot for each training size side by side."""
    sizes = comparison.sizes
    by_size = [arm_dots(comparison, size) for size in sizes]
    n_rows = max(len(dots.labels) for dots in by_size)
    figure = new_figure(width=2.5 + 5.5 * len(sizes), height=1.9 + 0.28 * max(n_rows, 4))
    for axes, dots, size in zip(figure.subplots(1, len(sizes), squeeze=False)[0], by_size, sizes, strict=True):
        draw_arms(dots, axes)
        axes.set_title(f"{size:,} training sentences", fontsize=11)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.suptitle("What each arm gives", fontsize=13)
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return figure
