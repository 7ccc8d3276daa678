"""An audit as people look at it on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from nomina.data.audit.records import SEVERITIES, Audit, Finding, Lengths, PartFacts

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

__all__ = ["HEADINGS", "FactRow", "audit_table", "fact_rows", "verdict_line"]

HEADINGS = {"error": "Errors", "warning": "Warnings", "info": "Good to know"}
"""What findings of a severity stand under."""

_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}


class FactRow(NamedTuple):
    """One line of the table of parts: a fact, and its value for each part."""

    name: str
    values: tuple[str, ...]


def fact_rows(audit: Audit) -> list[FactRow]:
    """Sizes, lengths, scheme and types of the parts, side by side; what no part has is left out."""
    parts = list(audit.parts.values())
    rows = [FactRow(name, tuple(map(value, parts))) for name, value in _FACTS]
    labels = sorted({label for part in parts for label in part.types}, key=lambda label: -_n_mentions(parts, label))
    rows += [FactRow(f"  {label}", tuple(f"{part.types.get(label, 0):,}" for part in parts)) for label in labels]
    return [row for row in rows if any(value not in ("", "0") for value in row.values)]


def _n_mentions(parts: Sequence[PartFacts], label: str) -> int:
    return sum(part.types.get(label, 0) for part in parts)


def _spread(lengths: Lengths) -> str:
    return f"{lengths.median:g} · {lengths.p99:g} · {lengths.largest:,}"


def _over_limit(part: PartFacts) -> str:
    if part.pieces is None:
        return ""
    return f"{part.pieces.n_over_limit:,} ({part.pieces.n_over_limit / max(part.n_sentences, 1):.2%})"


def _features(part: PartFacts) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in part.n_values.items())


_FACTS: tuple[tuple[str, Callable[[PartFacts], str]], ...] = (
    ("sentences", lambda part: f"{part.n_sentences:,}"),
    ("words", lambda part: f"{part.n_words:,}"),
    ("different words", lambda part: f"{part.n_distinct_words:,}"),
    ("documents", lambda part: f"{part.n_documents:,}"),
    ("encoding guessed", lambda part: part.encoding or ""),
    ("words per sentence (median · 99 % · most)", lambda part: _spread(part.n_words_per_sentence)),
    ("pieces per sentence (median · 99 % · most)", lambda part: _spread(part.pieces.lengths) if part.pieces else ""),
    ("sentences over the encoder's limit", _over_limit),
    ("words without a piece", lambda part: f"{sum(part.pieces.without_piece.values()):,}" if part.pieces else ""),
    ("different feature values", _features),
    ("different entity tags", lambda part: f"{len(part.labels):,}"),
    ("tag scheme", lambda part: part.scheme or ""),
    ("mentions", lambda part: f"{part.n_mentions:,}"),
)


def audit_table(audit: Audit) -> Group:
    """Lay an audit out for the terminal: parts side by side, then findings with their places, errors first."""
    from rich.console import Group
    from rich.text import Text

    blocks: list[Table | Text] = [_parts_table(audit)]
    for severity in SEVERITIES:
        found = audit.of(severity)
        if found:
            blocks.append(Text(f"{HEADINGS[severity]} ({len(found)})", style=_STYLES[severity]))
            blocks += [line for one in found for line in _finding_lines(one)]
            blocks.append(Text(""))
    return Group(*blocks, Text(verdict_line(audit), style="bold"))


def verdict_line(audit: Audit) -> str:
    """The verdict, and which encoder's pieces were counted."""
    encoders = {part.pieces.encoder for part in audit.parts.values() if part.pieces is not None}
    return audit.verdict + (f"; pieces are those of {', '.join(sorted(encoders))}" if encoders else "")


def _parts_table(audit: Audit) -> Table:
    from rich import box
    from rich.markup import escape as escape_markup
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("", overflow="fold")
    for name in audit.parts:
        table.add_column(escape_markup(name), justify="right", overflow="fold")
    for row in fact_rows(audit):
        table.add_row(*map(escape_markup, (row.name, *row.values)))
    return table


def _finding_lines(found: Finding) -> Iterable[Text]:
    from rich.text import Text

    part = f" {found.part}:" if found.part else ""
    yield Text.assemble("  ", (found.kind, _STYLES[found.severity]), f"{part} {found.message}")
    for example in found.examples:
        yield Text(f"      {example.place}  {example.text}".rstrip(), style="dim")
