"""An audit on a terminal: all of it is there, and nothing in it is taken for markup."""

from __future__ import annotations

from rich.console import Console

from hostile import EVIL, an_audit
from nomina.data.audit import Audit
from nomina.report.audit import audit_table, fact_rows


def shown(found: Audit) -> str:
    console = Console(width=300, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(audit_table(found))
    return capture.get()


def test_everything_is_on_the_terminal() -> None:
    found = an_audit()
    text = shown(found)
    for finding in found.findings:
        assert finding.kind in text
        assert finding.message in text
        assert all(example.place in text and example.text in text for example in finding.examples)
    assert text.rstrip().endswith(found.verdict)
    assert EVIL in text  # markup of the terminal's own kind stays text


def test_rows_stand_side_by_side() -> None:
    rows = {row.name.strip(): row.values for row in fact_rows(an_audit())}
    assert rows["sentences"] == ("3", "1")
    assert rows["words"] == ("12", "4")
    assert rows["a"] == ("3", "1")
    assert "documents" not in rows
