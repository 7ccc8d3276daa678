from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss, precision_recall_curve

from nomina.data.confidence import sigmoid
from nomina.data.records import Span
from nomina.scoring import score
from nomina.scoring.calibration import (
    TEMPERATURES,
    Outcomes,
    calibrate,
    fit_temperature,
    reliability,
    span_outcomes,
    threshold_curve,
)

Spans = tuple[np.ndarray, np.ndarray]


def simulate(n: int, temperature: float, seed: int) -> Spans:
    """Scores whose log-odds, divided by a temperature, are those of being right."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(1, 2, size=n)
    return sigmoid(odds), rng.random(n) < sigmoid(odds / temperature)


@st.composite
def outcomes(draw: st.DrawFn, min_size: int = 0) -> Spans:
    """Scores with ties, at borders of bins and at 0 and 1, too."""
    scores = st.one_of(st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.9, 1.0]), st.floats(0, 1, width=32))
    pairs = draw(st.lists(st.tuples(scores, st.booleans()), min_size=min_size, max_size=60))
    return np.array([p for p, _ in pairs], dtype=float), np.array([right for _, right in pairs], dtype=bool)


@given(st.floats(0.3, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_known_temperature_is_found(temperature: float, seed: int) -> None:
    p, correct = simulate(20_000, temperature, seed)
    fitted = fit_temperature(p, correct)
    assert fitted.value == pytest.approx(temperature, rel=0.12)
    assert fitted.reason is None
    after = reliability(calibrate(p, fitted.value), correct)
    assert after.ece < 0.02
    if not 0.7 < temperature < 1.4:
        assert after.ece < reliability(p, correct).ece
        assert after.brier < reliability(p, correct).brier


@given(outcomes(min_size=30))
@settings(max_examples=40, deadline=None)
def test_fitting_never_harms_and_is_the_best_on_a_grid(spans: Spans) -> None:
    p, correct = spans
    fitted = fit_temperature(p, correct)
    assert TEMPERATURES[0] <= fitted.value <= TEMPERATURES[1]
    assert fitted.nll_after <= fitted.nll_before
    limited = np.clip(p, 2.0**-25, 1 - 2.0**-25)
    if len(set(correct.tolist())) > 1:
        assert fitted.nll_before == pytest.approx(log_loss(correct, limited), rel=1e-6, abs=1e-9)
        grid = np.geomspace(*TEMPERATURES, 40)[:, None]
        calibrated = sigmoid(np.log(limited / (1 - limited)) / grid)
        others = -np.log(np.where(correct, calibrated, 1 - calibrated) + 1e-300).mean(1)
        assert fitted.nll_after <= others.min() + 1e-6


@pytest.mark.parametrize(
    ("p", "correct", "value", "reason"),
    [
        ([0.9] * 29, [True, False] * 14 + [True], 1.0, "too few spans: 29, at least 30"),
        ([], [], 1.0, "too few spans: 0"),
        ([0.9] * 40, [True] * 40, 1.0, "all 40 spans are right"),
        ([0.9] * 40, [False] * 40, 1.0, "all 40 spans are wrong"),
        ([0.5] * 40, [True, False] * 20, 1.0, "none is better than 1"),
        ([0.9, 0.1] * 20, [False, True] * 20, 20.0, "the highest that is tried"),
        ([0.6, 0.4] * 20, [True, False] * 20, 0.05, "the lowest that is tried"),
    ],
)
def test_what_cannot_be_fitted_says_so(p: list[float], correct: list[bool], value: float, reason: str) -> None:
    fitted = fit_temperature(np.array(p), np.array(correct, dtype=bool))
    assert fitted.value == value
    assert (fitted.reason or "").startswith(reason)
    assert json.loads(json.dumps(fitted.to_dict()))["n_spans"] == len(p)


@given(outcomes(min_size=1), st.integers(1, 15))
@settings(max_examples=50, deadline=None)
def test_bins_are_those_of_sklearn(spans: Spans, n_bins: int) -> None:
    p, correct = spans
    found = reliability(p, correct, n_bins)
    accuracy, confidence = calibration_curve(correct, p, n_bins=n_bins, strategy="uniform")
    filled = [b for b in found.bins if b.n_spans]
    assert [b.accuracy for b in filled] == pytest.approx(accuracy)
    assert [b.confidence for b in filled] == pytest.approx(confidence)
    assert found.n_spans == len(p)
    assert [b.low for b in found.bins] == pytest.approx([i / n_bins for i in range(n_bins)])
    assert [b.high for b in found.bins] == pytest.approx([(i + 1) / n_bins for i in range(n_bins)])
    assert found.brier == pytest.approx(brier_score_loss(correct, p, pos_label=True))
    shares = np.array([b.n_spans for b in filled]) / len(p)
    assert found.ece == pytest.approx((shares * np.abs(accuracy - confidence)).sum())


def test_calibration_error_by_hand() -> None:
    found = reliability(np.array([0.95, 0.95, 0.85, 0.15]), np.array([True, False, True, False]))
    assert found.ece == pytest.approx((2 * 0.45 + 0.15 + 0.15) / 4)
    empty = reliability(np.array([]), np.array([], dtype=bool))
    assert (empty.ece, empty.brier, empty.n_spans) == (0.0, 0.0, 0)
    assert json.loads(json.dumps(found.to_dict()))["bins"][9]["accuracy"] == 0.5


@given(outcomes(min_size=1), st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_the_curve_is_that_of_sklearn(spans: Spans, n_missed: int) -> None:
    p, correct = spans
    curve = threshold_curve(p, correct, int(correct.sum()) + n_missed)
    assert (np.diff(curve.thresholds) < 0).all()
    if correct.any():
        precision, recall, thresholds = precision_recall_curve(correct, p)
        np.testing.assert_array_equal(curve.thresholds, thresholds[::-1])
        np.testing.assert_allclose(curve.precision, precision[:-1][::-1])
        np.testing.assert_allclose(curve.recall * curve.n_gold / correct.sum(), recall[:-1][::-1])
    points = [curve.at(threshold) for threshold in curve.thresholds]
    assert [point.f1 for point in points] == pytest.approx(curve.f1)
    assert curve.best.f1 == max(point.f1 for point in points)
    assert curve.all_kept[1:] == points[-1][1:]


@given(outcomes(), st.floats(0, 1), st.integers(0, 5))
@settings(deadline=None)
def test_a_point_is_what_counting_gives(spans: Spans, threshold: float, n_missed: int) -> None:
    p, correct = spans
    n_gold = int(correct.sum()) + n_missed
    point = threshold_curve(p, correct, n_gold).at(threshold)
    kept = p >= threshold
    n_right = int(correct[kept].sum())
    assert point.n_kept == kept.sum()
    assert point.precision == pytest.approx(n_right / kept.sum() if kept.any() else 0)
    assert point.recall == pytest.approx(n_right / n_gold if n_gold else 0)
    total = point.precision + point.recall
    assert point.f1 == pytest.approx(2 * point.precision * point.recall / total if total else 0)


def test_of_equal_thresholds_the_one_that_keeps_most_is_best() -> None:
    # F1 is 2/3 with the first span alone, and again with all three.
    curve = threshold_curve(np.array([0.9, 0.5, 0.4, 0.3]), np.array([True, False, False, True]), 2)
    assert curve.f1.tolist() == pytest.approx([2 / 3, 0.5, 0.4, 2 / 3])
    assert (curve.best.threshold, curve.best.n_kept) == (0.3, 4)
    record = json.loads(json.dumps(curve.to_dict()))
    assert record["points"][9] == {"threshold": 0.5, "n_kept": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5}
    nothing = threshold_curve(np.array([]), np.array([], dtype=bool), 3)
    assert nothing.best == nothing.all_kept == (0.0, 0, 0.0, 0.0, 0.0)


def test_outcomes_are_those_that_the_score_counts() -> None:
    gold = [("B-per", "I-per", "O"), ("I-geo", "B-geo"), ()]  # the first geo is read as a start
    spans = [[Span("per", 0, 2, 0.9), Span("geo", 2, 3, 0.4)], [Span("geo", 0, 1, 0.8), Span("org", 1, 2, 0.7)], []]
    found = span_outcomes(gold, spans)
    assert isinstance(found, Outcomes)
    assert found.p.tolist() == [0.9, 0.4, 0.8, 0.7]
    assert found.correct.tolist() == [True, False, True, False]
    tags = [("B-per", "I-per", "B-geo"), ("B-geo", "B-org"), ()]
    micro = score(gold, tags).default.micro
    assert (found.n_gold, found.correct.sum(), len(found.p)) == (micro.n_gold, micro.n_correct, micro.n_predicted)
    with pytest.raises(ValueError, match="spans of 3 sentences, found 2"):
        span_outcomes(gold, spans[:2])
    with pytest.raises(ValueError, match="spans with scores"):
        span_outcomes(gold[:1], [[Span("per", 0, 2)]])
