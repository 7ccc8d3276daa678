"""Results that several commands show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nomina.cli.console import Output

if TYPE_CHECKING:
    from nomina.runs import Judged

__all__ = ["show_by_tags"]


def show_by_tags(judged: Judged, out: Output) -> None:
    """Show the scores under each choice of part-of-speech tags, where there is more than one."""
    from nomina.inference import REGIMES
    from nomina.report.tables import tags_table

    if judged.by_tags:
        by_tags = {REGIMES[regime]: evaluation for regime, evaluation in judged.by_tags.items()}
        out.show(tags_table(by_tags, judged.pos_accuracy))
