"""A trained model at work: one path for training-time evaluation, ``evaluate``, ``predict`` and serving."""

from nomina.inference.predictor import Prediction, Predictor, choose_device

__all__ = ["Prediction", "Predictor", "choose_device"]
