"""Scores: gold and predicted tags in, counts, figures and the label confusion out.

:func:`score` is the way in. What an entity is, and every figure, is as in seqeval's default (``conlleval``) and strict
mode (Nakayama 2018, https://github.com/chakki-works/seqeval), which the tests hold it to; the counting is our own. The
counts are kept, and every figure is derived from them.
"""

from nomina.scoring.confusion import LabelConfusion, label_confusion
from nomina.scoring.entities import EntityConfusion
from nomina.scoring.evaluate import Evaluation, score
from nomina.scoring.modes import MODES, Modes
from nomina.scoring.scores import Average, Counts, MatchingMode, Scores
from nomina.scoring.significance import sentence_counts

__all__ = [
    "MODES",
    "Average",
    "Counts",
    "EntityConfusion",
    "Evaluation",
    "LabelConfusion",
    "MatchingMode",
    "Modes",
    "Scores",
    "label_confusion",
    "score",
    "sentence_counts",
]
