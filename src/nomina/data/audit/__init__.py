"""The audit of a corpus: what is in it, and what is wrong with it, before anything is trained.

One module for each family of findings; :data:`nomina.data.audit.records.KINDS` lists the kinds with their severity and
why they have it. An audit looks at corpora as they were read: cleaning would mend or drop what it is to find.
"""

from __future__ import annotations

from collections.abc import Mapping

from nomina.data.audit.characters import find_character_faults
from nomina.data.audit.columns import find_column_faults, find_pos_faults
from nomina.data.audit.facts import part_facts
from nomina.data.audit.fixing import Change, Fixed, fix
from nomina.data.audit.mentions import count_unseen, find_mention_faults, find_unseen
from nomina.data.audit.notes import find_reading_faults
from nomina.data.audit.pieces import find_piece_faults
from nomina.data.audit.records import (
    KINDS,
    SEVERITIES,
    Audit,
    Example,
    Finding,
    Lengths,
    PartFacts,
    PieceFacts,
    Severity,
    Thresholds,
    Unseen,
    finding,
)
from nomina.data.audit.repeats import find_repeat_faults
from nomina.data.audit.tagging import find_tag_faults, find_type_faults
from nomina.data.audit.view import View
from nomina.data.corpus import Corpus
from nomina.data.tags import Scheme

__all__ = [
    "KINDS",
    "SEVERITIES",
    "Audit",
    "Change",
    "Example",
    "Finding",
    "Fixed",
    "Lengths",
    "PartFacts",
    "PieceFacts",
    "Severity",
    "Thresholds",
    "Unseen",
    "audit",
    "finding",
    "fix",
]


def audit(
    parts: Mapping[str, Corpus],
    *,
    pieces: Mapping[str, PieceFacts] | None = None,
    scheme: Scheme | None = None,
    thresholds: Thresholds | None = None,
) -> Audit:
    """Look through the parts of a corpus.

    Args:
        parts: By name: ``"train"``, and ``"dev"`` and ``"test"`` where there are any; as read, not cleaned.
        pieces: Facts about word pieces by part, from :func:`nomina.encoding.audit.count_pieces`.
        scheme: What all tags are read by; each part's own scheme if not given.
        thresholds: Where findings begin.

    Returns:
        Facts by part, and the findings: errors first, in the order of :data:`~nomina.data.audit.records.KINDS`.
    """
    limits = thresholds or Thresholds()
    views = [View.of(name, corpus, scheme) for name, corpus in parts.items()]
    unseen, facts = count_unseen(views), dict(pieces or {})
    found = [
        *find_tag_faults(views, limits),
        *find_type_faults(views, limits),
        *find_repeat_faults(views, limits),
        *find_mention_faults(views, limits),
        *find_unseen(unseen),
        *find_column_faults(views, limits),
        *find_pos_faults(views, limits),
        *find_character_faults(views, limits),
        *find_piece_faults(views, facts, limits),
        *find_reading_faults(views, limits),
    ]
    order = list(KINDS)  # by severity
    findings = sorted(found, key=lambda fault: order.index(fault.kind))
    about = {part.name: part_facts(part, unseen.get(part.name, {}), facts.get(part.name)) for part in views}
    return Audit(about, tuple(findings))
