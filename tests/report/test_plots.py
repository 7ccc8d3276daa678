"""Figures: what is computed is tested by its numbers, what is drawn by being there, whole and repeatable."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from nomina.data.tags import Scheme
from nomina.errors import OutputError
from nomina.report.comparison import comparison_markdown
from nomina.report.figures import draw_evaluation, draw_training
from nomina.report.plots import (
    arm_dots,
    confusion_panels,
    entity_panel,
    plot_arms,
    plot_confusion,
    plot_entities,
    plot_training,
    plot_types,
    save_figure,
    training_curve,
    type_bars,
)
from nomina.report.plots.grid import compact_count
from nomina.report.plots.training import Series, smooth
from nomina.scoring import Evaluation, LabelConfusion, score
from nomina.scoring.comparison import ArmRow, Comparison
from nomina.scoring.entities import EntityConfusion
from nomina.scoring.significance import Difference

HISTORY = [
    {"step": 10, "epoch": 0.5, "loss": 1.0, "learning_rate": 2e-4, "grad_norm": 1.1},
    {"step": 20, "epoch": 1.0, "loss": 0.5, "learning_rate": 1e-4, "grad_norm": 0.9},
    {"step": 20, "epoch": 1.0, "dev_f1": 0.6, "dev_precision": 0.7, "dev_recall": 0.5, "dev_loss": 0.55},
    {"step": 30, "epoch": 1.5, "loss": float("nan")},
    {"step": 40, "epoch": 2.0, "dev_f1": 0.8},
    {"step": 60, "epoch": 3.0, "dev_f1": 0.8},
]


def entities_of(evaluation: Evaluation) -> EntityConfusion:
    assert evaluation.entities is not None
    return evaluation.entities


def figures(evaluation: Evaluation) -> dict[str, Figure]:
    return {
        "confusion": plot_confusion(evaluation.confusion),
        "entities": plot_entities(entities_of(evaluation)),
        "training": plot_training(HISTORY),
        "types": plot_types(evaluation),
    }


def test_confusion_panels_hold_counts_and_shares(evaluation: Evaluation) -> None:
    whole, inner = confusion_panels(evaluation.confusion)
    assert whole.labels == ("O", "B-art", "B-geo", "I-geo", "B-per", "I-per")
    assert inner.labels == whole.labels[1:]
    assert (whole.counts.sum(), inner.counts.sum()) == (10, 5)
    geo = whole.labels.index("B-geo")
    np.testing.assert_allclose(whole.shares[geo], [1 / 3, 0, 1 / 3, 1 / 3, 0, 0])
    np.testing.assert_allclose(inner.shares[geo - 1], [0, 0.5, 0.5, 0, 0])


def test_confusion_draws_one_number_per_cell_that_is_not_zero(evaluation: Evaluation) -> None:
    figure = plot_confusion(evaluation.confusion)
    panels = confusion_panels(evaluation.confusion)
    for panel, axes in zip(panels, figure.axes, strict=False):
        assert sorted(int(text.get_text()) for text in axes.texts) == sorted(panel.counts[panel.counts > 0])
        assert [text.get_text() for text in axes.get_yticklabels()] == list(panel.labels)
    assert figure.axes[2].get_ylabel() == "share of gold row"


def test_entity_panel_adds_up_to_gold_and_predicted_entities(evaluation: Evaluation) -> None:
    panel = entity_panel(entities_of(evaluation))
    assert panel.rows == ("art", "geo", "per", "SPURIOUS")
    assert panel.columns == ("art", "geo", "per", "MISSED")
    assert panel.exact.tolist() == [[0, 0, 0, 0], [0, 2, 0, 1], [0, 0, 2, 0], [1, 0, 0, 0]]
    both = panel.exact + panel.boundary
    by_type = evaluation.default.by_type.values()
    assert both.sum(axis=1)[:-1].tolist() == [counts.n_gold for counts in by_type]
    assert both.sum(axis=0)[:-1].tolist() == [counts.n_predicted for counts in by_type]
    np.testing.assert_allclose(panel.shares[1], [0, 2 / 3, 0, 1 / 3])


def test_wrong_boundaries_stand_in_the_cell_of_their_types() -> None:
    gold = [["B-geo", "I-geo"], ["B-geo", "O"], ["B-geo", "I-geo"]]
    predicted = [["B-geo", "O"], ["B-geo", "O"], ["B-per", "O"]]
    figure = plot_entities(entities_of(score(gold, predicted)))
    assert sorted(text.get_text() for text in figure.axes[0].texts) == ["0\n+1", "1\n+1"]
    assert figure.axes[0].get_title() == "3 gold and 3 predicted entities"
    assert figure.axes[1].get_ylabel() == "share of row"
    assert "same words" in figure.get_supxlabel()


def test_scores_of_a_version_without_the_entity_confusion_have_no_figure_of_it(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    assert draw_evaluation(replace(evaluation, entities=None), tmp_path).keys() == {"confusion", "types"}


@pytest.mark.parametrize(("n_types", "n_boundary"), [(3, 12_340), (18, 12_340), (30, 987)])
def test_entity_cells_hold_their_counts(n_types: int, n_boundary: int) -> None:
    types = tuple(f"WORK_OF_ART{i:02}" for i in range(n_types))
    counts = (12_340,) * n_types
    exact, boundary = (counts,) * n_types, ((n_boundary,) * n_types,) * n_types
    figure = plot_entities(EntityConfusion(types, exact, boundary, counts, counts))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    (left, bottom), (right, top) = axes.transData.transform([(0, 1), (1, 0)])
    for text in axes.texts:
        box = text.get_window_extent()
        assert box.width <= right - left
        assert box.height <= top - bottom
    outer = axes.get_tightbbox()
    assert outer is not None
    assert outer.x0 >= 0
    assert outer.y0 >= 0


@pytest.mark.parametrize("n_types", [8, 18])
def test_tick_labels_do_not_overlap_at_17_and_37_labels(n_types: int) -> None:
    tags = [f"{prefix}-WORK_OF_ART{i:02}" for i in range(n_types) for prefix in "BI"]
    figure = plot_confusion(score([["O", *tags]], [["O", *tags]]).confusion)
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    for axes in figure.axes[:2]:
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
        assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))
        outer = axes.get_tightbbox()
        assert outer is not None
        assert 0 <= outer.x0 < outer.x1 <= width
        assert 0 <= outer.y0 < outer.y1 <= height
    assert figure.axes[0].get_tightbbox().x1 <= figure.axes[1].get_tightbbox().x0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (7, "7"),
        (9_876, "9,876"),
        (12_340, "12.3k"),
        (99_949, "99.9k"),
        (99_950, "100k"),
        (742_101, "742k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (12_300_000, "12.3M"),
        (2_100_000_000, "2.1G"),
    ],
)
def test_compact_counts_have_at_most_five_characters(count: int, text: str) -> None:
    assert compact_count(count) == text
    assert len(text) <= 5


def test_training_curve_separates_the_rows_and_finds_the_first_best_step() -> None:
    curve = training_curve(HISTORY)
    assert curve.loss == Series((10, 20), (1.0, 0.5))
    assert curve.dev_f1 == Series((20, 40, 60), (0.6, 0.8, 0.8))
    assert curve.dev_loss == Series((20,), (0.55,))
    assert curve.smoothed == Series()
    assert (curve.best_step, curve.best_f1) == (40, 0.8)


def test_the_later_of_two_rows_for_one_step_counts() -> None:
    curve = training_curve([{"step": 10, "loss": 3.0}, {"step": 20, "loss": 2.0}, {"step": 10, "loss": 1.0}])
    assert curve.loss == Series((10, 20), (1.0, 2.0))


def test_long_runs_get_a_running_mean() -> None:
    curve = training_curve([{"step": step, "loss": step % 2} for step in range(400)])
    half = 10
    assert curve.smoothed.steps == tuple(range(half, 400 - half))
    expected = np.convolve(curve.loss.values, np.full(2 * half + 1, 1 / (2 * half + 1)), mode="valid")
    np.testing.assert_allclose(curve.smoothed.values, expected)


def test_smoothing_fewer_points_than_the_window_gives_nothing() -> None:
    assert smooth(Series((1, 2), (1.0, 2.0))) == Series((), ())


def test_type_bars_fall_by_support(evaluation: Evaluation) -> None:
    bars = type_bars(evaluation)
    assert bars.labels == ("geo", "per", "art")
    assert bars.support == (3, 2, 0)
    assert bars.default_f1 == (0.8, 1.0, 0.0)
    assert bars.strict_f1 == (0.5, 1.0, 0.0)
    assert bars.modes_differ
    assert bars.micro_f1 == evaluation.default.f1


def test_equal_modes_give_one_bar_per_type() -> None:
    bars = type_bars(score([["B-geo"]], [["B-geo"]]))
    assert not bars.modes_differ
    (axes,) = plot_types(score([["B-geo"]], [["B-geo"]])).axes
    assert len(axes.patches) == 1


@pytest.mark.parametrize("name", ["confusion", "entities", "training", "types"])
def test_saved_figures_are_whole_not_blank_and_repeatable(name: str, evaluation: Evaluation, tmp_path: Path) -> None:
    first = save_figure(figures(evaluation)[name], tmp_path / "a" / name)
    second = save_figure(figures(evaluation)[name], tmp_path / "b" / f"{name}.png")
    assert np.ptp(imread(first.png)[..., :3]) > 0.5
    assert ET.parse(first.svg).getroot().tag.endswith("svg")
    assert first.svg.read_bytes() == second.svg.read_bytes()
    assert first.png.read_bytes() == second.png.read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [f"{name}.png", f"{name}.svg"]


def test_all_figures_of_a_run_are_saved_by_name(evaluation: Evaluation, tmp_path: Path) -> None:
    files = {**draw_evaluation(evaluation, tmp_path), **draw_training(HISTORY, tmp_path)}
    assert files == {name: tmp_path / f"{name}.png" for name in ("confusion", "types", "entities", "training")}
    assert all(path.exists() and path.with_suffix(".svg").exists() for path in files.values())


def test_dollar_signs_in_a_type_are_not_read_as_formulas(tmp_path: Path) -> None:
    evaluation = score([["B-$^$"]], [["O"]])
    save_figure(plot_confusion(evaluation.confusion), tmp_path / "confusion")
    save_figure(plot_types(evaluation), tmp_path / "types")
    save_figure(plot_entities(entities_of(evaluation)), tmp_path / "entities")


def test_a_name_with_a_dot_keeps_it(evaluation: Evaluation, tmp_path: Path) -> None:
    assert save_figure(plot_types(evaluation), tmp_path / "run.v1").png.name == "run.v1.png"


def test_a_folder_that_cannot_be_made_is_an_output_error(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="another folder"):
        save_figure(plot_types(evaluation), tmp_path / "file" / "types")


def test_nothing_to_draw_is_drawn_all_the_same(tmp_path: Path) -> None:
    save_figure(plot_training([]), tmp_path / "training")
    save_figure(plot_types(score([["O"]], [["O"]])), tmp_path / "types")
    save_figure(plot_confusion(LabelConfusion((), ())), tmp_path / "confusion")
    save_figure(plot_confusion(score([], [], Scheme.BIOES).confusion), tmp_path / "outside")
    save_figure(plot_entities(entities_of(score([], []))), tmp_path / "entities")


def test_plots_leave_pyplot_alone(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from nomina.report.plots import plot_training, save_figure\n"
        "assert 'matplotlib' not in sys.modules\n"
        f"save_figure(plot_training([]), {str(tmp_path / 'x')!r})\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def comparison(seeds: tuple[int, ...] = (1, 2)) -> Comparison:
    better, worse = Difference(0.02, 0.01, 0.03, 0.001), Difference(-0.3, -0.4, -0.2, 0.001)
    little, nothing = Difference(-0.01, -0.02, 0.01, 0.4), Difference(0.005, -0.01, 0.02, 0.5)
    rows = (
        ArmRow("none", "words", True, 100, (0.5, 0.6), None, None, 0, 10.0),
        ArmRow("concat", "given", True, 100, (0.55, 0.59), better, 0.002, 1, 11.0, "none", better),
        ArmRow("concat", "none", False, 100, (0.5, 0.58), little, None, 0, 11.0),
        ArmRow("concat", "shuffled", False, 100, (0.2, 0.3), worse, None, 0, 11.0),
        ArmRow("crf", "words", True, 100, (0.5, 0.61), nothing, 0.5, 1, None),
        # What it has over the baseline it owes to the chain.
        ArmRow("pos+crf", "given", True, 100, (0.6, 0.65), better, 0.002, 2, 12.0, "crf", little),
    )
    return Comparison("none", rows, seeds, 50, 70)


def test_arms_are_drawn_by_their_difference_to_the_baseline() -> None:
    dots = arm_dots(comparison(), 100)
    assert dots.labels == ("concat", "scored with no tags", "crf", "pos+crf")
    assert dots.is_main == (True, False, True, True)
    assert dots.delta == pytest.approx((2.0, -1.0, 0.5, 2.0))
    assert dots.low == pytest.approx((1.0, -2.0, -1.0, 1.0))
    assert dots.seeds[0] == pytest.approx((0.0, 4.0))
    assert dots.baseline == "none (55.00)"
    (axes,) = plot_arms(comparison()).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(dots.labels)


def test_comparison_in_words_and_in_a_table() -> None:
    verdict = comparison().verdict
    assert "Do part-of-speech tags help? Yes: 'concat', +2.00 points of F1 to 'none' (95 % interval +1.00" in verdict
    assert "p = 0.001, 0.002 allowing for the number of arms" in verdict
    assert "Scored without any tags, it has 54.00 (-1.00 to 'none')" in verdict
    assert "Scored with tags dealt out at random, it has 25.00 (-30.00 to 'none')" in verdict
    assert "Is anything else better than 'none'? Not beyond doubt. The best arm is 'crf', +0.50" in verdict
    assert "pos+crf" not in verdict  # tags give it nothing over the same without them
    markdown = comparison_markdown(comparison())
    assert "| concat | given | 57.00 | 2.83 | +2.00 | +1.00 to +3.00 | 0.002 | 11 |" in markdown
    assert "|  | shuffled | 25.00 |" in markdown
    assert "50 test sentences, 70 entities" in markdown


def test_one_seed_is_never_sure() -> None:
    verdict = comparison(seeds=(1,)).verdict
    assert "1 seed. Do part-of-speech tags help? Not beyond doubt. The best arm is 'concat'" in verdict
    assert "Yes" not in verdict
    assert "the scatter of training is not in the interval" in comparison_markdown(comparison(seeds=(1,)))
