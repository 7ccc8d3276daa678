"""What reading the files came upon, as findings."""

from __future__ import annotations

from collections.abc import Sequence

from nomina.data.audit.records import Example, Finding, Thresholds, finding
from nomina.data.audit.view import View

__all__ = ["find_reading_faults"]

_FAULTS = ("blank_word", "missing_tag", "missing_feature", "extra_columns", "repeated_number")
_FACTS = (
    "columns",
    "unused",
    "lone_quote",
    "multiword",
    "empty_node",
    "empty_sentence",
    "implicit_outside",
    "pos_column",
)


def find_reading_faults(parts: Sequence[View], thresholds: Thresholds) -> list[Finding]:
    """Notes of the readers; of encodings and missing labels other checks know more."""
    found = []
    for part in parts:
        for note in part.corpus.notes:
            kind = note.kind if note.kind in _FAULTS else "reading" if note.kind in _FACTS else None
            if kind is not None:
                source = note.source or part.corpus.source
                examples = [Example(f"{source}:{line}", "") for line in note.lines[: thresholds.n_examples]]
                found.append(finding(kind, note.message, note.count, part.name, examples))
    return found
