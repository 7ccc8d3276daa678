"""Scores as tables: in the terminal (Rich) and in Markdown, from the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from nomina.scoring.analysis import Analysis
from nomina.scoring.evaluate import Evaluation
from nomina.scoring.modes import MODES, Tally
from nomina.scoring.scores import Average, Counts

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "ScoreRow",
    "confidence_line",
    "escape_cell",
    "interval_line",
    "markdown_table",
    "reading_figures",
    "readings_markdown",
    "readings_table",
    "score_rows",
    "scores_caption",
    "scores_markdown",
    "scores_table",
    "tags_markdown",
    "tags_table",
]

_Figures: TypeAlias = Counts | Average


class ScoreRow(NamedTuple):
    """One line of a score table: an entity type or an average, in both matching modes."""

    name: str
    support: int
    default: _Figures
    strict: _Figures
    is_average: bool = False


def interval_line(analysis: Analysis) -> str:
    """How sure the F1 is, in a sentence."""
    intervals = analysis.intervals
    f1, macro = intervals.f1, intervals.macro_f1
    return (
        f"F1 {f1.value:.4f}, 95 % interval {f1.low:.4f} to {f1.high:.4f}; macro F1 {macro.value:.4f}, {macro.low:.4f} "
        f"to {macro.high:.4f} (bootstrap over {intervals.n_units:,} {intervals.units})."
    )


def confidence_line(analysis: Analysis) -> str:
    """What a span's confidence is worth, in a sentence."""
    confidence = analysis.confidence
    return (
        f"Expected calibration error of the spans' confidence {confidence.after.ece:.4f} at temperature "
        f"{confidence.temperature:.2f}, {confidence.before.ece:.4f} without it."
    )


def score_rows(evaluation: Evaluation) -> list[ScoreRow]:
    """Entity types alphabetically, then the micro, macro and weighted averages.

    A type that only one of the two modes finds has zero counts in the other. ``support`` is that of the default mode.
    """
    default, strict = evaluation.default, evaluation.strict
    rows = []
    for name in sorted(default.by_type.keys() | strict.by_type.keys()):
        counts = default.by_type.get(name, Counts())
        rows.append(ScoreRow(name, counts.support, counts, strict.by_type.get(name, Counts())))
    support = default.micro.support
    return [
        *rows,
        ScoreRow("micro", support, default.micro, strict.micro, is_average=True),
        ScoreRow("macro", support, default.macro, strict.macro, is_average=True),
        ScoreRow("weighted", support, default.weighted, strict.weighted, is_average=True),
    ]


def scores_caption(evaluation: Evaluation) -> str:
    """How the figures came about: scorer, scheme, modes, size, repaired sequences, words without a prediction."""
    n_repaired = evaluation.default.n_repaired
    parts = [
        f"seqeval, {evaluation.scheme.value}, default (as conlleval) and strict",
        f"{_count(evaluation.n_sentences, 'sentence')}, {_count(evaluation.n_words, 'word')}",
        f"{_count(n_repaired, 'predicted sequence')} repaired by the default mode",
    ]
    if evaluation.n_missing_words:
        parts.append(f"{_count(evaluation.n_missing_words, 'word')} without a prediction, counted as O")
    if evaluation.strict.micro.support != evaluation.default.micro.support:
        parts.append(
            f"the strict mode reads {evaluation.strict.micro.support:,} gold entities, since some gold tags are not "
            f"valid {evaluation.scheme.value}"
        )
    return "; ".join(parts) + "."


