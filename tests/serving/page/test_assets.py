"""The page's files as they are shipped."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

PAGE = files("nomina.serving") / "page"
NAMES = sorted(file.name for file in PAGE.iterdir())
SCRIPTS = [name for name in NAMES if name.endswith(".js")]
COLOUR = re.compile(r"--([a-z]+): (light-dark\(#[0-9a-f]{6}, #[0-9a-f]{6}\));")


def text_of(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")


def test_all_that_the_page_names_is_there() -> None:
    html = text_of("index.html")
    named = set(re.findall(r'(?:src|href)="([^"#:]+\.(?:js|css))"', html))
    imported = {name for script in SCRIPTS for name in re.findall(r'from "\./([^"]+)"', text_of(script))}
    styles = {name for name in NAMES if name.endswith(".css")}
    assert named | imported == styles | set(SCRIPTS)


@pytest.mark.parametrize("pattern", [r"<style", r"\sstyle=", r"\son[a-z]+=", r"<script(?![^>]*\ssrc=)", r"javascript:"])
def test_nothing_is_inline(pattern: str) -> None:
    """The policy would keep it from working."""
    assert re.search(pattern, text_of("index.html")) is None


@pytest.mark.parametrize("name", SCRIPTS)
def test_texts_never_become_markup(name: str) -> None:
    assert (
        re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|DOMParser", text_of(name)) is None
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_address_elsewhere(name: str) -> None:
    """But that of the specification that a comment names, and of the image format in its own namespace."""
    addresses = set(re.findall(r"https?://[^\s'\")]+", text_of(name)))
    assert addresses <= {"http://www.w3.org/2000/svg", "https://www.w3.org/WAI/ARIA/apg/patterns/tabs/"}


def test_the_colours_are_those_of_the_report() -> None:
    report = (files("nomina.report.html") / "assets" / "page.css").read_text(encoding="utf-8")
    theirs, ours = dict(COLOUR.findall(report)), dict(COLOUR.findall(text_of("page.css")))
    common = theirs.keys() & ours.keys()
    assert common >= {"ground", "raised", "line", "control", "ink", "muted", "link", "error"}
    assert {name: ours[name] for name in common} == {name: theirs[name] for name in common}
