from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

from nomina.report.plots.calibration import plot_reliability, plot_thresholds, reliability_dots, threshold_lines
from nomina.report.plots.slices import plot_slices, slice_dots
from nomina.scoring.calibration import calibrate, reliability, threshold_curve
from nomina.scoring.intervals import Interval
from nomina.scoring.scores import Counts
from nomina.scoring.slices import Slice

P = np.array([0.95, 0.95, 0.85, 0.15])
CORRECT = np.array([True, False, True, False])
NOTHING = np.array([]), np.array([], dtype=bool)
SLICES = [
    Slice("entity length", "1 word", Counts(90, 100, 100), Interval(0.9, 0.85, 0.94)),
    Slice("entity length", "2 words", Counts(2, 4, 4), Interval(0.5, 0.2, 0.8)),
    Slice("capitalisation", "Title", Counts(92, 104, 104), Interval(0.88, 0.84, 0.92)),
    Slice("document", "a" * 40, Counts(50, 60, 50), Interval(0.9, 0.8, 0.95)),
    Slice("document", "$b_1$", Counts(42, 44, 54), Interval(0.8, 0.7, 0.9)),
    Slice("window border", "near", Counts(0, 1, 0), Interval(0.0, 0.0, 1.0)),
    Slice("window border", "elsewhere", Counts(92, 103, 104), Interval(0.9, 0.8, 0.95)),
]


def test_dots_are_the_bins_with_spans() -> None:
    found = reliability(P, CORRECT)
    dots = reliability_dots(found)
    assert dots.confidence == pytest.approx((0.15, 0.85, 0.95))
    assert dots.accuracy == pytest.approx((0.0, 1.0, 0.5))
    assert dots.counts == (0, 1, 0, 0, 0, 0, 0, 0, 1, 2)
    assert dots.middles == pytest.approx([0.05 + 0.1 * i for i in range(10)])
    assert (dots.width, dots.ece) == (0.1, found.ece)


def test_both_diagrams_have_one_scale_and_say_their_error() -> None:
    before, after = reliability(P, CORRECT), reliability(calibrate(P, 2.0), CORRECT)
    figure = plot_reliability({"before": before, "after, T = 2.00": after})
    upper = figure.axes[:2]
    assert [axes.get_title() for axes in upper] == [
        f"before\nECE {before.ece:.4f}",
        f"after, T = 2.00\nECE {after.ece:.4f}",
    ]
    assert upper[0].get_ylim() == upper[1].get_ylim()
    assert figure.axes[2].get_ylim() == figure.axes[3].get_ylim()
    assert [text.get_text() for text in figure.axes[2].texts] == ["1", "1", "2"]


def test_lines_are_points_of_the_curve() -> None:
    curve = threshold_curve(P, CORRECT, 3)
    lines = threshold_lines(curve)
    assert lines.thresholds[0] == 0.0
    assert lines.thresholds[-1] == pytest.approx(0.95, abs=0.002)
    for i in (0, 100, 200, 450):
        point = curve.at(lines.thresholds[i])
        assert (lines.precision[i], lines.recall[i], lines.f1[i]) == point[2:]
    assert lines.best == curve.best
    labels = plot_thresholds(curve).axes[0].get_legend_handles_labels()[1]
    assert labels == ["precision", "recall", "F1", f"best F1 {curve.best.f1:.4f} at 0.850 (all kept: 0.5714)"]


def test_slices_stand_below_their_facet() -> None:
    dots = slice_dots(SLICES, 0.88)
    assert dots.headings == (("entity length", 0), ("document", 3), ("window border", 6))  # all are Title
    assert dots.rows == (1, 2, 4, 5, 7, 8)
    assert dots.labels == ("1 word", "2 words", "a" * 31 + "…", "$b_1$", "near", "elsewhere")
    assert dots.f1 == (0.9, 0.5, 0.9, 0.8, 0.0, 0.9)
    assert dots.low[:2] == (0.85, 0.2)
    assert dots.high[:2] == (0.94, 0.8)
    assert dots.support == (100, 4, 50, 54, 0, 104)


def test_few_entities_are_hollow() -> None:
    axes = plot_slices(SLICES, 0.88).axes[0]
    solid, hollow = axes.lines[:2]
    assert np.column_stack(solid.get_data()).tolist() == [[0.9, 1], [0.9, 4], [0.8, 5], [0.9, 8]]
    assert np.column_stack(hollow.get_data()).tolist() == [[0.5, 2], [0.0, 7]]
    assert hollow.get_markerfacecolor() == "white"
    assert len(axes.collections[0].get_paths()) == 6  # whiskers
    assert axes.get_xlim() == (0.0, 1.0)
    # The whisker of the four entities down to 0.2 makes the others no smaller.
    assert plot_slices(SLICES[:5], 0.88).axes[0].get_xlim() == (0.4, 1.0)


@cache
def drawn() -> dict[str, Figure]:
    found = reliability(P, CORRECT)
    many = [
        Slice("document", f"document-with-a-long-name-{i:02}", Counts(9, 10, 10 + i), Interval(0.9, 0.3, 1.0))
        for i in range(40)
    ]
    return {
        "reliability": plot_reliability({"before": found, "after, T = 2.00": found}),
        "one": plot_reliability({"as the model gives them": found}),
        "no spans": plot_reliability({"before": reliability(*NOTHING), "after": reliability(*NOTHING)}),
        "thresholds": plot_thresholds(threshold_curve(P, CORRECT, 3)),
        "no thresholds": plot_thresholds(threshold_curve(*NOTHING, 3)),
        "slices": plot_slices([*SLICES[:2], *many], 0.9),
        "no slices": plot_slices([], 0.0),
    }


@pytest.mark.parametrize(
    "name", ["reliability", "one", "no spans", "thresholds", "no thresholds", "slices", "no slices"]
)
def test_nothing_overlaps_or_sticks_out(name: str) -> None:
    figure = drawn()[name]
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    for axes in figure.axes:
        outer = axes.get_tightbbox()
        assert outer is not None
        assert -1 <= outer.x0 < outer.x1 <= width + 1
        assert -1 <= outer.y0 < outer.y1 <= height + 1
        places = [label.get_window_extent() for label in axes.get_yticklabels() if label.get_text()]
        places.sort(key=lambda box: box.y0)
        assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(places))
    [legend] = figure.legends
    assert all(legend.get_window_extent().y1 <= axes.get_tightbbox().y0 for axes in figure.axes)  # type: ignore[union-attr]
    assert legend.get_window_extent().x0 >= 0
    assert legend.get_window_extent().x1 <= width
