"""What each setting of a search does: dev F1 of all trials by its values."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from nomina.report.plots.figure import DARK_BLUE, GREY, new_figure, plain_axes
from nomina.report.plots.scales import (
    FEW,
    Scale,
    count_text,
    draw_ring,
    floor_f1,
    length_text,
    order_of,
    say,
    scored_rows,
    setting_scale,
    shared_epochs,
    winner_among,
    wrapped,
)
from nomina.scoring.search import Search, TrialRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SettingDots", "SettingPanel", "draw_setting", "plot_settings", "setting_dots"]

_NEAR = 0.02
"""Lengths that differ by no more than this share of a full run are the same length: steps are whole."""


class SettingPanel(NamedTuple):
    """One setting.

    Attributes:
        scale: Its axis.
        x: Place of each trial, at few values a little beside the value, so that equal trials are seen next to each
            other.
        means: Mean F1 (points) of the trials with each of the scale's values, all at the same length of training;
            ``None`` where no trial got there. Empty where there are many values.
    """

    scale: Scale
    x: tuple[float, ...]
    means: tuple[float | None, ...]


class SettingDots(NamedTuple):
    """Dev F1 of the trials by each setting, failed trials left out.

    Attributes:
        panels: One for each setting.
        trials: Numbers of the trials.
        f1: The best dev F1 of each, in points (hundredths), whatever its length.
        finished: Whether each was trained to the end.
        winner: Where the winner is among them.
        floor: Lowest F1 that the axes show; trials below are drawn at the lower edge.
        common: In words, the longest training that all of them got to: what the means are compared at.
        n_failed: Failed trials.
    """

    panels: tuple[SettingPanel, ...]
    trials: tuple[int, ...]
    f1: tuple[float, ...]
    finished: tuple[bool, ...]
    winner: int | None
    floor: float
    common: str
    n_failed: int


def setting_dots(search: Search) -> SettingDots:
    """Compute the dots and the means.

    A trial that was trained longer is better for that alone. The means therefore take the best F1 that each trial had
    when it was as long in training as the shortest one, from its first seed.
    """
    rows, f1 = scored_rows(search)
    share = min((row.epochs / row.full_epochs for row in rows if row.full_epochs), default=0.0)
    panels = tuple(_panel(setting_scale(search, name), rows, share) for name in search.names)
    return SettingDots(
        panels=panels,
        trials=tuple(row.number for row in rows),
        f1=f1,
        finished=tuple(row.state == "finished" for row in rows),
        winner=winner_among(search, rows),
        floor=floor_f1(f1),
        common=length_text(share, shared_epochs(search)),
        n_failed=sum(row.state == "failed" for row in search.rows),
    )


def _panel(scale: Scale, rows: Sequence[TrialRow], share: float) -> SettingPanel:
    width = 0.5 * scale.gap if scale.few else 0.0
    # Multiples of the golden ratio: near each other in no order, and the same in every drawing.
    x = tuple(scale.place(row.settings.get(scale.name)) + width * (row.number * 0.6180339887 % 1 - 0.5) for row in rows)
    f1: dict[tuple[int, float, str], list[float]] = {order_of(value): [] for value in scale.values}
    for row in rows:
        reached = _f1_by(row, share)
        if reached is not None:
            f1[order_of(row.settings.get(scale.name))].append(100 * reached)
    means = tuple(statistics.fmean(values) if values else None for values in f1.values())
    return SettingPanel(scale, x, means if scale.few and any(mean is not None for mean in means) else ())


def _f1_by(row: TrialRow, share: float) -> float | None:
    seen = [point.f1 for point in row.curve if point.epochs <= (share + _NEAR) * row.full_epochs]
    return max(seen, default=row.f1[0] if row.f1 and share >= 1 - _NEAR else None)


def draw_setting(dots: SettingDots, panel: SettingPanel, axes: Axes) -> None:
    """Draw a dot for each trial, the winner ringed, and the means of the values as bars with the figure below."""
    high = max((*dots.f1, dots.floor), default=0.0)
    room = 0.07 * max(high - dots.floor, 0.5)
    low = [f1 < dots.floor for f1 in dots.f1]
    y = [dots.floor - 0.6 * room if below else f1 for f1, below in zip(dots.f1, low, strict=True)]
    places = list(zip(panel.x, y, low, dots.finished, strict=True))
    for marker, colour, label, points in (
        ("o", DARK_BLUE, "finished", [(x, f1) for x, f1, below, done in places if not below and done]),
        ("x", GREY, "beaten: best until stopped", [(x, f1) for x, f1, below, done in places if not below and not done]),
        ("v", GREY, f"below {dots.floor:.2f}, at the lower edge", [(x, f1) for x, f1, below, _ in places if below]),
    ):
        if points:
            axes.plot(*zip(*points, strict=True), marker, color=colour, markersize=5.5, alpha=0.85, label=label)
    if dots.winner is not None:
        draw_ring(axes, panel.x[dots.winner], y[dots.winner], dots.trials[dots.winner])
    _draw_means(dots, panel, dots.floor - 0.6 * room, axes)
    axes.set_ylim(dots.floor - room, high + room)
    _setting_axis(panel, axes)


def _draw_means(dots: SettingDots, panel: SettingPanel, edge: float, axes: Axes) -> None:
    """Draw the means, those below the plot dotted at its lower edge."""
    half = 0.38 * panel.scale.gap
    label = f"mean at {dots.common}, which all reached (figure below the value)"
    for value, mean in zip(panel.scale.values, panel.means, strict=bool(panel.means)):
        if mean is not None:
            place, below = panel.scale.place(value), mean < dots.floor
            axes.plot(
                [place - half, place + half],
                [edge if below else mean] * 2,
                ":" if below else "-",
                color="black",
                linewidth=1.6,
                label=label,
            )


def _setting_axis(panel: SettingPanel, axes: Axes) -> None:
    scale = panel.scale
    many_words = scale.kind == "equal" and len(scale.values) > FEW
    labels = [wrapped(tick.label, 18 if many_words else 44 // max(len(scale.ticks), 3)) for tick in scale.ticks]
    if panel.means:
        lines = max(label.count("\n") for label in labels)
        figures = ["" if mean is None else f"{mean:.2f}" for mean in panel.means]
        pairs = zip(labels, figures, strict=True)
        labels = [label + "\n" * (1 + lines - label.count("\n")) + figure for label, figure in pairs]
    axes.set_xticks([tick.place for tick in scale.ticks], labels, parse_math=False, fontsize=8.5)
    if many_words:
        axes.tick_params(axis="x", labelrotation=90)
    pad = 0.5 * scale.gap if scale.few else 0.06
    axes.set_xlim(-pad, 1 + pad)
    axes.set_xlabel(f"{scale.name} (log scale)" if scale.kind == "log" else scale.name, parse_math=False)
    axes.grid(axis="y", color="#e5e5e5")
    axes.set_axisbelow(True)
    plain_axes(axes)


def plot_settings(search: Search) -> Figure:
    """Draw one panel for each searched setting, two or three beside each other, with one F1 axis."""
    dots = setting_dots(search)
    n_columns = min(max(len(dots.panels), 1), 2 if len(dots.panels) in {2, 4} else 3)
    n_rows = max(math.ceil(len(dots.panels) / n_columns), 1)
    figure = new_figure(width=max(1.0 + 3.6 * n_columns, 6.5), height=1.6 + 2.8 * n_rows)
    failed = f"; {dots.n_failed} failed, not drawn" if dots.n_failed else ""
    figure.suptitle(f"Dev F1 by setting: {count_text(len(dots.trials), 'trial')}{failed}", fontsize=13)
    grid = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True)
    if not dots.panels or not dots.trials:
        for axes in grid.flat:
            axes.set_axis_off()
        say(grid[0][0], "no trial was scored")
        return figure
    for axes, panel in zip(grid.flat, dots.panels, strict=False):
        draw_setting(dots, panel, axes)
    for axes in grid.flat[len(dots.panels) :]:
        axes.set_axis_off()
    for row in grid:
        row[0].set_ylabel("best dev F1 (points)")
    by_label = {
        label: handle for axes in grid.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    columns = 2 if n_columns > 1 else 1
    figure.legend(
        by_label.values(), by_label.keys(), loc="outside lower center", ncols=columns, fontsize=9, frameon=False
    )
    return figure
