"""Results that several commands show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nomina.cli.console import Output

if TYPE_CHECKING:
    from nomina.judging import Judged

__all__ = ["show_by_tags", "show_trust"]


def show_by_tags(judged: Judged, out: Output) -> None:
    """Show the scores under each choice of part-of-speech tags, where there is more than one."""
    from nomina.inference import REGIMES
    from nomina.report.tables import tags_table

    if judged.by_tags:
        by_tags = {REGIMES[regime]: evaluation for regime, evaluation in judged.by_tags.items()}
        out.show(tags_table(by_tags, judged.pos_accuracy))


def show_trust(judged: Judged, out: Output) -> None:
    """Show the other readings, how sure the scores are, and the rival, where there is one."""
    from nomina.report.tables import confidence_line, interval_line, readings_table

    out.show(readings_table(judged.evaluation))
    out.show(interval_line(judged.analysis))
    out.show(confidence_line(judged.analysis))
    if judged.rival is not None:
        out.show(judged.rival.verdict)
