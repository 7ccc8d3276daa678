"""Heat maps of the label confusion, with and without ``O``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from nomina.report.plots.figure import new_figure
from nomina.scoring.confusion import LabelConfusion

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

__all__ = ["ConfusionPanel", "compact_count", "confusion_panels", "draw_confusion", "plot_confusion"]

_COLOUR_MAP = "Blues"
# The colour follows the square root of the share: on a straight scale a confusion of 2 % looks like none.
_GAMMA = 0.5
_BAR_TICKS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
# Above this share the map is so dark that white letters are the easier to read.
_DARK_SHARE = 0.3


class ConfusionPanel(NamedTuple):
    """One heat map.

    Attributes:
        title: Its heading.
        labels: The labels, of rows (gold) and columns (predicted).
        counts: Words, ``[n_labels, n_labels]``.
        shares: Each row of the counts as shares of its sum, ``[n_labels, n_labels]`` in [0, 1].
    """

    title: str
    labels: tuple[str, ...]
    counts: NDArray[np.int64]
    shares: NDArray[np.float64]


def confusion_panels(confusion: LabelConfusion) -> tuple[ConfusionPanel, ConfusionPanel]:
    """Compute the two heat maps: all labels, and the labels without ``O``, whose rows are normalised anew."""
    inner = confusion.without_outside()
    return (
        ConfusionPanel("all labels", confusion.labels, confusion.matrix, confusion.normalised()),
        ConfusionPanel("without O", inner.labels, inner.matrix, inner.normalised()),
    )


def draw_confusion(panel: ConfusionPanel, axes: Axes) -> AxesImage:
    """Draw one heat map: colour is the share of the gold row, the number in a cell its count of words.

    Returns:
        The image, for a colour bar.
    """
    from matplotlib.colors import PowerNorm

    n_labels = len(panel.labels)
    sizes = _font_sizes(n_labels)
    norm = PowerNorm(_GAMMA, vmin=0.0, vmax=1.0)
    image = axes.imshow(panel.shares if n_labels else [[0.0]], cmap=_COLOUR_MAP, norm=norm)
    ticks = range(n_labels)
    axes.set_xticks(ticks, panel.labels, rotation=90, fontsize=sizes.label, parse_math=False)
    axes.set_yticks(ticks, panel.labels, fontsize=sizes.label, parse_math=False)
    axes.set_xlabel("predicted label", fontsize=sizes.heading)
    axes.set_ylabel("gold label", fontsize=sizes.heading)
    axes.set_title(f"{panel.title} ({panel.counts.sum():,} words)", fontsize=sizes.heading)
    axes.tick_params(length=0)
    # Thin white lines between the cells lead the eye along a row.
    axes.set_xticks([i - 0.5 for i in range(1, n_labels)], minor=True)
    axes.set_yticks([i - 0.5 for i in range(1, n_labels)], minor=True)
    axes.grid(which="minor", color="#e8e8e8", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    for row, column in zip(*panel.counts.nonzero(), strict=True):
        colour = "white" if panel.shares[row, column] > _DARK_SHARE else "#1a1a1a"
        text = compact_count(int(panel.counts[row, column]))
        axes.text(column, row, text, ha="center", va="center", fontsize=sizes.cell, color=colour)
    return image


def plot_confusion(confusion: LabelConfusion, title: str = "Label confusion") -> Figure:
    """Draw both heat maps side by side in one figure, whose size grows with the number of labels."""
    panels = confusion_panels(confusion)
    figure = new_figure(*_figure_size(confusion.labels), fixed_aspect=True)
    axes = figure.subplots(1, 2)
    for panel, place in zip(panels, axes, strict=True):
        image = draw_confusion(panel, place)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.01, ticks=_BAR_TICKS, format="%.2f")
    sizes = _font_sizes(len(confusion.labels))
    bar.set_label("share of gold row", fontsize=sizes.heading)
    bar.ax.tick_params(labelsize=sizes.label)
    figure.suptitle(title, fontsize=1.3 * sizes.heading)
    return figure


class _FontSizes(NamedTuple):
    """In points."""

    label: float
    cell: float
    heading: float


def _font_sizes(n_labels: int) -> _FontSizes:
    # A figure of many labels is shown smaller, so that only the counts, which the cells bound, may be small in it.
    return _FontSizes(10.0, 8.0, 13.0) if n_labels <= 20 else _FontSizes(12.0, 8.0, 20.0)


def _figure_size(labels: Sequence[str]) -> tuple[float, float]:
    """Inches in width and height that hold both heat maps, their tick labels, the titles and the colour bar."""
    n_labels = len(labels)
    side = max(n_labels * (0.42 if n_labels <= 20 else 0.36), 2.5)
    sizes = _font_sizes(n_labels)
    # A letter is about 0.65 of its font size wide; 72 points are an inch.
    tick_label = max(map(len, labels), default=0) * 0.65 * sizes.label / 72
    line = 2.2 * sizes.heading / 72
    return 2 * (side + tick_label + line) + 1.3, side + tick_label + 3 * line


def compact_count(count: int) -> str:
    """A count in at most five characters up to a billion: ``987``, ``9,876``, ``12.3k``, ``123k``, ``1.2M``."""
    if count < 10_000:
        return f"{count:,}"
    # The borders lie where rounding would give a fourth digit.
    for unit, suffix in ((1_000, "k"), (1_000_000, "M")):
        if count < 99.95 * unit:
            return f"{count / unit:.1f}{suffix}"
        if count < 999.5 * unit:
            return f"{count / unit:.0f}{suffix}"
    return f"{count / 1e9:.1f}G"
