"""What the figures of a search share: where settings and F1 are on an axis, and which trials are drawn."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from nomina.report.plots.figure import GREY, ORANGE
from nomina.scoring.search import Search, TrialRow, Value, show_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "FEW",
    "Scale",
    "Tick",
    "count_text",
    "draw_ring",
    "floor_f1",
    "length_text",
    "order_of",
    "round_ticks",
    "say",
    "scored_rows",
    "setting_scale",
    "share_of",
    "shared_epochs",
    "winner_among",
    "wrapped",
]

FEW = 6
"""So many values of a setting are told apart at a glance, each with a tick of its own."""

_CLOSE = 0.1
"""Ticks nearer than this share of the axis run into each other."""

_LOG_FROM = 10.0
_MOST_VALUES = 16
_MOST_ROUND = 5


class Tick(NamedTuple):
    """A labelled place on an axis, in [0, 1]."""

    place: float
    label: str


class Scale(NamedTuple):
    """Where the values of a setting are on an axis from 0 to 1.

    Attributes:
        name: The setting.
        kind: ``"log"`` for numbers above 0 of which the largest is at least ten times the smallest, ``"linear"`` for
            other numbers, ``"equal"`` for anything else and for a few numbers that would be too close to each other:
            equal distances in the order ``None``, false, true, numbers, words.
        values: Distinct values in the order of the axis.
        ticks: Each value where there are few or the scale is ``"equal"``, at most 16 of them, else round numbers.
        few: Whether there are few values and some of them occur more than once.
    """

    name: str
    kind: Literal["equal", "linear", "log"]
    values: tuple[Value, ...]
    ticks: tuple[Tick, ...]
    few: bool

    def place(self, value: Value) -> float:
        """Where one of the values is, in [0, 1]; in the middle if it is the only one."""
        if self.kind == "equal" or isinstance(value, str | None):
            index = [order_of(known) for known in self.values].index(order_of(value))
            return index / (len(self.values) - 1) if len(self.values) > 1 else 0.5
        return share_of(value, *_ends(self.values), log=self.kind == "log")

    @property
    def gap(self) -> float:
        """Smallest distance between two values, in (0, 1]."""
        places = [self.place(value) for value in self.values]
        return min((right - left for left, right in pairwise(places)), default=1.0)


def setting_scale(search: Search, name: str) -> Scale:
    """Lay out the values that a setting had in all trials, the failed ones included."""
    by_order = {order_of(row.settings.get(name)): row.settings.get(name) for row in search.rows}
    values = tuple(by_order[order] for order in sorted(by_order))
    few = len(values) <= FEW and len(values) < len(search.rows)
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)]
    if not numbers or len(numbers) < len(values):
        return _each_value(Scale(name, "equal", values, (), few))
    log = numbers[0] > 0 and numbers[-1] / numbers[0] >= _LOG_FROM
    scale = Scale(name, "log" if log else "linear", values, (), few)
    if few or len(values) == 1:
        return _each_value(scale if scale.gap >= _CLOSE else scale._replace(kind="equal"))
    whole = all(isinstance(value, int) for value in values)
    return scale._replace(ticks=round_ticks(numbers[0], numbers[-1], log=log, whole=whole))


def _each_value(scale: Scale) -> Scale:
    shown = scale.values[:: math.ceil(len(scale.values) / _MOST_VALUES) or 1]
    return scale._replace(ticks=tuple(Tick(scale.place(value), show_value(value)) for value in shown))


def order_of(value: Value) -> tuple[int, float, str]:
    """Sort key; equal for equal values of one kind only, so that ``True`` is not 1."""
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, str):
        return 3, 0.0, value
    return (1 if isinstance(value, bool) else 2), float(value), ""


def _ends(values: Sequence[Value]) -> tuple[float, float]:
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return min(numbers), max(numbers)


def share_of(value: float, low: float, high: float, *, log: bool = False) -> float:
    """Where a number is between two others, 0 at ``low`` and 1 at ``high``; 0.5 where they are equal."""
    if low == high:
        return 0.5
    if log:
        value, low, high = math.log10(value), math.log10(low), math.log10(high)
    return (value - low) / (high - low)


def round_ticks(low: float, high: float, *, log: bool = False, whole: bool = False) -> tuple[Tick, ...]:
    """Round numbers between ``low`` and ``high``; the two ends where no two round ones are."""
    from matplotlib.ticker import MaxNLocator

    if log:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        candidates = [[float(f"{n}e{k}") for k in decades for n in steps] for steps in ((1, 2, 5), (1, 3), (1,))]
        inside = [[n for n in numbers if low <= n <= high] for numbers in candidates]
        thinned = inside[-1][:: math.ceil(len(inside[-1]) / _MOST_ROUND) or 1]
        numbers = next((some for some in inside if len(some) <= _MOST_ROUND), thinned)
    else:
        ticks = MaxNLocator(nbins=_MOST_ROUND + 1, steps=[1, 2, 5, 10], integer=whole).tick_values(low, high)
        numbers = [float(n) for n in ticks if low <= n <= high]
    if len(numbers) < 2:
        numbers = sorted({low, high})
    return tuple(Tick(share_of(number, low, high, log=log), _round_text(number)) for number in numbers)


def _round_text(number: float) -> str:
    """A number of few digits, in as few characters as can be read."""
    if 0 < number < 0.001 and number == float(f"{number:.0e}"):
        return f"{number:.0e}"
    return f"{number:,.0f}" if 1000 <= number < 1e7 else f"{number:.4g}"


def count_text(n: int, noun: str) -> str:
    """A number of things, the noun with an s but for one."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def wrapped(text: str, width: int, n_lines: int = 3) -> str:
    """Text in lines of at most ``width`` characters, broken after punctuation where that fits.

    Of what needs more lines the start is left out, since names differ at the end.
    """
    lines = [""]
    for part in re.findall(r"[^\W_]+[\W_]*|[\W_]+", text):
        if lines[-1] and len(lines[-1]) + len(part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
        while len(lines[-1].rstrip()) > width:
            lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    if len(lines) > n_lines:
        lines = [f"…{lines[-n_lines][1 - width :]}", *lines[1 - n_lines :]]
    return "\n".join(line.strip() for line in lines)


def shared_epochs(search: Search) -> float | None:
    """Epochs of a full run if all trials have the same, else ``None``."""
    lengths = {row.full_epochs for row in search.rows}
    return lengths.pop() if len(lengths) == 1 else None


def length_text(share: float, full_epochs: float | None) -> str:
    """A length of training in words: in epochs, or as a share of a full run where full runs differ.

    Args:
        share: Share of a full run, in [0, 1].
        full_epochs: From :func:`shared_epochs`.
    """
    if full_epochs is None:
        return f"{share:.0%} of a full run"
    epochs = f"{share * full_epochs:.3g}"
    return f"{epochs} epoch" if epochs == "1" else f"{epochs} epochs"


def floor_f1(f1: Sequence[float]) -> float:
    """Lowest F1 that an axis has to show, so that a few diverged trials do not press all others into one line.

    Args:
        f1: In points (hundredths).

    Returns:
        The lowest of them that is not far below the middle one: by more than 15 points, and by more than five times
        what the best is above it. 0 without any.
    """
    if not f1:
        return 0.0
    middle = statistics.median(f1)
    far = max(15.0, 5.0 * (max(f1) - middle))
    return min(value for value in f1 if value >= middle - far)


def scored_rows(search: Search) -> tuple[list[TrialRow], tuple[float, ...]]:
    """Trials that can be drawn, and their F1 in points."""
    scored = [(row, 100 * row.best) for row in search.rows if row.state != "failed" and row.best is not None]
    return [row for row, _ in scored], tuple(f1 for _, f1 in scored)


def winner_among(search: Search, rows: Sequence[TrialRow]) -> int | None:
    """Where the winner is among the rows; ``None`` without a winner."""
    winner = search.winner
    return None if winner is None else next((i for i, row in enumerate(rows) if row.number == winner.number), None)


def draw_ring(axes: Axes, x: float, y: float, winner: int) -> None:
    """Draw a ring around the winner's place, to be named in the legend by the trial's number."""
    axes.plot(
        [x],
        [y],
        "o",
        markersize=12,
        markerfacecolor="none",
        markeredgecolor=ORANGE,
        markeredgewidth=1.8,
        label=f"winner: trial {winner}",
    )


def say(axes: Axes, text: str) -> None:
    """Write why there is nothing to draw."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=GREY)
