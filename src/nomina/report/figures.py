"""All figures of a run or of an evaluation, saved side by side as PNG and SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nomina.report.plots.calibration import plot_reliability, plot_thresholds
from nomina.report.plots.confusion import plot_confusion
from nomina.report.plots.entities import plot_entities
from nomina.report.plots.figure import save_figure
from nomina.report.plots.slices import plot_slices
from nomina.report.plots.training import plot_training
from nomina.report.plots.types import plot_types
from nomina.scoring.analysis import Analysis
from nomina.scoring.evaluate import Evaluation

__all__ = ["draw_evaluation", "draw_training"]


def draw_evaluation(evaluation: Evaluation, folder: Path, analysis: Analysis | None = None) -> dict[str, Path]:
    """Draw the confusion of words (``confusion``) and of entities (``entities``), and the F1 by type (``types``).

    With an analysis also how reliable confidence is (``reliability``), what a threshold does (``thresholds``), and the
    F1 of slices (``slices``).

    Scores of a version without the entity confusion have no figure of it.

    Returns:
        The PNG files by name; an SVG stands next to each.
    """
    figures = {"confusion": plot_confusion(evaluation.confusion), "types": plot_types(evaluation)}
    if evaluation.entities is not None:
        figures["entities"] = plot_entities(evaluation.entities)
    if analysis is not None:
        confidence = analysis.confidence
        names = "before", f"after, temperature {confidence.temperature:.2f}"
        figures["reliability"] = plot_reliability(dict(zip(names, (confidence.before, confidence.after), strict=True)))
        figures["thresholds"] = plot_thresholds(confidence.curve)
        figures["slices"] = plot_slices(analysis.slices, evaluation.default.f1)
    return {name: save_figure(figure, folder / name).png for name, figure in figures.items()}


def draw_training(history: Iterable[Mapping[str, Any]], folder: Path) -> dict[str, Path]:
    """Draw loss and dev F1 over the steps (``training``), from the rows of ``history.jsonl``."""
    return {"training": save_figure(plot_training(history), folder / "training").png}
