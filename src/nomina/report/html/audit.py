"""The audit of a corpus as HTML: sections of a page of its own, or a part of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nomina.data.audit.records import SEVERITIES, Audit, PartFacts
from nomina.report.audit import HEADINGS, fact_rows, verdict_line
from nomina.report.html import parts
from nomina.report.html.markup import fill
from nomina.report.html.page import Section, render_page

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["audit_html", "audit_page"]

_N_TAGS = 60


def audit_page(audit: Audit, title: str = "Audit") -> str:
    """A whole page of an audit."""
    return render_page(title, _sections(audit), subtitle=verdict_line(audit))


def audit_html(audit: Audit) -> Markup:
    """The same within a section of another page, with headings of the third level."""
    inner = [part for section in _sections(audit) for part in (parts.heading(section.title), section.html)]
    return parts.join(parts.paragraph(verdict_line(audit)), *inner)


def _sections(audit: Audit) -> list[Section]:
    findings = [
        Section(f"audit-{severity}s", f"{HEADINGS[severity]} ({len(found)})", fill("findings", findings=found))
        for severity in SEVERITIES
        if (found := audit.of(severity))
    ]
    values = parts.join(*(table for part in audit.parts.values() for table in _values(part)))
    return [
        Section("audit-parts", "Parts", _facts(audit)),
        *findings,
        Section("audit-values", "Tags and values", values),
    ]


def _facts(audit: Audit) -> Markup:
    sources = "; ".join(f"{name}: {part.source}" for name, part in audit.parts.items())
    rows = [(row.name.strip(), *row.values) for row in fact_rows(audit)]
    return parts.table(f"What the parts hold ({sources})", ("fact", *audit.parts), rows)


def _values(part: PartFacts) -> list[Markup]:
    tables = [("entity tags", part.labels), *part.features.items()]
    return [
        fill(
            "details",
            summary=f"{part.name}: {name}",
            content=parts.table(
                f"Words of the {part.name} part by {name}",
                (name, "words"),
                [(value, f"{n:,}") for value, n in list(values.items())[:_N_TAGS]],
            ),
        )
        for name, values in tables
        if values
    ]
