"""A trained model at work: one path for training-time evaluation, ``evaluate``, ``predict`` and serving."""

from nomina.inference.prediction import Prediction
from nomina.inference.predictor import InputFacts, Predictor, TagUse
from nomina.inference.regimes import REGIMES, Regime, predict_under, regimes_of, tag_accuracy
from nomina.inference.tag_sources import has_tags, tag_missing, tag_source, with_tags

__all__ = [
    "REGIMES",
    "InputFacts",
    "Prediction",
    "Predictor",
    "Regime",
    "TagUse",
    "has_tags",
    "predict_under",
    "regimes_of",
    "tag_accuracy",
    "tag_missing",
    "tag_source",
    "with_tags",
]
