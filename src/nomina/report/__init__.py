"""What people look at: score tables, figures and the model card. Numbers come in ready; nothing is predicted here."""

from nomina.report.card import CardFacts, PartSize, model_card
from nomina.report.plots import plot_confusion, plot_curves, plot_training, plot_types, save_figure
from nomina.report.tables import scores_markdown, scores_table

__all__ = [
    "CardFacts",
    "PartSize",
    "model_card",
    "plot_confusion",
    "plot_curves",
    "plot_training",
    "plot_types",
    "save_figure",
    "scores_markdown",
    "scores_table",
]
