"""An audit on a terminal and as HTML: all of it is there, and nothing in it is taken for markup."""

from __future__ import annotations

from html.parser import HTMLParser

from rich.console import Console

from nomina.data.audit import Audit, audit
from nomina.data.corpus import Corpus
from nomina.data.records import Sentence
from nomina.data.tags import Scheme
from nomina.report.audit import audit_html, audit_page, audit_table, fact_rows

EVIL = "<script>alert('x')</script>[bold]"
_VOID = {"meta"}


class Tree(HTMLParser):
    """Opens and closes elements as they come, and keeps what it saw."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def an_audit() -> Audit:
    bad = Sentence((EVIL, "b", "c", "d"), {"pos": (EVIL, "NN", "NN", "NN")}, ("I-a", "O", "B-<b>", "O"), line=1)
    good = Sentence(("e", "b", "c", "d"), {"pos": ("X", "NN", "NN", "NN")}, ("B-a", "O", "O", "O"), line=6)
    return audit({"train": Corpus((bad, bad, good), Scheme.IOB2, EVIL), "test": Corpus((bad,), Scheme.IOB2, "test")})


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


def test_html_is_well_formed_and_escaped() -> None:
    found = an_audit()
    tree = Tree(audit_html(found))
    assert tree.stack == []
    names = {tag for tag, _ in tree.tags}
    assert not names & {"script", "style", "html", "body", "b"}
    assert {"section", "table", "caption", "th", "details", "summary"} <= names
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in tree.tags if tag == "th")
    assert sum(tag == "table" for tag, _ in tree.tags) == sum(tag == "caption" for tag, _ in tree.tags)
    assert not any(name.startswith("on") or name == "style" for _, attributes in tree.tags for name in attributes)
    assert all(finding.message in tree.text for finding in found.findings)
    classes = {attributes.get("class") for _, attributes in tree.tags}
    assert {"severity-error", "severity-warning", "severity-info", "num"} <= classes


def test_the_page_needs_nothing_else() -> None:
    page = audit_page(an_audit())
    tree = Tree(page)
    assert tree.stack == []
    assert page.startswith("<!DOCTYPE html>")
    assert {"html", "head", "title", "main", "style"} <= {tag for tag, _ in tree.tags}
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in tree.tags}
    assert "http" not in page.replace(EVIL, "")
    assert "prefers-color-scheme: dark" in page
