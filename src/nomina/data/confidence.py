"""Probabilities of spans and the temperature that calibrates them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["calibrate", "log_odds", "sigmoid", "uncalibrate"]

Floats = npt.NDArray[np.float64]

_LIMIT = 25 * float(np.log(2.0))
"""Largest log-odds of a probability that a network gave. Float32 has nothing between 1 - 2**-24 and 1; a 1 stands for
about 1 - 2**-25."""


def log_odds(p: npt.ArrayLike, limit: float = _LIMIT) -> Floats:
    """log(p / (1 - p)), in [-limit, limit], so that 0 and 1 have one, too.

    Args:
        p: Probabilities in [0, 1], any shape.
        limit: Largest value.
    """
    values = np.asarray(p, dtype=np.float64)
    with np.errstate(divide="ignore"):
        odds: Floats = np.clip(np.log(values) - np.log1p(-values), -limit, limit)
    return odds


def calibrate(p: npt.ArrayLike, temperature: float) -> Floats:
    """Divide the log-odds of probabilities by a temperature, after Guo et al. (2017, arXiv 1706.04599, section 4.2).

    ``p' = 1 / (1 + exp(-log(p / (1 - p)) / T))``: above 1, the temperature moves probabilities towards one half, below
    1 away from it. Their order stays.

    Args:
        p: Probabilities in [0, 1], any shape.
        temperature: Above 0; 1 returns ``p`` as it is, to the bit.
    """
    if temperature == 1.0:
        return np.array(p, dtype=np.float64)
    return sigmoid(log_odds(p) / temperature)


def uncalibrate(p: npt.ArrayLike, temperature: float) -> Floats:
    """The probabilities that :func:`calibrate` was given, exact but for rounding (temperatures of 0.5 and more).

    Args:
        p: Calibrated probabilities in [0, 1], any shape.
        temperature: The one that they were calibrated with.
    """
    if temperature == 1.0:
        return np.array(p, dtype=np.float64)
    return sigmoid(log_odds(p, _LIMIT / temperature) * temperature)


def sigmoid(x: Floats) -> Floats:
    """The probability that has these log-odds, in [0, 1], the shape of ``x``."""
    result: Floats = np.exp(-np.logaddexp(0.0, -x))
    return result
