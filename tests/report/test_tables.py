"""Score tables: the same figures in the terminal and in Markdown."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console

from nomina.report.tables import (
    reading_figures,
    readings_markdown,
    readings_table,
    score_rows,
    scores_caption,
    scores_markdown,
    scores_table,
)
from nomina.scoring import Evaluation, score
from nomina.scoring.modes import MODES


def test_rows_are_the_types_and_then_the_averages(evaluation: Evaluation) -> None:
    rows = score_rows(evaluation)
    assert [row.name for row in rows] == ["art", "geo", "per", "micro", "macro", "weighted"]
    assert [row.support for row in rows] == [0, 3, 2, 5, 5, 5]
    geo = rows[1]
    assert (geo.default.recall, geo.strict.recall) == (2 / 3, 1 / 3)


def test_caption_says_how_the_figures_came_about(evaluation: Evaluation) -> None:
    caption = scores_caption(evaluation)
    for part in ("seqeval", "IOB2", "4 sentences", "10 words", "1 predicted sequence repaired", "1 word without"):
        assert part in caption


def test_caption_tells_of_gold_that_is_not_valid() -> None:
    assert "strict mode reads 0 gold entities" in scores_caption(score([["I-per"]], [["B-per"]]))


def test_terminal_table_fits_eighty_columns(evaluation: Evaluation) -> None:
    console = Console(width=80, record=True, file=StringIO())
    console.print(scores_table(evaluation, "dev"))
    lines = console.export_text().splitlines()
    (geo,) = (line.split() for line in lines if line.strip().startswith("geo"))
    assert geo == ["geo", "3", "1.0000", "0.6667", "0.8000", "1.0000", "0.3333", "0.5000"]
    assert any(line.strip().startswith("weighted avg") for line in lines)
    assert max(map(len, lines)) <= 80


def test_type_names_are_not_read_as_rich_markup() -> None:
    console = Console(width=80, record=True, file=StringIO())
    console.print(scores_table(score([["B-[red]"]], [["O"]])))
    assert "[red]" in console.export_text()


def test_markdown_has_one_row_of_equal_width_per_type_and_average(evaluation: Evaluation) -> None:
    lines = scores_markdown(evaluation).split("\n\n")[0].splitlines()
    assert len(lines) == 2 + 6
    assert {line.count("|") for line in lines} == {9}
    assert "| geo | 3 | 1.0000 | 0.6667 | 0.8000 | 1.0000 | 0.3333 | 0.5000 |" in lines


def test_a_type_with_a_bar_does_not_break_the_markdown() -> None:
    assert r"| a\|b | 1 |" in scores_markdown(score([["B-a|b"]], [["O"]]))


def test_no_entities_at_all_still_gives_the_averages() -> None:
    assert [row.name for row in score_rows(score([["O"]], [["O"]]))] == ["micro", "macro", "weighted"]


def test_six_readings_stand_side_by_side() -> None:
    evaluation = score([["B-geo", "I-geo"], ["B-per"]], [["I-geo", "O"], ["B-geo"]])
    figures = reading_figures(evaluation)
    assert list(figures) == list(MODES)
    assert [f.f1 for f in figures.values()] == [0.0, 0.0, 0.0, 0.5, 0.75, 0.5]
    assert list(reading_figures(replace(evaluation, modes=None))) == ["seqeval default", "seqeval strict"]


def test_readings_fit_eighty_columns_with_what_they_mean(evaluation: Evaluation) -> None:
    console = Console(width=80, record=True, file=StringIO())
    console.print(readings_table(evaluation))
    text = console.export_text()
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    (partial,) = (line.split() for line in lines if line.strip().startswith("nervaluate partial"))
    assert partial[2:5] == ["0.8000", "0.8000", "0.8000"]
    assert all(MODES["nervaluate partial"].split()[i] in text for i in range(5))


def test_readings_follow_the_scores_in_markdown(evaluation: Evaluation) -> None:
    markdown = scores_markdown(evaluation)
    assert markdown.endswith(readings_markdown(evaluation))
    assert "| nervaluate exact: An entity is right if all its words are, whatever its type. | 0.8000 |" in markdown
    assert "nervaluate" not in scores_markdown(replace(evaluation, modes=None))
