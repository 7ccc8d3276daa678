"""Heat maps of counts, for confusions of any kind: colour by share of the row, texts in the cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

__all__ = ["FontSizes", "Grid", "add_colour_bar", "compact_count", "draw_grid", "font_sizes", "grid_size"]

_COLOUR_MAP = "Blues"
# The colour follows the square root of the share: on a straight scale a confusion of 2 % looks like none.
_GAMMA = 0.5
_BAR_TICKS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
# Above this share the map is so dark that white letters are the easier to read.
_DARK_SHARE = 0.3


class Grid(NamedTuple):
    """What a heat map shows.

    Attributes:
        title: Its heading.
        rows: Names of the R rows.
        columns: Names of the C columns.
        texts: What stands in the cells, ``[R][C]``; nothing where it is empty.
        shares: What colours them, ``[R, C]`` in [0, 1].
    """

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    texts: Sequence[Sequence[str]]
    shares: NDArray[np.float64]


def draw_grid(grid: Grid, axes: Axes, *, names: tuple[str, str]) -> AxesImage:
    """Draw one heat map.

    Args:
        grid: What it shows.
        axes: Where.
        names: What rows and columns are.

    Returns:
        The image, for a colour bar.
    """
    from matplotlib.colors import PowerNorm

    n_rows, n_columns = len(grid.rows), len(grid.columns)
    sizes = font_sizes(n_rows)
    norm = PowerNorm(_GAMMA, vmin=0.0, vmax=1.0)
    image = axes.imshow(grid.shares if n_rows else [[0.0]], cmap=_COLOUR_MAP, norm=norm)
    axes.set_xticks(range(n_columns), grid.columns, rotation=90, fontsize=sizes.label, parse_math=False)
    axes.set_yticks(range(n_rows), grid.rows, fontsize=sizes.label, parse_math=False)
    axes.set_ylabel(names[0], fontsize=sizes.heading)
    axes.set_xlabel(names[1], fontsize=sizes.heading)
    axes.set_title(grid.title, fontsize=sizes.heading)
    axes.tick_params(length=0)
    # Thin white lines between the cells lead the eye along a row.
    axes.set_xticks([i - 0.5 for i in range(1, n_columns)], minor=True)
    axes.set_yticks([i - 0.5 for i in range(1, n_rows)], minor=True)
    axes.grid(which="minor", color="#e8e8e8", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    for y, texts in enumerate(grid.texts):
        for x, text in enumerate(texts):
            if text:
                colour = "white" if grid.shares[y, x] > _DARK_SHARE else "#1a1a1a"
                axes.text(x, y, text, ha="center", va="center", fontsize=sizes.cell, color=colour)
    return image


def add_colour_bar(image: AxesImage, axes: Sequence[Axes], label: str, sizes: FontSizes) -> None:
    """Say what the colours of heat maps mean, right of their Axes."""
    figure = axes[0].get_figure()
    assert figure is not None
    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.01, ticks=_BAR_TICKS, format="%.2f")
    bar.set_label(label, fontsize=sizes.heading)
    bar.ax.tick_params(labelsize=sizes.label)


class FontSizes(NamedTuple):
    """In points."""

    label: float
    cell: float
    heading: float


def font_sizes(n_labels: int) -> FontSizes:
    """What is legible in a figure of heat maps with so many labels."""
    # A figure of many labels is shown smaller, so that only the counts, which the cells bound, may be small in it.
    return FontSizes(10.0, 8.0, 13.0) if n_labels <= 20 else FontSizes(12.0, 8.0, 20.0)


def grid_size(labels: Sequence[str]) -> tuple[float, float]:
    """Inches in width and height that hold one heat map of these labels, its tick labels and titles."""
    n_labels = len(labels)
    side = max(n_labels * (0.42 if n_labels <= 20 else 0.36), 2.5)
    sizes = font_sizes(n_labels)
    # A letter is about 0.65 of its font size wide; 72 points are an inch.
    tick_label = max(map(len, labels), default=0) * 0.65 * sizes.label / 72
    line = 2.2 * sizes.heading / 72
    return side + tick_label + line, side + tick_label + 3 * line


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
