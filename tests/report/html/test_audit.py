"""An audit as HTML: all of it is there, and nothing in it is taken for markup."""

from __future__ import annotations

from html.parser import HTMLParser

from hostile import an_audit
from nomina.report.html.audit import audit_html, audit_page

_VOID = {"meta", "input", "br"}


class Tree(HTMLParser):
    """Opens and closes elements as they come, and keeps what it saw."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(str.__str__(html))  # markup would escape what is added to it
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_everything_is_there_and_escaped() -> None:
    found = an_audit()
    tree = Tree(audit_html(found))
    assert tree.stack == []
    names = {tag for tag, _ in tree.tags}
    assert not names & {"script", "style", "html", "body", "b", "h2"}
    assert {"h3", "table", "caption", "th", "details", "summary"} <= names
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in tree.tags if tag == "th")
    assert not any(name.startswith("on") or name == "style" for _, attributes in tree.tags for name in attributes)
    assert all(finding.message in tree.text for finding in found.findings)
    assert all(example.place in tree.text for finding in found.findings for example in finding.examples)
    classes = {name for _, attributes in tree.tags for name in (attributes.get("class") or "").split()}
    assert {"severity-error", "severity-warning", "severity-info"} <= classes


def test_the_page_is_whole() -> None:
    page = audit_page(an_audit())
    assert page.startswith("<!doctype html>")
    assert "default-src &#39;none&#39;" in page
    assert "<script>alert" not in page
    assert 'id="audit-errors"' in page
