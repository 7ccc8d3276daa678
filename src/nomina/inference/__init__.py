"""A trained model at work: one path for training-time evaluation, ``evaluate``, ``predict`` and serving."""

from nomina.inference.predictor import Prediction, Predictor, TagUse, choose_device
from nomina.inference.regimes import REGIMES, Regime, predict_under, regimes_of, tag_accuracy
from nomina.inference.tag_sources import POS, SPACY, tag_source, with_tags

__all__ = [
    "POS",
    "REGIMES",
    "SPACY",
    "Prediction",
    "Predictor",
    "Regime",
    "TagUse",
    "choose_device",
    "predict_under",
    "regimes_of",
    "tag_accuracy",
    "tag_source",
    "with_tags",
]