def scores_table(evaluation: Evaluation, title: str | None = None) -> Table:
    """Lay the scores out for the terminal, default and strict side by side; fits 80 columns with short type names."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=title,
        caption=scores_caption(evaluation),
        box=box.SIMPLE_HEAD,
        caption_justify="left",
        collapse_padding=True,
    )
    table.add_column("type", overflow="fold")
    for heading in ("support", *(f"{mode}\n{figure}" for mode in ("default", "strict") for figure in ("P", "R", "F1"))):
        table.add_column(heading, justify="right", no_wrap=True)
    rows = score_rows(evaluation)
    for i, row in enumerate(rows):
        last_type = not row.is_average and i + 1 < len(rows) and rows[i + 1].is_average
        table.add_row(
            *map(escape, _cells(row)),
            end_section=last_type,
            style="bold" if row.name == "micro" and row.is_average else None,
        )
    return table


def scores_markdown(evaluation: Evaluation) -> str:
    """The same as a Markdown table with its caption below, for model cards and READMEs; ends with a line break.

    The readings side by side follow, where there are more than seqeval's two.
    """
    figures = ("precision", "recall", "F1")
    header = ["type", "support", *figures, *(f"strict {figure}" for figure in figures)]
    rows = [_cells(row) for row in score_rows(evaluation)]
    readings = "" if evaluation.modes is None else f"\n{readings_markdown(evaluation)}"
    return f"{markdown_table(header, rows)}\n{scores_caption(evaluation)}\n{readings}"


def reading_figures(evaluation: Evaluation) -> dict[str, Counts | Tally]:
    """Figures over all types by reading, named and ordered as in :data:`~nomina.scoring.modes.MODES`.

    Scores of a version that did not count nervaluate's modes have seqeval's two readings only.
    """
    figures: dict[str, Counts | Tally] = {
        "seqeval default": evaluation.default.micro,
        "seqeval strict": evaluation.strict.micro,
    }
    modes = evaluation.modes
    if modes is not None:
        figures |= {
            f"nervaluate {name}": getattr(modes, name).overall for name in ("strict", "exact", "partial", "type")
        }
    return figures


_READINGS_HEADER = ("reading, all types", "precision", "recall", "F1")


def readings_table(evaluation: Evaluation) -> Table:
    """The readings side by side for the terminal, each with what it means; fits 80 columns."""
    from rich import box
    from rich.table import Table

    table = Table(title="By what counts as right", box=box.SIMPLE_HEAD, collapse_padding=True)
    table.add_column(_READINGS_HEADER[0], no_wrap=True)
    for heading in ("P", "R", "F1"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("meaning", overflow="fold")
    for name, figures in reading_figures(evaluation).items():
        table.add_row(name, *_shares(figures), MODES[name])
    return table


def readings_markdown(evaluation: Evaluation) -> str:
    """The same as a Markdown table; ends with a line break."""
    rows = [(f"{name}: {MODES[name]}", *_shares(figures)) for name, figures in reading_figures(evaluation).items()]
    return markdown_table(_READINGS_HEADER, rows)


_TAGS_HEADER = ("part-of-speech tags", "precision", "recall", "F1", "to the first")


def _tags_rows(evaluations: Mapping[str, Evaluation]) -> list[tuple[str, ...]]:
    scores = {name: evaluation.default for name, evaluation in evaluations.items()}
    first = next(iter(scores.values())).f1 if scores else 0.0
    return [
        (name, f"{s.precision:.4f}", f"{s.recall:.4f}", f"{s.f1:.4f}", f"{s.f1 - first:+.4f}")
        for name, s in scores.items()
    ]


def tags_table(evaluations: Mapping[str, Evaluation], pos_accuracy: float | None = None) -> Table:
    """Scores (seqeval's default) by the part-of-speech tags that the model read, for the terminal.

    Args:
        evaluations: By what the tags were, in words.
        pos_accuracy: Share of words whose tag from the model's source is the corpus's own, in [0, 1].
    """
    from rich import box
    from rich.table import Table

    caption = (
        None if pos_accuracy is None else f"The source's tags are the corpus's own on {pos_accuracy:.2%} of words."
    )
    table = Table(title="By part-of-speech tags", caption=caption, box=box.SIMPLE_HEAD, caption_justify="left")
    table.add_column(_TAGS_HEADER[0], overflow="fold")
    for heading in _TAGS_HEADER[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in _tags_rows(evaluations):
        table.add_row(*row)
    return table


def tags_markdown(evaluations: Mapping[str, Evaluation]) -> str:
    """The same as a Markdown table; ends with a line break."""
    return markdown_table(_TAGS_HEADER, _tags_rows(evaluations))


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A GitHub-flavoured Markdown table: first column left, the others right; ends with a line break."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join("| " + " | ".join(escape_cell(cell) for cell in line) + " |\n" for line in lines)


def escape_cell(text: str) -> str:
    """Text that does not break out of a Markdown table cell."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def _cells(row: ScoreRow) -> list[str]:
    name = f"{row.name} avg" if row.is_average else row.name
    return [name, f"{row.support:,}", *_shares(row.default), *_shares(row.strict)]


def _shares(figures: _Figures | Tally) -> list[str]:
    return [f"{share:.4f}" for share in (figures.precision, figures.recall, figures.f1)]


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
