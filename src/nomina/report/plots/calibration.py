"""Whether confidence can be believed, and what dropping unsure entities does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from nomina.report.plots.figure import BLUE, DARK_BLUE, GREY, ORANGE, new_figure, plain_axes
from nomina.report.plots.grid import compact_count
from nomina.scoring.calibration import Reliability, ThresholdCurve, ThresholdPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "ReliabilityDots",
    "ThresholdLines",
    "draw_confidence_counts",
    "draw_reliability",
    "draw_thresholds",
    "plot_reliability",
    "plot_thresholds",
    "reliability_dots",
    "threshold_lines",
]

_N_POINTS = 501


class ReliabilityDots(NamedTuple):
    """Accuracy against confidence, and the number of spans behind each dot.

    Attributes:
        confidence: Mean confidence of each bin with spans, in [0, 1].
        accuracy: Share of its spans that is right, in [0, 1].
        middles: Middle of every bin.
        width: Width of the bins.
        counts: Spans in every bin.
        ece: Expected calibration error, in [0, 1].
    """

    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    middles: tuple[float, ...]
    width: float
    counts: tuple[int, ...]
    ece: float


class ThresholdLines(NamedTuple):
    """Precision, recall and F1 against the lowest confidence that is kept.

    Attributes:
        thresholds: From 0 up to the highest confidence.
        precision: At each, in [0, 1].
        recall: At each, in [0, 1].
        f1: At each, in [0, 1].
        best: Where F1 is highest.
        all_kept: Without a threshold.
    """

    thresholds: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    best: ThresholdPoint
    all_kept: ThresholdPoint


def reliability_dots(reliability: Reliability) -> ReliabilityDots:
    """Compute the dots and the bars below."""
    filled = [
        (b.confidence, b.accuracy) for b in reliability.bins if b.confidence is not None and b.accuracy is not None
    ]
    return ReliabilityDots(
        confidence=tuple(confidence for confidence, _ in filled),
        accuracy=tuple(accuracy for _, accuracy in filled),
        middles=tuple((b.low + b.high) / 2 for b in reliability.bins),
        width=1 / len(reliability.bins),
        counts=tuple(b.n_spans for b in reliability.bins),
        ece=reliability.ece,
    )


def threshold_lines(curve: ThresholdCurve) -> ThresholdLines:
    """Compute the lines, as finely as can be seen."""
    grid = (i / (_N_POINTS - 1) for i in range(_N_POINTS))
    points = [point for point in map(curve.at, grid) if point.n_kept]
    return ThresholdLines(
        thresholds=tuple(point.threshold for point in points),
        precision=tuple(point.precision for point in points),
        recall=tuple(point.recall for point in points),
        f1=tuple(point.f1 for point in points),
        best=curve.best,
        all_kept=curve.all_kept,
    )


def draw_reliability(dots: ReliabilityDots, axes: Axes) -> None:
    """Draw a dot per bin, its distance to the diagonal, where it should be, as a line."""
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1.2, label="right as often as it says")
    axes.vlines(dots.confidence, dots.confidence, dots.accuracy, color=ORANGE, linewidth=2.5, label="gap")
    axes.plot(dots.confidence, dots.accuracy, "o-", color=DARK_BLUE, markersize=5.5, label="spans of a bin", zorder=3)
    axes.set_ylim(-0.02, 1.02)
    axes.grid(color="#e5e5e5")
    axes.set_axisbelow(True)
    plain_axes(axes)


def draw_confidence_counts(dots: ReliabilityDots, axes: Axes) -> None:
    """Draw the number of spans of each bin, on a logarithmic scale, since most spans are sure ones."""
    axes.bar(dots.middles, dots.counts, width=0.9 * dots.width, color=BLUE)
    if any(dots.counts):
        axes.set_yscale("log")
    axes.set_ylim(0.5, 8.0 * max(*dots.counts, 1))
    for x, n in zip(dots.middles, dots.counts, strict=True):
        if n:
            axes.annotate(compact_count(n), (x, n), (0, 2), textcoords="offset points", ha="center", fontsize=8)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("confidence")
    plain_axes(axes)


def plot_reliability(
    reliabilities: Mapping[str, Reliability], title: str = "Is a span right as often as it says?"
) -> Figure:
    """Draw a reliability diagram with its counts below, one beside the other.

    Args:
        reliabilities: By what is said of each, such as ``"before"`` and ``"after, T = 1.41"``.
        title: Title of the whole.
    """
    figure = new_figure(width=max(1.0 + 4.0 * len(reliabilities), 5.0), height=5.8)
    grid = figure.subplots(
        2, len(reliabilities), squeeze=False, sharex=True, sharey="row", gridspec_kw={"height_ratios": [3, 1]}
    )
    for (name, found), (upper, lower) in zip(reliabilities.items(), grid.T, strict=True):
        dots = reliability_dots(found)
        draw_reliability(dots, upper)
        draw_confidence_counts(dots, lower)
        upper.set_title(f"{name}\nECE {dots.ece:.4f}", fontsize=11, parse_math=False)
    grid[0, 0].set_ylabel("share that is right")
    grid[1, 0].set_ylabel("spans")
    figure.suptitle(title, fontsize=13)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def draw_thresholds(lines: ThresholdLines, axes: Axes) -> None:
    """Draw the three lines and the threshold where F1 is highest."""
    for values, colour, name in (
        (lines.precision, DARK_BLUE, "precision"),
        (lines.recall, BLUE, "recall"),
        (lines.f1, ORANGE, "F1"),
    ):
        axes.plot(lines.thresholds, values, color=colour, linewidth=1.8, label=name)
    best = lines.best
    label = f"best F1 {best.f1:.4f} at {best.threshold:.3f} (all kept: {lines.all_kept.f1:.4f})"
    axes.plot([best.threshold], [best.f1], "o", color=ORANGE, markersize=7, label=label)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("lowest confidence that is kept")
    axes.grid(color="#e5e5e5")
    axes.set_axisbelow(True)
    plain_axes(axes)


def plot_thresholds(curve: ThresholdCurve, title: str = "Dropping spans below a confidence") -> Figure:
    """Draw precision, recall and F1 against the threshold."""
    figure = new_figure(width=7.0, height=4.8)
    axes = figure.subplots()
    draw_thresholds(threshold_lines(curve), axes)
    figure.suptitle(title, fontsize=13)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure
