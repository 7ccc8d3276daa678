"""What a report's page says, text by text, each with its place; read with Python's own parser of HTML."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, TypeAlias

__all__ = ["Page", "Place", "read_page"]

Place: TypeAlias = tuple[str, ...]
"""Section, then for a cell of a table its caption, row and column; for a definition its name; else the element and its
number in the section."""

_VOID = frozenset({"meta", "link", "img", "input", "br"})
_TEXTS = frozenset({"h1", "h2", "h3", "p", "dt", "dd", "caption", "th", "td", "figcaption", "code", "option"})
_SKIPPED = frozenset({"style", "nav", "dialog", "footer"})


@dataclass
class Page:
    """A page.

    Attributes:
        texts: Every text but headings of rows and columns by its place, in the order of the page.
        links: Where the text of a place leads.
        errors: The data of the error browser.
    """

    texts: dict[Place, str] = field(default_factory=dict)
    links: dict[Place, str] = field(default_factory=dict)
    errors: dict[str, Any] = field(default_factory=dict)

    @property
    def numbers(self) -> dict[Place, str]:
        """Those of the texts that have a number in them; names such as F1 are none."""
        return {place: text for place, text in self.texts.items() if re.search(r"(?<![A-Za-z])\d", text)}


def read_page(html: str) -> Page:
    """Read a report; a text outside of every known element, or two texts at one place, are faults."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.section = "head"
        self.caption, self.row = "", ""
        self.columns: list[str] = []
        self.n_cells = 0
        self.name, self.n_values = "", 0
        self.n_texts: dict[tuple[str, str], int] = {}
        self.parts: list[str] = []
        self.href: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        attributes = dict(attrs)
        self.open.append((tag, attributes))
        if tag == "section":
            self.section = attributes["id"] or ""
        elif tag == "table":
            self.columns = []
        elif tag == "tr":
            self.row, self.n_cells = "", 0
        elif tag == "a":
            self.href = attributes["href"]
        if tag in _TEXTS:
            self.parts, self.href = [], None

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self.open]
        if tags and tags[-1] == "script" and self.open[-1][1].get("id") == "errors-data":
            self.page.errors = json.loads(data)
        elif "body" not in tags or "script" in tags or _SKIPPED & set(tags):
            return
        elif _TEXTS & set(tags):
            self.parts.append(data)
        else:
            # The audit of the data has tests of its own.
            assert self.section == "data" or not re.search(r"\d", data), (
                f"a number outside of every known element: {data!r}"
            )

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self.open.pop()
        assert opened == tag, f"<{opened}> is closed by </{tag}>"
        if tag in _TEXTS and not _SKIPPED & {name for name, _ in self.open}:
            self._end_text(tag, "".join(self.parts).strip())

    def _end_text(self, tag: str, text: str) -> None:
        in_head = any(name == "thead" for name, _ in self.open)
        if tag == "caption":
            self.caption = text
        elif tag in ("th", "td") and in_head:
            self.columns.append(text)
        elif tag == "th":
            self.row, self.n_cells = text, 1
            self._link((self.section, self.caption, text))
        elif tag == "td":
            self._put((self.section, self.caption, self.row, self.columns[self.n_cells]), text)
            self.n_cells += 1
        elif tag == "dt":
            self.name, self.n_values = text, 0
        elif tag == "dd":
            self._put((self.section, self.name, *["note"] * self.n_values), text)
            self.n_values += 1
        elif text:
            n = self.n_texts[self.section, tag] = self.n_texts.get((self.section, tag), 0) + 1
            self._put((self.section, tag, f"number {n}"), text)

    def _put(self, place: Place, text: str) -> None:
        assert place not in self.page.texts, f"two texts at {place}"
        self.page.texts[place] = text
        self._link(place)

    def _link(self, place: Place) -> None:
        if self.href is not None:
            self.page.links[place] = self.href
