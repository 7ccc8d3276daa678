"""An audit as people look at it: tables for the terminal, and a page for the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from nomina.data.audit.records import SEVERITIES, Audit, Finding, PartFacts

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

__all__ = ["FactRow", "audit_html", "audit_page", "audit_table", "fact_rows"]

_HEADINGS = {"error": "Errors", "warning": "Warnings", "info": "Good to know"}
_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}
_N_TAGS = 60


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


def _words(part: PartFacts) -> str:
    lengths = part.n_words_per_sentence
    return f"{lengths.median:g} · {lengths.p99:g} · {lengths.largest:,}"


def _pieces(part: PartFacts) -> str:
    if part.pieces is None:
        return ""
    lengths = part.pieces.lengths
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
    ("words per sentence (median · 99 % · most)", _words),
    ("pieces per sentence (median · 99 % · most)", _pieces),
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
            blocks.append(Text(f"{_HEADINGS[severity]} ({len(found)})", style=_STYLES[severity]))
            blocks += [line for one in found for line in _finding_lines(one)]
            blocks.append(Text(""))
    return Group(*blocks, Text(_verdict(audit), style="bold"))


def _verdict(audit: Audit) -> str:
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


def audit_html(audit: Audit) -> str:
    """An audit as HTML sections, without a page around them, scripts or styles; every text in it is escaped.

    Classes: ``severity-error``, ``severity-warning`` and ``severity-info`` on findings, ``num`` on cells with numbers.
    """
    sections = [
        _section("Parts", _html_parts(audit)),
        *(
            _section(f"{_HEADINGS[severity]} ({len(audit.of(severity))})", "".join(map(_html_finding, found)))
            for severity in SEVERITIES
            if (found := audit.of(severity))
        ),
        _section("Tags and values", "".join(_html_values(part) for part in audit.parts.values())),
    ]
    return "".join([f"<p>{escape(_verdict(audit))}.</p>\n", *sections])


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{escape(heading)}</h2>\n{content}</section>\n"


def _html_table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column names the rows and whose others are numbers."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f'<td class="num">{escape(cell)}</td>' for cell in rest)
        + "</tr>\n"
        for first, *rest in rows
    )
    return (
        f"<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}</tbody>\n</table>\n"
    )


def _html_parts(audit: Audit) -> str:
    sources = "; ".join(f"{name}: {part.source}" for name, part in audit.parts.items())
    rows = [(row.name.strip(), *row.values) for row in fact_rows(audit)]
    return _html_table(f"What the parts hold ({sources})", ("fact", *audit.parts), rows)


def _html_finding(found: Finding) -> str:
    part = f"{found.part}: " if found.part else ""
    places = "".join(
        f"<li><code>{escape(example.place)}</code> {escape(example.text)}</li>\n" for example in found.examples
    )
    title = f"<strong>{escape(found.kind)}</strong> {escape(part + found.message)}"
    if not places:
        return f'<p class="severity-{found.severity}">{title}</p>\n'
    is_open = " open" if found.severity == "error" else ""
    return (
        f'<details class="severity-{found.severity}"{is_open}>\n<summary>{title}</summary>\n'
        f"<ul>\n{places}</ul>\n</details>\n"
    )


def _html_values(part: PartFacts) -> str:
    tables = [("entity tags", part.labels), *part.features.items()]
    return "".join(
        f"<details>\n<summary>{escape(f'{part.name}: {name}')}</summary>\n"
        + _html_table(
            f"Words of the {part.name} part by {name}",
            (name, "words"),
            [(value, f"{n:,}") for value, n in list(values.items())[:_N_TAGS]],
        )
        + "</details>\n"
        for name, values in tables
        if values
    )


_STYLE = """
:root { color-scheme: light dark; --error: #b3261e; --warning: #8a5a00; --line: #8886; }
@media (prefers-color-scheme: dark) { :root { --error: #ff8a80; --warning: #ffc966; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
caption { text-align: left; overflow-wrap: anywhere; }
th, td { padding: .2rem .8rem; border-bottom: 1px solid var(--line); text-align: left; }
.num { text-align: right; font-variant-numeric: tabular-nums; }
details, p { margin: .5rem 0; }
li { overflow-wrap: anywhere; }
.severity-error { border-left: .3rem solid var(--error); padding-left: .7rem; }
.severity-warning { border-left: .3rem solid var(--warning); padding-left: .7rem; }
.severity-info { border-left: .3rem solid var(--line); padding-left: .7rem; }
"""


def audit_page(audit: Audit, title: str = "Audit") -> str:
    """A whole page that needs nothing else, neither network nor scripts; light or dark as the reader's system is."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n{audit_html(audit)}</main>\n</body>\n</html>\n"
    )
