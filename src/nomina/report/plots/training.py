"""The training curve: loss and dev F1 against the step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from nomina.report.plots.figure import BLUE, DARK_BLUE, GREY, ORANGE, new_figure, plain_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Series", "TrainingCurve", "draw_dev_f1", "draw_loss", "plot_training", "smooth", "training_curve"]

_SMOOTH_FROM = 40


class Series(NamedTuple):
    """Values against steps; steps rise and do not repeat."""

    steps: tuple[int, ...] = ()
    values: tuple[float, ...] = ()


class TrainingCurve(NamedTuple):
    """What is drawn of a training run.

    Attributes:
        loss: Training loss as logged.
        smoothed: Running mean of the loss; empty for a short run, whose points can be read as they are.
        dev_loss: Loss on the dev part, where it was computed.
        dev_f1: Micro F1 on the dev part, in [0, 1].
        best_step: Step of the highest dev F1, the first where several are equal; ``None`` without an evaluation.
        best_f1: The highest dev F1.
    """

    loss: Series
    smoothed: Series
    dev_loss: Series
    dev_f1: Series
    best_step: int | None
    best_f1: float | None


def training_curve(history_rows: Iterable[Mapping[str, Any]]) -> TrainingCurve:
    """Compute the curve from the rows of ``history.jsonl``.

    Args:
        history_rows: Each with ``step`` and some of ``loss``, ``dev_loss`` and ``dev_f1``. Where a step occurs twice,
            as after a resumed run, the later row counts. Values that are no numbers (a diverged loss) are left out.
    """
    rows = list(history_rows)
    loss, dev_f1 = _series(rows, "loss"), _series(rows, "dev_f1")
    best_f1 = max(dev_f1.values, default=None)
    return TrainingCurve(
        loss=loss,
        smoothed=smooth(loss) if len(loss.steps) >= _SMOOTH_FROM else Series(),
        dev_loss=_series(rows, "dev_loss"),
        dev_f1=dev_f1,
        best_step=None if best_f1 is None else dev_f1.steps[dev_f1.values.index(best_f1)],
        best_f1=best_f1,
    )


def _series(rows: Sequence[Mapping[str, Any]], name: str) -> Series:
    values = {int(row["step"]): float(row[name]) for row in rows if row.get(name) is not None}
    points = sorted((step, value) for step, value in values.items() if math.isfinite(value))
    return Series(tuple(step for step, _ in points), tuple(value for _, value in points))


def smooth(series: Series) -> Series:
    """Centred running mean over a twentieth of the points, at least five.

    The ends, where the window does not fit, are left out.
    """
    half = max(2, len(series.values) // 40)
    width = 2 * half + 1
    sums = [0.0, *accumulate(series.values)]
    means = tuple((sums[i + width] - sums[i]) / width for i in range(len(series.values) - width + 1))
    return Series(series.steps[half : half + len(means)], means)


def draw_loss(curve: TrainingCurve, axes: Axes) -> None:
    """Draw the loss against the step: the raw line light, the smoothed one dark."""
    loss, smoothed, dev_loss = curve.loss, curve.smoothed, curve.dev_loss
    if smoothed.steps:
        axes.plot(loss.steps, loss.values, color=BLUE, alpha=0.45, linewidth=0.9, label="training loss")
        axes.plot(smoothed.steps, smoothed.values, color=DARK_BLUE, linewidth=1.8, label="running mean")
    elif loss.steps:
        axes.plot(loss.steps, loss.values, color=DARK_BLUE, marker=".", linewidth=1.4, label="training loss")
    if dev_loss.steps:
        axes.plot(dev_loss.steps, dev_loss.values, color=ORANGE, marker="o", markersize=4, label="dev loss")
    if loss.steps or dev_loss.steps:
        axes.set_ylim(0.0, 1.08 * max(*loss.values, *dev_loss.values, 1e-6))
        axes.legend(frameon=False)
    else:
        _say(axes, "no loss was logged")
    axes.set_ylabel("loss")
    axes.grid(axis="y", color="#e5e5e5")
    axes.set_axisbelow(True)
    plain_axes(axes)


def draw_dev_f1(curve: TrainingCurve, axes: Axes) -> None:
    """Draw the dev F1 against the step, the best step marked and named."""
    axes.plot(curve.dev_f1.steps, curve.dev_f1.values, color=DARK_BLUE, marker="o", markersize=5, linewidth=1.2)
    if curve.best_step is not None and curve.best_f1 is not None:
        axes.axvline(curve.best_step, color=GREY, linewidth=0.9, linestyle=":")
        axes.plot([curve.best_step], [curve.best_f1], color=ORANGE, marker="o", markersize=9, linestyle="none")
        axes.set_title(f"best dev F1 {curve.best_f1:.4f} at step {curve.best_step:,}", fontsize=10, color=ORANGE)
    else:
        _say(axes, "no evaluation was run")
    axes.set_ylabel("dev F1")
    axes.grid(axis="y", color="#e5e5e5")
    axes.set_axisbelow(True)
    plain_axes(axes)


def plot_training(history_rows: Iterable[Mapping[str, Any]], title: str = "Training") -> Figure:
    """Draw loss above dev F1 over the same steps."""
    curve = training_curve(history_rows)
    figure = new_figure(width=8.0, height=6.0)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    draw_loss(curve, upper)
    draw_dev_f1(curve, lower)
    lower.set_xlabel("step")
    lower.xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(title, fontsize=13)
    return figure


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=GREY)
