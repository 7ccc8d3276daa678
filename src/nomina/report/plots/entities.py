"""Heat map of the entity confusion: gold types by predicted types, with what was missed and what is spurious."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from nomina.report.plots.figure import new_figure
from nomina.report.plots.grid import Grid, add_colour_bar, compact_count, draw_grid, font_sizes, grid_size
from nomina.scoring.entities import EntityConfusion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = ["EntityPanel", "draw_entities", "entity_panel", "plot_entities"]

MISSED = "MISSED"
SPURIOUS = "SPURIOUS"

_LEGEND = "12 +3: 12 with the same words, 3 more that share only some of them"


class EntityPanel(NamedTuple):
    """The heat map of n types: all rows sum up to the gold entities, all columns to the predicted ones.

    Attributes:
        rows: Gold types, then ``SPURIOUS``.
        columns: Predicted types, then ``MISSED``.
        exact: Entities, int64 [n + 1, n + 1]: pairs with the same words; what was missed; what is spurious.
        boundary: Pairs that share only some words, int64 [n + 1, n + 1].
        shares: Both together as shares of the row's sum, float64 [n + 1, n + 1] in [0, 1].
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    exact: npt.NDArray[np.int64]
    boundary: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]


def entity_panel(confusion: EntityConfusion) -> EntityPanel:
    """Compute the heat map."""
    n = len(confusion.types)
    exact, boundary = np.zeros((2, n + 1, n + 1), dtype=np.int64)
    exact[:n, n], exact[n, :n] = confusion.missed, confusion.spurious
    exact[:n, :n] = np.array(confusion.exact, dtype=np.int64).reshape(n, n)
    boundary[:n, :n] = np.array(confusion.boundary, dtype=np.int64).reshape(n, n)
    both = exact + boundary
    sums = both.sum(axis=1, keepdims=True)
    shares = np.divide(both, sums, out=np.zeros(both.shape), where=sums > 0)
    return EntityPanel((*confusion.types, SPURIOUS), (*confusion.types, MISSED), exact, boundary, shares)


def draw_entities(panel: EntityPanel, axes: Axes) -> AxesImage:
    """Draw it: colour is the share of the row; a cell says how many have the same words, and how many only some.

    Returns:
        The image, for a colour bar.
    """
    n_gold = panel.exact[:-1].sum() + panel.boundary.sum()
    n_predicted = panel.exact[:, :-1].sum() + panel.boundary.sum()
    texts = [
        [_cell(*counts) for counts in zip(*rows, strict=True)]
        for rows in zip(panel.exact.tolist(), panel.boundary.tolist(), strict=True)
    ]
    title = f"{n_gold:,} gold and {n_predicted:,} predicted entities"
    grid = Grid(title, panel.rows, panel.columns, texts, panel.shares)
    return draw_grid(grid, axes, names=("gold type", "predicted type"))


def _cell(exact: int, boundary: int) -> str:
    text = compact_count(exact) if exact or boundary else ""
    # On a line of its own, or two counts would not fit into a cell.
    return f"{text}\n+{compact_count(boundary)}" if boundary else text


def plot_entities(confusion: EntityConfusion, title: str = "Entity confusion") -> Figure:
    """Draw the heat map with a legend, in a figure whose size grows with the number of types."""
    panel = entity_panel(confusion)
    width, height = grid_size(panel.rows)
    figure = new_figure(max(width + 1.3, 6.0), height + 0.4, fixed_aspect=True)
    axes = figure.subplots()
    image = draw_entities(panel, axes)
    sizes = font_sizes(len(panel.rows))
    add_colour_bar(image, [axes], "share of row", sizes)
    figure.suptitle(title, fontsize=1.3 * sizes.heading)
    figure.supxlabel(_LEGEND, fontsize=sizes.label)
    return figure
