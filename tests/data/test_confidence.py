from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data.confidence import calibrate, log_odds, sigmoid, uncalibrate

TEMPERATURES = st.floats(0.05, 20)
SCORES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20)


@given(st.floats(1e-7, 1 - 1e-7), TEMPERATURES)
def test_the_formula(p: float, temperature: float) -> None:
    expected = 1 / (1 + math.exp(-math.log(p / (1 - p)) / temperature))
    assert float(calibrate(p, temperature)) == pytest.approx(expected, rel=1e-6)


@given(SCORES)
def test_a_temperature_of_1_changes_nothing(scores: list[float]) -> None:
    assert calibrate(scores, 1.0).tolist() == uncalibrate(scores, 1.0).tolist() == scores


@given(SCORES, TEMPERATURES)
def test_order_is_kept_and_one_half_stays(scores: list[float], temperature: float) -> None:
    p = np.array([*sorted(scores), 0.5])
    calibrated = calibrate(p, temperature)
    assert (np.diff(calibrated[:-1]) >= 0).all()
    assert ((calibrated >= 0) & (calibrated <= 1)).all()
    assert calibrated[-1] == pytest.approx(0.5)
    inner = (p > 1e-7) & (p < 1 - 1e-7)
    nearer = np.abs(calibrated - 0.5) <= np.abs(p - 0.5) + 1e-9
    farther = np.abs(calibrated - 0.5) >= np.abs(p - 0.5) - 1e-9
    assert (nearer if temperature >= 1 else farther)[inner].all()


@given(SCORES, st.floats(0.5, 20))
def test_calibration_can_be_taken_back(scores: list[float], temperature: float) -> None:
    limit = 2.0**-25
    back = uncalibrate(calibrate(scores, temperature), temperature)
    np.testing.assert_allclose(back, np.clip(scores, limit, 1 - limit), atol=1e-7)


def test_0_and_1_are_as_far_as_float32_goes() -> None:
    low, half, high = log_odds([0.0, 0.5, 1.0])
    assert (-low, half) == (high, 0.0)
    nearest = float(np.nextafter(np.float32(1), np.float32(0)))
    assert float(log_odds(nearest)) < high == pytest.approx(math.log(2**25 - 1), abs=1e-6)
    assert float(sigmoid(np.array(-800.0))) == 0.0
