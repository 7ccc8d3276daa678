"""Making and saving figures, without matplotlib's global state.

Figures are plain objects here: no pyplot, no change of backend, nothing that a notebook or another thread could notice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from nomina.errors import OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["BLUE", "DARK_BLUE", "GREY", "ORANGE", "FigureFiles", "new_figure", "plain_axes", "row_axes", "save_figure"]

# From the colour-blind-safe palette of Okabe and Ito (2008).
BLUE = "#56b4e9"
DARK_BLUE = "#0072b2"
ORANGE = "#d55e00"
GREY = "#6b6b6b"

_PNG_DPI = 150


class FigureFiles(NamedTuple):
    """Where a figure was saved."""

    png: Path
    svg: Path


def new_figure(width: float, height: float, *, fixed_aspect: bool = False) -> Figure:
    """An empty figure of ``width`` by ``height`` inches whose parts do not overlap.

    Args:
        width: In inches.
        height: In inches.
        fixed_aspect: Whether the Axes hold images with square cells, which are then moved close together.
    """
    from matplotlib.figure import Figure

    layout: Literal["compressed", "constrained"] = "compressed" if fixed_aspect else "constrained"
    return Figure(figsize=(width, height), layout=layout, facecolor="white")


def plain_axes(axes: Axes) -> None:
    """Take away the upper and the right border, which carry nothing."""
    axes.spines[["top", "right"]].set_visible(False)


def row_axes(axes: Axes) -> None:
    """Axes with one row for each name: vertical grid lines behind the rows, no ticks beside the names."""
    axes.grid(axis="x", color="#e5e5e5")
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    plain_axes(axes)


def save_figure(figure: Figure, path: str | Path) -> FigureFiles:
    """Save a figure as PNG and as SVG next to each other.

    The same figure gives the same bytes: no date, no random element names. A reader never meets half a file.

    Args:
        figure: The figure.
        path: Name without a suffix (``.png`` and ``.svg`` are taken off); its folder is made if need be.

    Raises:
        OutputError: If a file cannot be written.
    """
    path = Path(path)
    stem = path.with_suffix("") if path.suffix in {".png", ".svg"} else path
    files = FigureFiles(stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}.svg"))
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        with _laid_out(figure):
            for path in files:
                _write(figure, path)
    except OSError as fault:
        raise OutputError(f"expected a folder that can be written, found {fault}; name another folder") from fault
    return files


@contextmanager
def _laid_out(figure: Figure) -> Iterator[None]:
    """All is put in its place once, for both files; ``savefig`` draws twice to do that for each of them."""
    from matplotlib import rc_context

    engine, dpi = figure.get_layout_engine(), figure.dpi
    with rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False, "svg.hashsalt": "nomina"}):
        figure.set_dpi(_PNG_DPI)
        try:
            if engine is not None:
                engine.execute(figure)
            figure.set_layout_engine(None)
            yield
        finally:
            figure.set_layout_engine(engine)
            figure.set_dpi(dpi)


def _write(figure: Figure, path: Path) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    kind = path.suffix[1:]
    metadata = {"Date": None} if kind == "svg" else None
    try:
        figure.savefig(partial, format=kind, dpi=_PNG_DPI, metadata=metadata)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
