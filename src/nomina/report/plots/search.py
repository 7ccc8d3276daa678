"""The course of a search: learning curves by rung, what it cost, and which settings mattered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from nomina.report.plots.figure import BLUE, DARK_BLUE, GREY, ORANGE, new_figure, plain_axes, row_axes
from nomina.report.plots.scales import count_text, floor_f1, length_text, say, shared_epochs
from nomina.scoring.search import Search, TrialRow, TrialState

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "CostBars",
    "ImportanceBars",
    "SearchCurves",
    "TrialCurve",
    "cost_bars",
    "draw_cost",
    "draw_curves",
    "draw_importance",
    "importance_bars",
    "plot_cost",
    "plot_curves",
    "plot_importance",
    "search_curves",
]

# The winner first; the third and fourth are also of the palette of Okabe and Ito (2008).
_FINALIST_COLOURS = (ORANGE, DARK_BLUE, "#009e73", "#cc79a7", BLUE)

_PALE = "#a0a0a0"

_ENDS: dict[TrialState, tuple[str, Literal["-", ":"]]] = {
    "finished": ("o", "-"),
    "beaten": ("x", "-"),
    "failed": ("s", ":"),
}
"""Mark at the end of a curve, and its line."""


class TrialCurve(NamedTuple):
    """Dev F1 of one trial along the way.

    Attributes:
        number: The trial's.
        state: How it ended.
        x: Epochs, or the share of a full run in per cent.
        f1: In points (hundredths), as evaluated there.
        rank: Place among the named finalists, 0 for the winner; ``None`` for any other trial.
    """

    number: int
    state: TrialState
    x: tuple[float, ...]
    f1: tuple[float, ...]
    rank: int | None


class SearchCurves(NamedTuple):
    """Learning curves of all trials that were ever evaluated.

    Attributes:
        curves: By trial number.
        rungs: Where each rung ends, in units of ``x``, with the number of trials planned; empty where there is one
            only.
        end: End of a full run, in units of ``x``.
        x_label: What ``x`` is: epochs where full runs have equally many, else the share of a full run.
        floor: Lowest F1 that the axis has to show, in points.
    """

    curves: tuple[TrialCurve, ...]
    rungs: tuple[tuple[float, int], ...]
    end: float
    x_label: str
    floor: float


def search_curves(search: Search) -> SearchCurves:
    """Compute the curves; the best five finalists are named."""
    epochs = shared_epochs(search)
    ranks = {row.number: rank for rank, row in enumerate(search.finalists[: len(_FINALIST_COLOURS)])}
    curves = tuple(
        TrialCurve(
            number=row.number,
            state=row.state,
            x=tuple(point.epochs if epochs is not None else _per_cent(point.epochs, row) for point in row.curve),
            f1=tuple(100 * point.f1 for point in row.curve),
            rank=ranks.get(row.number),
        )
        for row in search.rows
        if row.curve
    )
    end = 100.0 if epochs is None else epochs
    return SearchCurves(
        curves=curves,
        rungs=tuple((end * rung.share, rung.n_trials) for rung in search.rungs) if len(search.rungs) > 1 else (),
        end=end,
        x_label="share of a full run (%)" if epochs is None else "epochs",
        floor=floor_f1([f1 for curve in curves for f1 in curve.f1]),
    )


def _per_cent(epochs: float, row: TrialRow) -> float:
    return 100 * epochs / row.full_epochs if row.full_epochs else 0.0


def draw_curves(curves: SearchCurves, axes: Axes) -> None:
    """Draw finalists in colour with their names, others thin; beaten ones end in a cross, rungs are upright lines."""
    high = max((f1 for curve in curves.curves for f1 in curve.f1), default=100.0)
    room = 0.06 * max(high - curves.floor, 0.5)
    bottom, top = curves.floor - room, high + room
    for place, n_trials in curves.rungs:
        axes.axvline(place, color=GREY, linewidth=0.9, linestyle=":", zorder=1)
        axes.annotate(
            f"{n_trials}", (place, 1.0), (0, 3), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
            ha="center", va="bottom", fontsize=9, color=GREY,
        )  # fmt: skip
    # The winner comes last, so that it is on top.
    for curve in sorted(curves.curves, key=lambda curve: (curve.rank is not None, -(curve.rank or 0))):
        _draw_curve(curve, bottom + 0.4 * room, axes)
    _name_finalists([curve for curve in curves.curves if curve.rank is not None], bottom, top, axes)
    axes.set_ylim(bottom, top)
    axes.set_xlim(0.0, 1.03 * curves.end)
    axes.set_xlabel(curves.x_label)
    axes.set_ylabel("dev F1 (points)")
    axes.grid(axis="y", color="#e5e5e5")
    axes.set_axisbelow(True)
    plain_axes(axes)


def _draw_curve(curve: TrialCurve, lowest: float, axes: Axes) -> None:
    mark, line = _ENDS[curve.state]
    if curve.rank is None:
        colour, width = (GREY, 1.1) if curve.state == "finished" else (_PALE, 0.9)
    else:
        colour, width = _FINALIST_COLOURS[curve.rank], 1.8 if curve.rank else 3.0
    axes.plot(curve.x, curve.f1, line, color=colour, linewidth=width)
    if curve.rank is not None:
        axes.plot(curve.x, curve.f1, ".", color=colour, markersize=6)
    # A curve that ends below the plot still shows that it ends.
    end = max(curve.f1[-1], lowest)
    axes.plot([curve.x[-1]], [end], mark, color=colour, markersize=8 if curve.rank == 0 else 5.5)


def _name_finalists(finalists: Sequence[TrialCurve], bottom: float, top: float, axes: Axes) -> None:
    """Write the names right of the plot beside the ends of the curves, moved apart where they would overlap."""
    least = 0.05 * (top - bottom)
    place = top + least
    for curve in sorted(finalists, key=lambda curve: -curve.f1[-1]):
        place = min(curve.f1[-1], place - least)
        colour = _FINALIST_COLOURS[curve.rank or 0]
        axes.annotate(
            f"trial {curve.number}",
            (curve.x[-1], curve.f1[-1]),
            (1.02, place),
            textcoords=axes.get_yaxis_transform(),
            va="center",
            fontsize=9.5,
            color=colour,
            fontweight="normal" if curve.rank else "bold",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "relpos": (0.0, 0.5)},
        )


def plot_curves(search: Search) -> Figure:
    """Draw the curves of all trials, with what the marks mean below."""
    from matplotlib.lines import Line2D

    curves = search_curves(search)
    figure = new_figure(width=8.0, height=5.2)
    figure.suptitle("Learning curves", fontsize=13)
    axes = figure.subplots()
    if not curves.curves:
        axes.set_axis_off()
        say(axes, "no trial was evaluated on the way")
        return figure
    draw_curves(curves, axes)
    if curves.rungs:
        axes.set_title("trials that may train up to each dotted line:", fontsize=9, color=GREY, loc="left", pad=18)
    handles = []
    if any(curve.rank is not None for curve in curves.curves):
        handles.append(Line2D([], [], color=ORANGE, linewidth=3.0, marker="o", markersize=8, label="winner"))
    others: tuple[tuple[TrialState, str, str], ...] = (
        ("finished", GREY, "finished, not among the first"),
        ("beaten", _PALE, "beaten, stopped at the cross"),
        ("failed", _PALE, "failed"),
    )
    for state, colour, label in others:
        if any(curve.state == state and curve.rank is None for curve in curves.curves):
            mark, line = _ENDS[state]
            handles.append(Line2D([], [], color=colour, linestyle=line, marker=mark, markersize=5.5, label=label))
    if any(curve.f1[-1] < curves.floor for curve in curves.curves):
        handles.append(Line2D([], [], linestyle="none", label=f"at the lower edge: below {curves.floor:.2f}"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    return figure


class CostBars(NamedTuple):
    """Epochs that the search trained, by rung, against those of training every trial to the end.

    Further seeds of the finalists are not in it.

    Attributes:
        full: Epochs of training every trial to the end.
        parts: Epochs trained on the way to each rung from the one before it; their sum is what was spent.
        n_trials: Trials that were trained on that way.
        labels: Up to where each part goes, in words.
        share: What was spent, as a share of ``full``.
    """

    full: float
    parts: tuple[float, ...]
    n_trials: tuple[int, ...]
    labels: tuple[str, ...]
    share: float


def cost_bars(search: Search) -> CostBars:
    """Compute the bars. What was trained beyond the last rung counts as its own."""
    shares = [0.0, *(sorted(rung.share for rung in search.rungs) or [1.0])]
    epochs = shared_epochs(search)
    parts, n_trials = [], []
    for start, end in pairwise(shares):
        limit = float("inf") if end == shares[-1] else end
        trained = [_between(row, start, limit) for row in search.rows]
        parts.append(sum(trained))
        # Less than a thousandth of a run is no step that anyone decided on.
        n_trials.append(sum(t > 0.001 * row.full_epochs for t, row in zip(trained, search.rows, strict=True)))
    return CostBars(
        full=search.full_epochs,
        parts=tuple(parts),
        n_trials=tuple(n_trials),
        labels=tuple(f"up to {length_text(end, epochs)}" for end in shares[1:]),
        share=search.share,
    )


def _between(row: TrialRow, start: float, end: float) -> float:
    """Epochs of a trial between two shares of a full run."""
    if not row.full_epochs:
        return 0.0
    return max(min(row.epochs, end * row.full_epochs) - start * row.full_epochs, 0.0)


def draw_cost(cost: CostBars, axes: Axes) -> None:
    """Draw the full cost as one bar, and below it what was spent, its parts beside each other."""
    from matplotlib import colormaps

    spent = sum(cost.parts)
    axes.barh([0], [cost.full], height=0.6, color="#c8c8c8")
    colours = colormaps["Blues"]
    left = 0.0
    for i, (part, n_trials, label) in enumerate(zip(cost.parts, cost.n_trials, cost.labels, strict=True)):
        depth = 0.4 + 0.5 * i / max(len(cost.parts) - 1, 1) if len(cost.parts) > 1 else 0.75
        text = f"{label}: {count_text(n_trials, 'trial')}, {part:.3g} epochs"
        axes.barh([1], [part], left=left, height=0.6, color=colours(depth), edgecolor="white", label=text)
        if part > 0.06 * cost.full:
            colour = "white" if depth > 0.55 else "black"
            axes.text(left + part / 2, 1, f"{part:.3g}", ha="center", va="center", color=colour, fontsize=9)
        left += part
    for y, length, text in ((0, cost.full, f"{cost.full:.4g}"), (1, spent, f"{spent:.4g} = {cost.share:.0%}")):
        axes.annotate(text, (length, y), (5, 0), textcoords="offset points", va="center", fontsize=10)
    axes.set_yticks([0, 1], ["every trial in full", "this search"])
    axes.set_ylim(1.5, -0.5)
    axes.set_xlim(0.0, 1.18 * (max(cost.full, spent) or 1.0))
    axes.set_xlabel("epochs of training")
    row_axes(axes)


def plot_cost(search: Search) -> Figure:
    """Draw the bars with a legend of the rungs."""
    cost = cost_bars(search)
    figure = new_figure(width=8.0, height=3.0 + 0.2 * math.ceil(len(cost.parts) / 2))
    figure.suptitle(f"What the search cost: {cost.share:.0%} of training every trial in full", fontsize=13)
    axes = figure.subplots()
    draw_cost(cost, axes)
    if len(search.seeds) > 1:
        axes.set_xlabel("epochs of training, without further seeds of the finalists")
    figure.legend(loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    return figure


class ImportanceBars(NamedTuple):
    """How much of the scatter of F1 each setting accounts for.

    Attributes:
        names: Settings, the most important first; empty where it cannot be told.
        shares: Share of each, in [0, 1].
        reason: Why it cannot be told, in words; empty where it can.
    """

    names: tuple[str, ...]
    shares: tuple[float, ...]
    reason: str


def importance_bars(search: Search) -> ImportanceBars:
    """Compute the bars."""
    items = sorted(search.importance.items(), key=lambda item: -item[1])
    finished = f"{sum(row.state == 'finished' for row in search.rows)} of {count_text(len(search.rows), 'trial')}"
    if items:
        reason = ""
    elif len(search.names) < 2:
        reason = "one setting alone cannot be weighed against others"
    else:
        reason = f"too few trials were finished to tell ({finished}), or their F1 is all alike"
    return ImportanceBars(tuple(name for name, _ in items), tuple(share for _, share in items), reason)


def draw_importance(bars: ImportanceBars, axes: Axes) -> None:
    """Draw a bar with its figure for each setting, or say why there is none."""
    if not bars.names:
        axes.set_axis_off()
        say(axes, bars.reason)
        return
    places = range(len(bars.names))
    axes.barh(places, bars.shares, height=0.62, color=DARK_BLUE)
    for y, share in zip(places, bars.shares, strict=True):
        axes.annotate(f"{share:.0%}", (share, y), (5, 0), textcoords="offset points", va="center", fontsize=9.5)
    axes.set_yticks(places, bars.names, parse_math=False)
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.set_xlim(0.0, 1.12 * max(*bars.shares, 1e-6))
    axes.set_xlabel("share in the scatter of dev F1")
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    row_axes(axes)


def plot_importance(search: Search) -> Figure:
    """Draw the bars, in a figure whose height grows with the number of settings."""
    bars = importance_bars(search)
    figure = new_figure(width=7.0, height=1.6 + 0.36 * max(len(bars.names), 3))
    draw_importance(bars, figure.subplots())
    figure.suptitle("Which settings mattered", fontsize=13)
    return figure
