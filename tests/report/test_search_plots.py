"""Figures of a search: the numbers behind them, and that they are whole and readable, whatever was searched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise, product

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from nomina.report.plots.parallel import parallel_lines, plot_parallel
from nomina.report.plots.scales import Tick, count_text, floor_f1, length_text, setting_scale, wrapped
from nomina.report.plots.search import (
    cost_bars,
    importance_bars,
    plot_cost,
    plot_curves,
    plot_importance,
    search_curves,
)
from nomina.report.plots.settings import plot_settings, setting_dots
from nomina.scoring.search import CurvePoint, Rung, Search, TrialRow, TrialState, Value

PLOTS: tuple[Callable[[Search], Figure], ...] = (
    plot_settings,
    plot_parallel,
    plot_importance,
    plot_curves,
    plot_cost,
)


def trial(
    number: int,
    settings: Mapping[str, Value],
    *curve: tuple[float, float],
    state: TrialState = "finished",
    full: float = 3.0,
    seeds: tuple[float, ...] = (),
) -> TrialRow:
    """A trial that ended at the last point of its curve of (epochs, F1)."""
    f1 = seeds or (max(f1 for _, f1 in curve),) if state == "finished" else ()
    points = tuple(CurvePoint(*point) for point in curve)
    return TrialRow(number, settings, state, full, curve[-1][0] if curve else 0.0, points, f1)


def search_of(*rows: TrialRow, rungs: tuple[Rung, ...] | None = None, **changes: object) -> Search:
    names = tuple(rows[0].settings) if rows else ("lr",)
    values = {
        "strategy": "grid",
        "names": names,
        "rows": rows,
        "rungs": rungs or (Rung(1.0, len(rows)),),
        "seeds": (13,),
        "difference": None,
        "n_dev": 10,
        "n_entities": 20,
    }
    return Search(**{**values, **changes})  # type: ignore[arg-type]


def halving() -> Search:
    """Four trials at 1 of 4 epochs, two at 2, one at 4; the beaten ones with the higher rate were ahead at first."""
    low: dict[str, Value] = {"lr": 1e-5, "head": "crf"}
    high: dict[str, Value] = {"lr": 5e-5, "head": "linear"}
    return search_of(
        trial(0, low, (1, 0.60), (2, 0.70), (4, 0.80), full=4, seeds=(0.80, 0.82)),
        trial(1, high, (1, 0.66), state="beaten", full=4),
        trial(2, low, (1, 0.58), state="beaten", full=4),
        trial(3, high, (1, 0.64), (2, 0.69), state="beaten", full=4),
        trial(4, low, (0.5, 0.1), state="failed", full=4),
        rungs=(Rung(0.25, 5), Rung(0.5, 2), Rung(1.0, 1)),
        strategy="halving",
    )


def many() -> Search:
    """100 trials of 6 settings, some failed, some diverged."""
    rows = []
    states: tuple[TrialState, ...] = ("finished", "beaten", "beaten", "failed")
    for i in range(100):
        settings: dict[str, Value] = {
            "learning_rate": 1e-6 * 1.08**i,
            "dropout": 0.003 * i,
            "encoder": ("org/one-encoder-with-a-long-name", "org/another", "third", None)[i % 4],
            "constrained": i % 2 == 0,
            "lora_rank": (0, 8, 16, 64)[i // 25],
            "a_setting_whose_name_goes_on_and_on": i * 1000,
        }
        f1 = 0.0 if i % 11 == 0 else 0.7 + 0.001 * (i * 7 % 100)
        state = states[i * 13 % 4]
        curve = [(e, f1 - 0.05 / e if f1 else 0.0) for e in range(1, 4 if state == "finished" else 2 + i % 2)]
        rows.append(trial(i, settings, *curve, state=state))
    return search_of(*rows, importance=dict.fromkeys(rows[0].settings, 1 / 6), seeds=(13, 14))


def words() -> Search:
    """Values of all kinds in one setting, long names, full runs of several lengths, five rungs."""
    encoders = ("microsoft/deberta-v3-base", "bert-base-cased", "FacebookAI/xlm-roberta-large", "sentence/all-MiniLM")
    shares = (1 / 81, 1 / 27, 1 / 9, 1 / 3, 1.0)
    rows = []
    for i, (encoder, epochs, value) in enumerate(product(encoders, (3, 5), (None, True, "a,$b$", 4))):
        curve = [(share * epochs, 0.5 + 0.1 * share + 0.001 * i) for share in shares[: i % 5 + 1]]
        settings: dict[str, Value] = {"model.encoder": encoder, "epochs": epochs, "mixed": value}
        rows.append(trial(i, settings, *curve, state="finished" if i % 5 == 4 else "beaten", full=epochs))
    return search_of(*rows, rungs=tuple(Rung(share, 32 // 3**k) for k, share in enumerate(shares)))


SEARCHES: dict[str, Callable[[], Search]] = {
    "halving": halving,
    "many": many,
    "words": words,
    "single": lambda: search_of(trial(0, {"lr": 1e-3}, (1, 0.5), (3, 0.6))),
    "none": search_of,
    "no settings": lambda: search_of(trial(0, {}, (3, 0.6))),
    "all failed": lambda: search_of(*(trial(i, {"lr": 0.1 * i}, state="failed") for i in range(3))),
    "ties": lambda: search_of(*(trial(i, {"lr": 0.1 * (i % 2)}, (3, 0.7)) for i in range(8))),
    "no score": lambda: search_of(*(trial(i, {"a": i}, state="beaten") for i in range(2))),
    "equal but one": lambda: search_of(*(trial(i, {"a": i}, (3, 0.7 if i else 0.0)) for i in range(5))),
    "one of each state": lambda: search_of(
        trial(0, {"a": True}, (3, 0.7)), trial(1, {"a": None}, (1, 0.6), state="beaten"), trial(2, {}, state="failed")
    ),
    "no curves": lambda: search_of(*(trial(i, {"a": "x"}, seeds=(0.5 + 0.1 * i,)) for i in range(3))),
}


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.__name__)
@pytest.mark.parametrize("name", SEARCHES)
def test_every_search_is_drawn_within_its_figure(name: str, plot: Callable[[Search], Figure]) -> None:
    figure = plot(SEARCHES[name]())
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [legend.get_window_extent() for legend in figure.legends]
    boxes += [box for axes in figure.axes if (box := axes.get_tightbbox()) is not None and axes.axison]
    for box in boxes:
        assert -1 <= box.x0 < box.x1 <= width + 1
        assert -1 <= box.y0 < box.y1 <= height + 1


def test_tick_labels_of_the_panels_do_not_overlap() -> None:
    for search in (many(), words()):
        figure = plot_settings(search)
        figure.draw_without_rendering()
        for axes in figure.axes:
            boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
            assert all(left.x1 <= right.x0 for left, right in pairwise(boxes)), axes.get_xlabel()


def scale_kind(*values: Value, repeat: int = 2) -> tuple[str, tuple[Tick, ...], bool]:
    search = search_of(*(trial(i, {"a": value}, (3, 0.5)) for i, value in enumerate(values * repeat)))
    scale = setting_scale(search, "a")
    return scale.kind, scale.ticks, scale.few


def test_words_and_switches_are_at_equal_distances_in_a_fixed_order() -> None:
    assert scale_kind("b", True, None, "a", False) == (
        "equal",
        (Tick(0, "None"), Tick(0.25, "False"), Tick(0.5, "True"), Tick(0.75, "a"), Tick(1, "b")),
        True,
    )


def test_true_is_not_one_and_the_text_is_not_the_number() -> None:
    kind, ticks, _ = scale_kind(1, True, "1")
    assert kind == "equal"
    assert [tick.label for tick in ticks] == ["True", "1", "1"]


def test_few_numbers_get_a_tick_each() -> None:
    assert scale_kind(32, 16, 64) == ("linear", (Tick(0, "16"), Tick(1 / 3, "32"), Tick(1, "64")), True)


def test_positive_numbers_over_a_decade_are_on_a_log_axis() -> None:
    kind, ticks, few = scale_kind(1e-5, 1e-4, 1e-3)
    assert (kind, few) == ("log", True)
    assert [tick.label for tick in ticks] == ["1e-05", "0.0001", "0.001"]
    assert [tick.place for tick in ticks] == pytest.approx([0, 0.5, 1])
    assert scale_kind(0, 0.25, 0.5)[0] == "linear"
    assert scale_kind(1, 9.9)[0] == "linear"


def test_few_numbers_too_close_to_each_other_are_at_equal_distances() -> None:
    kind, ticks, _ = scale_kind(0, 0.01, 0.02, 0.5)
    assert kind == "equal"
    assert [tick.label for tick in ticks] == ["0", "0.01", "0.02", "0.5"]


def test_many_numbers_get_round_ticks_within_their_range() -> None:
    kind, ticks, few = scale_kind(*(1.2e-6 * 1.1**i for i in range(60)), repeat=1)
    assert (kind, few) == ("log", False)
    assert [tick.label for tick in ticks] == ["3e-06", "1e-05", "3e-05", "1e-04", "3e-04"]
    kind, ticks, few = scale_kind(*range(1, 10), repeat=1)
    assert (kind, few) == ("linear", False)
    assert [tick.label for tick in ticks] == ["2", "4", "6", "8"]
    assert ticks[0].place == 1 / 8


def test_values_that_do_not_repeat_are_not_few() -> None:
    assert not scale_kind(1e-5, 2e-5, 3e-5, repeat=1)[2]
    assert scale_kind(7, repeat=1) == ("linear", (Tick(0.5, "7"),), False)


def test_many_words_get_at_most_sixteen_labels() -> None:
    assert len(scale_kind(None, *(i / 7 for i in range(40)), repeat=1)[1]) <= 16


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("short", 8, "short"),
        ("batch_size", 7, "batch_\nsize"),
        ("abcdefgh", 3, "abc\ndef\ngh"),
        ("org/some-long-name", 5, "…some-\nlong-\nname"),
        ("", 5, ""),
    ],
)
def test_long_names_are_broken_after_punctuation_and_keep_their_end(text: str, width: int, lines: str) -> None:
    assert wrapped(text, width) == lines.replace("…some-", "…ome-")


def test_a_few_diverged_trials_do_not_set_the_axis() -> None:
    assert floor_f1([80, 81, 82, 0, 1]) == 80
    assert floor_f1([60, 62, 64, 82]) == 60
    assert floor_f1([84, 83.9, 80]) == 80
    assert floor_f1([0, 0, 80]) == 0
    assert floor_f1([50]) == 50
    assert floor_f1([]) == 0


def test_lengths_and_counts_in_words() -> None:
    assert length_text(1 / 6, 3.0) == "0.5 epochs"
    assert length_text(1 / 3, 3.0) == "1 epoch"
    assert length_text(1 / 3, None) == "33% of a full run"
    assert (count_text(1, "trial"), count_text(1000, "trial")) == ("1 trial", "1,000 trials")


def test_dots_are_the_best_of_every_trial_that_did_not_fail() -> None:
    dots = setting_dots(halving())
    assert dots.trials == (0, 1, 2, 3)
    assert dots.f1 == pytest.approx((81, 66, 58, 69))
    assert dots.finished == (True, False, False, False)
    assert (dots.winner, dots.n_failed) == (0, 1)
    lr, head = dots.panels
    assert (lr.scale.name, head.scale.name) == ("lr", "head")
    assert [round(x) for x in head.x] == [0, 1, 0, 1]


def test_means_compare_trials_at_the_length_that_all_of_them_reached() -> None:
    dots = setting_dots(halving())
    assert dots.common == "1 epoch"
    # The finalist counts with its 60 points after the first epoch, not with its 81 at the end.
    assert [panel.means for panel in dots.panels] == [pytest.approx((59, 65)), pytest.approx((59, 65))]


def test_means_of_finished_trials_are_those_of_the_first_seed() -> None:
    rows = [trial(i, {"a": i % 2}, seeds=(0.5 + 0.1 * i, 0.9)) for i in range(4)]
    rows = [TrialRow(row.number, row.settings, "finished", 3.0, 3.0, (), row.f1) for row in rows]
    dots = setting_dots(search_of(*rows))
    assert dots.common == "3 epochs"
    assert dots.panels[0].means == pytest.approx((60, 70))


def test_a_length_that_whole_steps_overshoot_is_the_same_length() -> None:
    rows = [trial(i, {"a": i % 2}, (1 + 0.01 * i, 0.5 + 0.1 * i), state="beaten") for i in range(4)]
    assert setting_dots(search_of(*rows)).panels[0].means == pytest.approx((60, 70))


def test_a_value_without_a_scored_trial_has_no_mean() -> None:
    rows = [trial(0, {"a": "x"}, (3, 0.5)), trial(1, {"a": "x"}, (3, 0.6)), trial(2, {"a": "y"}, state="failed")]
    (panel,) = setting_dots(search_of(*rows)).panels
    assert panel.scale.values == ("x", "y")
    assert list(panel.means) == [pytest.approx(55), None]


def test_many_values_have_no_means_and_dots_are_right_at_them() -> None:
    rows = [trial(i, {"a": float(i)}, (3, 0.5)) for i in range(9)]
    (panel,) = setting_dots(search_of(*rows)).panels
    assert panel.means == ()
    assert panel.x == tuple(i / 8 for i in range(9))


def test_dots_at_one_value_are_beside_each_other_and_near_it() -> None:
    (panel,) = setting_dots(SEARCHES["ties"]()).panels
    assert len(set(panel.x)) == 8
    assert all(abs(x - i % 2) <= 0.25 for i, x in enumerate(panel.x))


def test_states_differ_by_shape_and_the_winner_is_ringed() -> None:
    axes = plot_settings(halving()).axes[0]
    marks = {line.get_label(): line.get_marker() for line in axes.lines}
    assert marks["finished"] == "o"
    assert marks["beaten: best until stopped"] == "x"
    assert marks["winner: trial 0"] == "o"
    assert "mean at 1 epoch, which all reached (figure below the value)" in marks
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1e-05\n59.00", "5e-05\n65.00"]


def test_diverged_trials_are_named_at_the_lower_edge() -> None:
    figure = plot_settings(SEARCHES["equal but one"]())
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert "below 70.00, at the lower edge" in labels
    assert parallel_lines(SEARCHES["equal but one"]()).places[0][-1] == 0


def test_lines_go_from_the_worst_to_the_best_and_the_better_higher() -> None:
    lines = parallel_lines(halving())
    assert lines.trials == (2, 1, 3, 0)
    assert lines.f1 == pytest.approx((58, 66, 69, 81))
    assert lines.finished == (False, False, False, True)
    assert [lines.winner, lines.n_failed, lines.floor] == [3, 1, pytest.approx(58)]
    assert [places[-1] for places in lines.places] == pytest.approx([0, 8 / 23, 11 / 23, 1])
    # Trials 2 and 0 have the lower rate, 1 and 3 the higher: each pair is a band around its value.
    assert [places[0] for places in lines.places] == pytest.approx([-0.08, 0.92, 1.08, 0.08])
    assert [tick.label for tick in lines.f1_ticks] == ["60", "65", "70", "75", "80"]


def test_of_equal_trials_the_winner_is_drawn_last() -> None:
    lines = parallel_lines(SEARCHES["ties"]())
    assert (lines.trials[-1], lines.winner) == (0, 7)
    assert {places[-1] for places in lines.places} == {0.5}


def test_importance_is_drawn_largest_first_or_said_to_be_unknown() -> None:
    search = search_of(trial(0, {"a": 1, "b": 2}, (3, 0.5)), importance={"a": 0.25, "b": 0.75})
    bars = importance_bars(search)
    assert (bars.names, bars.shares, bars.reason) == (("b", "a"), (0.75, 0.25), "")
    (axes,) = plot_importance(search).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a"]
    assert [text.get_text() for text in axes.texts] == ["75%", "25%"]
    (axes,) = plot_importance(halving()).axes
    reason = "too few trials were finished to tell (1 of 5 trials), or their F1 is all alike"
    assert [text.get_text() for text in axes.texts] == [reason]
    assert importance_bars(SEARCHES["single"]()).reason == "one setting alone cannot be weighed against others"


def test_curves_are_over_epochs_with_the_rungs() -> None:
    curves = search_curves(halving())
    assert [curve.number for curve in curves.curves] == [0, 1, 2, 3, 4]
    assert list(curves.curves[0].x) == [1, 2, 4]
    assert curves.curves[0].f1 == pytest.approx((60, 70, 80))
    assert [curve.rank for curve in curves.curves] == [0, None, None, None, None]
    assert list(curves.rungs) == [(1, 5), (2, 2), (4, 1)]
    assert (curves.end, curves.x_label) == (4, "epochs")


def test_curves_of_full_runs_of_several_lengths_are_over_their_share() -> None:
    curves = search_curves(
        search_of(trial(0, {"epochs": 2}, (1, 0.5), full=2), trial(1, {"epochs": 4}, (4, 0.6), full=4))
    )
    assert [curve.x for curve in curves.curves] == [(50,), (100,)]
    assert (curves.end, curves.x_label) == (100, "share of a full run (%)")
    assert curves.rungs == ()


def test_the_best_five_finalists_are_named_where_they_do_not_overlap() -> None:
    curves = search_curves(SEARCHES["ties"]())
    assert [curve.rank for curve in curves.curves] == [0, 1, 2, 3, 4, None, None, None]
    figure = plot_curves(SEARCHES["ties"]())
    figure.draw_without_rendering()
    names = [text for text in figure.axes[0].texts if text.get_text().startswith("trial ")]
    assert [name.get_text() for name in names] == [f"trial {i}" for i in range(5)]
    # An annotation's own extent would have its line to the curve in it.
    boxes = [Text.get_window_extent(name) for name in names]
    assert all(lower.y1 <= upper.y0 + 1 for upper, lower in pairwise(boxes))


def test_beaten_curves_end_in_a_cross() -> None:
    (axes,) = plot_curves(halving()).axes
    marks = [str(line.get_marker()) for line in axes.lines]
    assert sorted(mark for mark in marks if mark in set("oxs")) == ["o", "s", "x", "x", "x"]


def test_cost_is_split_at_the_rungs() -> None:
    search = halving()
    cost = cost_bars(search)
    assert cost.full == 20
    assert cost.parts == pytest.approx((4.5, 2, 2))
    assert sum(cost.parts) == pytest.approx(search.spent_epochs)
    assert cost.n_trials == (5, 2, 1)
    assert cost.labels == ("up to 1 epoch", "up to 2 epochs", "up to 4 epochs")
    assert cost.share == pytest.approx(8.5 / 20)
    (axes,) = plot_cost(search).axes
    assert "8.5 = 42%" in [text.get_text() for text in axes.texts]


def test_cost_without_rungs_is_one_part() -> None:
    cost = cost_bars(search_of(trial(0, {"a": 1}, (3, 0.5)), trial(1, {"a": 2}, (1, 0.5), state="beaten"), rungs=()))
    assert list(cost.parts) == [4]
    assert cost.labels == ("up to 3 epochs",)
    assert cost.n_trials == (2,)


def test_what_was_trained_beyond_the_last_rung_is_counted() -> None:
    search = search_of(trial(0, {"a": 1}, (3, 0.5)), rungs=(Rung(0.25, 1), Rung(0.5, 1)))
    assert cost_bars(search).parts == pytest.approx((0.75, 2.25))


def test_modules_load_without_matplotlib() -> None:
    script = "import sys, nomina.report.search; assert not {'matplotlib', 'rich', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
