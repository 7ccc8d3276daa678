"""Figures, one file each: a function that computes what is shown, one that draws it on Axes, one that does both."""

from nomina.report.plots.arms import ArmDots, arm_dots, draw_arms, plot_arms
from nomina.report.plots.calibration import plot_reliability, plot_thresholds
from nomina.report.plots.confusion import ConfusionPanel, confusion_panels, draw_confusion, plot_confusion
from nomina.report.plots.entities import EntityPanel, draw_entities, entity_panel, plot_entities
from nomina.report.plots.figure import FigureFiles, save_figure
from nomina.report.plots.parallel import plot_parallel
from nomina.report.plots.search import plot_cost, plot_curves, plot_importance
from nomina.report.plots.settings import plot_settings
from nomina.report.plots.slices import plot_slices
from nomina.report.plots.training import TrainingCurve, draw_dev_f1, draw_loss, plot_training, training_curve
from nomina.report.plots.types import TypeBars, draw_types, plot_types, type_bars

__all__ = [
    "ArmDots",
    "ConfusionPanel",
    "EntityPanel",
    "FigureFiles",
    "TrainingCurve",
    "TypeBars",
    "arm_dots",
    "confusion_panels",
    "draw_arms",
    "draw_confusion",
    "draw_dev_f1",
    "draw_entities",
    "draw_loss",
    "draw_types",
    "entity_panel",
    "plot_arms",
    "plot_confusion",
    "plot_cost",
    "plot_curves",
    "plot_entities",
    "plot_importance",
    "plot_parallel",
    "plot_reliability",
    "plot_settings",
    "plot_slices",
    "plot_thresholds",
    "plot_training",
    "plot_types",
    "save_figure",
    "training_curve",
    "type_bars",
]
