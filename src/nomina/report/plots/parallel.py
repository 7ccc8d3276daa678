"""All settings of a search side by side with dev F1: parallel coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from nomina.report.plots.figure import DARK_BLUE, GREY, ORANGE, new_figure
from nomina.report.plots.scales import (
    Scale,
    Tick,
    count_text,
    draw_ring,
    floor_f1,
    order_of,
    round_ticks,
    say,
    scored_rows,
    setting_scale,
    share_of,
    winner_among,
    wrapped,
)
from nomina.scoring.search import Search, TrialRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ParallelLines", "draw_parallel", "parallel_lines", "plot_parallel"]


class ParallelLines(NamedTuple):
    """Trials as lines over one axis per setting and one for dev F1, the worst first, failed ones left out.

    Attributes:
        scales: Axes of the settings.
        trials: Numbers of the trials.
        places: Where each trial crosses each setting's axis, and last the F1 axis, in [0, 1]; at a setting of few
            values a little apart from others with the same value, the better higher.
        f1: The best dev F1 of each, in points (hundredths), whatever its length.
        finished: Whether each was trained to the end.
        winner: Where the winner is among them.
        floor: Lowest F1 on the F1 axis, in points; trials below end at its foot.
        f1_ticks: Ticks of the F1 axis.
        n_failed: Failed trials.
    """

    scales: tuple[Scale, ...]
    trials: tuple[int, ...]
    places: tuple[tuple[float, ...], ...]
    f1: tuple[float, ...]
    finished: tuple[bool, ...]
    winner: int | None
    floor: float
    f1_ticks: tuple[Tick, ...]
    n_failed: int


def parallel_lines(search: Search) -> ParallelLines:
    """Compute the lines."""
    rows, f1 = scored_rows(search)
    best = {row.number: value for row, value in zip(rows, f1, strict=True)}
    rows = sorted(rows, key=lambda row: (best[row.number], -row.number))
    f1 = tuple(best[row.number] for row in rows)
    floor, high = floor_f1(f1), max(f1, default=0.0)
    scales = tuple(setting_scale(search, name) for name in search.names)
    columns = [_crossings(scale, rows) for scale in scales]
    columns.append([share_of(value, floor, high) if value >= floor else 0.0 for value in f1])
    return ParallelLines(
        scales=scales,
        trials=tuple(row.number for row in rows),
        places=tuple(zip(*columns, strict=True)),
        f1=f1,
        finished=tuple(row.state == "finished" for row in rows),
        winner=winner_among(search, rows),
        floor=floor,
        f1_ticks=round_ticks(floor, high) if rows else (),
        n_failed=sum(row.state == "failed" for row in search.rows),
    )


def _crossings(scale: Scale, rows: Sequence[TrialRow]) -> list[float]:
    """Places of the rows (worst first), those with the same value spread over a band around it."""
    by_value: dict[tuple[int, float, str], list[int]] = {}
    for i, row in enumerate(rows):
        by_value.setdefault(order_of(row.settings.get(scale.name)), []).append(i)
    band = min(0.3 * scale.gap, 0.16) if scale.few else 0.0
    places = [scale.place(row.settings.get(scale.name)) for row in rows]
    for members in by_value.values():
        for rank, i in enumerate(members):
            places[i] += band * (rank / (len(members) - 1) - 0.5) if len(members) > 1 else 0.0
    return places


def draw_parallel(lines: ParallelLines, axes: Axes) -> None:
    """Draw the lines, coloured by F1 (dark is better), finished ones strong, beaten ones dashed, the winner edged."""
    from matplotlib import colormaps

    colours = colormaps["cividis_r"]
    last = len(lines.scales)
    strong = 2.0 if len(lines.trials) <= 40 else 1.3
    for i, (places, finished) in enumerate(zip(lines.places, lines.finished, strict=True)):
        colour = colours(0.12 + 0.88 * places[-1])
        width, style = (strong, "-") if finished else (0.9, "--")
        if i == lines.winner:
            axes.plot(range(last + 1), places, color=ORANGE, linewidth=strong + 3.4, solid_joinstyle="round")
        axes.plot(range(last + 1), places, style, color=colour, linewidth=width)
        axes.plot([last], [places[-1]], "o" if finished else "x", color=colour, markersize=5)
        if i == lines.winner:
            draw_ring(axes, last, places[-1], lines.trials[i])
    box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.0}
    for x, ticks in enumerate((*(scale.ticks for scale in lines.scales), lines.f1_ticks)):
        axes.axvline(x, color="black", linewidth=0.8, zorder=1)
        beside, align = (8, "left") if x == last else (-6, "right")
        for place, label in ticks:
            axes.plot([x], [place], "_", color="black", markersize=7, zorder=3)
            axes.annotate(
                wrapped(label, 14), (x, place), (beside, 0), textcoords="offset points", ha=align, va="center",
                fontsize=8.5, bbox=box, zorder=4, parse_math=False,
            )  # fmt: skip
    names = [wrapped(s.name, 15) + ("\n(log scale)" if s.kind == "log" else "") for s in lines.scales]
    axes.set_xticks(range(last + 1), [*names, "best dev F1\n(points)"], parse_math=False)
    axes.set_yticks([])
    axes.set_ylim(-0.1, 1.1)
    axes.set_xlim(-0.45, last + 0.3)
    axes.tick_params(axis="x", length=0)
    axes.spines[:].set_visible(False)


def plot_parallel(search: Search) -> Figure:
    """Draw the lines, in a figure whose width grows with the number of settings."""
    from matplotlib.lines import Line2D

    lines = parallel_lines(search)
    figure = new_figure(width=max(1.8 + 1.7 * len(lines.scales), 7.0), height=5.2)
    failed = f"; {lines.n_failed} failed, not drawn" if lines.n_failed else ""
    figure.suptitle(f"Settings and dev F1: {count_text(len(lines.trials), 'trial')}{failed}", fontsize=13)
    axes = figure.subplots()
    if not lines.trials:
        axes.set_axis_off()
        say(axes, "no trial was scored")
        return figure
    draw_parallel(lines, axes)
    handles = axes.get_legend_handles_labels()[0]
    if any(lines.finished):
        handles.append(Line2D([], [], color=DARK_BLUE, linewidth=2.0, marker="o", markersize=5, label="finished"))
    if not all(lines.finished):
        label = "beaten: best until stopped"
        handles.append(Line2D([], [], color=GREY, linewidth=0.9, linestyle="--", marker="x", label=label))
    if lines.f1[0] < lines.floor:
        n_low = sum(f1 < lines.floor for f1 in lines.f1)
        handles.append(
            Line2D([], [], linestyle="none", label=f"{n_low} below {lines.floor:.2f}, at the foot of the F1 axis")
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    return figure
