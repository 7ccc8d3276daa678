"""Heat maps of the label confusion, with and without ``O``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nomina.report.plots.figure import new_figure
from nomina.report.plots.grid import Grid, add_colour_bar, compact_count, draw_grid, font_sizes, grid_size
from nomina.scoring.confusion import LabelConfusion

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

__all__ = ["ConfusionPanel", "confusion_panels", "draw_confusion", "plot_confusion"]


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
    title = f"{panel.title} ({panel.counts.sum():,} words)"
    counts = [[compact_count(count) if count else "" for count in row] for row in panel.counts.tolist()]
    grid = Grid(title, panel.labels, panel.labels, counts, panel.shares)
    return draw_grid(grid, axes, names=("gold label", "predicted label"))


def plot_confusion(confusion: LabelConfusion, title: str = "Label confusion") -> Figure:
    """Draw both heat maps side by side in one figure, whose size grows with the number of labels."""
    panels = confusion_panels(confusion)
    width, height = grid_size(confusion.labels)
    figure = new_figure(2 * width + 1.3, height, fixed_aspect=True)
    axes = figure.subplots(1, 2)
    for panel, place in zip(panels, axes, strict=True):
        image = draw_confusion(panel, place)
    sizes = font_sizes(len(confusion.labels))
    add_colour_bar(image, axes, "share of gold row", sizes)
    figure.suptitle(title, fontsize=1.3 * sizes.heading)
    return figure
