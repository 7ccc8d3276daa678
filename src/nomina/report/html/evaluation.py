"""The report of an evaluation: what one opens to see how good a model is, how sure that is, and where it errs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nomina.report.html import parts
from nomina.report.html.errors import ErrorSentence, error_payload, errors_link, errors_section
from nomina.report.html.page import Section, render_page
from nomina.report.tables import reading_figures, score_rows, scores_caption
from nomina.scoring.analysis import Analysis, Rival
from nomina.scoring.entities import EntityConfusion
from nomina.scoring.evaluate import Evaluation
from nomina.scoring.intervals import Interval
from nomina.scoring.modes import MODES
from nomina.scoring.pairs import Kind
from nomina.scoring.scores import Average, Counts

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["MISSED", "SPURIOUS", "ReportFacts", "evaluation_report"]

MISSED, SPURIOUS = "MISSED", "SPURIOUS"
"""Names of the column and the row of entities without a partner."""

_FIGURES: dict[str, tuple[str, str, str]] = {
    # Purpose of the figure: section, what is to be seen, caption.
    "types": ("types", "Bars of F1 by entity type", "F1 of each type, seqeval's default and strict mode."),
    "entities": (
        "confusion",
        "Heat map of gold against predicted entity types",
        "Entities by gold and predicted type; “+n” are pairs that share words, but not all.",
    ),
    "confusion": (
        "confusion",
        "Two heat maps of gold against predicted tags",
        "Words by gold and predicted tag, with and without O.",
    ),
    "reliability": (
        "confidence",
        "Reliability diagrams before and after calibration",
        "Share of spans that are right by their confidence; on the diagonal, confidence means what it says.",
    ),
    "thresholds": (
        "confidence",
        "Precision, recall and F1 by threshold",
        "What becomes of precision and recall when spans below a confidence are dropped.",
    ),
    "slices": ("slices", "F1 by slice, with intervals", "F1 of parts of the entities; whiskers are 95 % intervals."),
    "training": ("training", "Loss and dev F1 over the steps", "Loss and dev F1 over the steps of training."),
}


@dataclass(frozen=True, kw_only=True)
class ReportFacts:
    """What a report tells.

    Attributes:
        title: Of the page: the model's name, usually.
        subtitle: What was evaluated.
        evaluation: The scores.
        analysis: How far they can be trusted.
        errors: The sentences with an error.
        figures: Figures that were drawn, PNG files with an SVG beside each, by purpose (:mod:`nomina.report.figures`).
        by_tags: Scores by what the part-of-speech tags were, in words.
        rival: Another model on the same sentences.
        settings: The text of ``run.toml``; empty where it is not known.
        costs: What training and predicting took, in words.
        data: What is known of the data, in words.
        audit: The audit of the data as HTML; empty without one.
        calibration: How the temperature came about, in words.
    """

    title: str
    subtitle: str
    evaluation: Evaluation
    analysis: Analysis
    errors: Sequence[ErrorSentence]
    figures: Mapping[str, Path] = field(default_factory=dict)
    by_tags: Mapping[str, Evaluation] = field(default_factory=dict)
    rival: Rival | None = None
    settings: str = ""
    costs: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    audit: str = ""
    calibration: str = ""


def evaluation_report(facts: ReportFacts) -> str:
    """Write the whole report, one HTML file.

    Raises:
        OSError: If a figure cannot be read.
    """
    sections = [
        Section("summary", "Summary", _summary(facts)),
        Section("types", "Entity types", parts.join(_types(facts), *_drawn(facts, "types"))),
        Section("confusion", "Confusion", parts.join(*_confusion(facts.evaluation), *_drawn(facts, "confusion"))),
        Section("confidence", "Confidence", parts.join(*_confidence(facts), *_drawn(facts, "confidence"))),
        Section("slices", "Slices", parts.join(*_drawn(facts, "slices"), _slices(facts.analysis))),
        errors_section(facts.errors, n_sentences=facts.evaluation.n_sentences),
    ]
    if facts.data or facts.audit:
        known = [parts.definition_list(facts.data)] if facts.data else []
        sections.append(Section("data", "Data", "\n".join([*known, facts.audit])))
    if facts.costs or "training" in facts.figures:
        costs = [parts.definition_list(facts.costs)] if facts.costs else []
        sections.append(Section("training", "Training and cost", parts.join(*_drawn(facts, "training"), *costs)))
    if facts.settings:
        sections.append(Section("settings", "Settings", parts.code_block(facts.settings, "run.toml")))
    payload = {"errors": error_payload(facts.errors)}
    return render_page(facts.title, sections, subtitle=facts.subtitle, payload=payload)


def _drawn(facts: ReportFacts, section: str) -> list[Markup]:
    return [
        parts.figure(facts.figures[purpose].with_suffix(".svg").read_text(encoding="utf-8"), alt, caption)
        for purpose, (of_section, alt, caption) in _FIGURES.items()
        if of_section == section and purpose in facts.figures
    ]


def _summary(facts: ReportFacts) -> Markup:
    evaluation, analysis = facts.evaluation, facts.analysis
    intervals, default = analysis.intervals, evaluation.default
    figures = [
        parts.KeyFigure("F1", f"{default.f1:.4f}", _range(intervals.f1)),
        parts.KeyFigure("precision", f"{default.precision:.4f}", _range(intervals.precision)),
        parts.KeyFigure("recall", f"{default.recall:.4f}", _range(intervals.recall)),
        parts.KeyFigure("macro F1", f"{default.macro.f1:.4f}", _range(intervals.macro_f1)),
        parts.KeyFigure("entities", f"{default.micro.n_gold:,}", f"{evaluation.n_sentences:,} sentences"),
        parts.KeyFigure("calibration error", f"{analysis.confidence.after.ece:.4f}", "ECE of the spans' confidence"),
    ]
    caption = scores_caption(evaluation)
    drawn = f"95 % intervals by {intervals.n_resamples:,} draws of {intervals.n_units:,} {intervals.units}."
    return parts.join(
        parts.key_figures(figures),
        parts.paragraph(f"{caption} {drawn}"),
        *_rival(facts.rival),
        _readings(evaluation),
        *_by_tags(facts.by_tags),
    )


def _ends(interval: Interval) -> str:
    return f"{interval.low:.4f} to {interval.high:.4f}"


def _range(interval: Interval) -> str:
    return f"{_ends(interval)} (95 %)"


def _shares(figures: Counts | Average) -> list[str]:
    return [f"{figures.precision:.4f}", f"{figures.recall:.4f}", f"{figures.f1:.4f}"]


def _readings(evaluation: Evaluation) -> Markup:
    rows = [
        [name, f"{found.precision:.4f}", f"{found.recall:.4f}", f"{found.f1:.4f}", MODES[name]]
        for name, found in reading_figures(evaluation).items()
    ]
    header = ["reading", "precision", "recall", "F1", "what counts as right"]
    return parts.table("By what counts as right", header, rows, numeric=(1, 2, 3))


def _rival(rival: Rival | None) -> list[Markup]:
    return [] if rival is None else [parts.paragraph(rival.verdict)]


def _by_tags(evaluations: Mapping[str, Evaluation]) -> list[Markup]:
    if not evaluations:
        return []
    rows = [[name, *_shares(evaluation.default.micro)] for name, evaluation in evaluations.items()]
    return [parts.table("By the part-of-speech tags", ["part-of-speech tags", "precision", "recall", "F1"], rows)]


def _types(facts: ReportFacts) -> Markup:
    intervals = facts.analysis.intervals.by_type

    def cells(name: str, support: int, default: Counts | Average, strict: Counts | Average) -> list[str]:
        interval = intervals.get(name)
        ends = "" if interval is None else _ends(interval)
        return [name, f"{support:,}", *_shares(default), ends, f"{strict.f1:.4f}"]

    rows, footer = [], []
    for row in score_rows(facts.evaluation):
        line = cells(row.name, row.support, row.default, row.strict)
        if row.is_average:
            footer.append(line)
        else:
            links = parts.link(row.name, errors_link(gold=[row.name]))
            rows.append([links, *line[1:]])
    header = ["type", "entities", "precision", "recall", "F1", "95 % interval of F1", "F1 strict"]
    note = "A type leads to its errors. F1 strict is seqeval's strict mode; all else is the default."
    return parts.table("Scores by entity type", header, rows, footer=footer, note=note)


def _confusion(evaluation: Evaluation) -> list[Markup]:
    confusion = evaluation.entities
    if confusion is None:
        return []
    caption = "Entities with the same words, by gold and predicted type"
    exact = [[*row, missed] for row, missed in zip(confusion.exact, confusion.missed, strict=True)]
    matrices = [
        _matrix(f"{caption}; those without a partner", confusion, [*exact, [*confusion.spurious, 0]], has_rest=True)
    ]
    if any(map(any, confusion.boundary)):
        boundary = [list(row) for row in confusion.boundary]
        matrices.append(_matrix("Entities that share words, but not all", confusion, boundary, has_rest=False))
    note = (
        "Each gold entity is in one cell of its type's row in one of the two tables; each predicted entity is in one "
        "cell of its type's column."
    )
    return [*matrices, parts.paragraph(note)]


def _matrix(caption: str, confusion: EntityConfusion, counts: list[list[int]], *, has_rest: bool) -> Markup:
    rest = {SPURIOUS, MISSED} if has_rest else set()

    def href(gold: str, predicted: str) -> str | None:
        if gold in rest or predicted in rest:
            kind: Kind = "spurious" if gold in rest else "missed"
            named = {"predicted": [predicted]} if gold in rest else {"gold": [gold]}
            return errors_link(kinds=[kind], **named)  # type: ignore[arg-type]
        if has_rest and gold == predicted:
            return None
        kind = "type" if has_rest else "boundary" if gold == predicted else "both"
        return errors_link(kinds=[kind], gold=[gold], predicted=[predicted])

    types = list(confusion.types)
    rows, columns = ([*types, SPURIOUS], [*types, MISSED]) if has_rest else (types, types)
    return parts.count_matrix(caption, rows, columns, counts, href=href, note="A cell leads to its errors.")


def _confidence(facts: ReportFacts) -> list[Markup]:
    confidence = facts.analysis.confidence
    before, after, curve = confidence.before, confidence.after, confidence.curve
    figures = {
        "temperature": f"{confidence.temperature:.4f}",
        "expected calibration error before": f"{before.ece:.4f}",
        "expected calibration error after": f"{after.ece:.4f}",
        "Brier score before": f"{before.brier:.4f}",
        "Brier score after": f"{after.brier:.4f}",
    }
    points = {"all": curve.all_kept, "best F1": curve.best}
    points |= {f"{threshold:.2f}": curve.at(threshold) for threshold in (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)}
    rows = [
        [name, f"{p.threshold:.4f}", f"{p.n_kept:,}", f"{p.precision:.4f}", f"{p.recall:.4f}", f"{p.f1:.4f}"]
        for name, p in points.items()
    ]
    header = ["kept", "confidence at least", "spans", "precision", "recall", "F1"]
    note = (
        "A span's confidence is the geometric mean of its words' probabilities, its log-odds divided by the "
        "temperature. The best threshold was chosen on these very sentences."
    )
    origin = [parts.paragraph(facts.calibration)] if facts.calibration else []
    return [
        parts.definition_list(figures),
        *origin,
        parts.table("Spans above a confidence", header, rows, note=note),
    ]


def _slices(analysis: Analysis) -> Markup:
    rows = [
        [
            f"{one.facet}: {one.value}",
            f"{one.counts.n_gold:,}",
            f"{one.counts.n_predicted:,}",
            *_shares(one.counts),
            _ends(one.f1),
        ]
        for one in analysis.slices
    ]
    header = ["slice", "gold", "predicted", "precision", "recall", "F1", "95 % interval"]
    note = "An entity is in the slice of its own words, gold or predicted; each facet's counts add up to all entities."
    return parts.table("Scores by slice", header, rows, note=note)
