from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from importlib.resources import files
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.report.html.page import Section, render_page

ASSETS = Path(str(files("nomina.report.html"))) / "assets"


class Document(HTMLParser):
    """The elements of a page in their order, with their attributes and the text right inside."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.elements:
            tag, attributes, text = self.elements[-1]
            self.elements[-1] = (tag, attributes, text + data)

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, text) for name, attributes, text in self.elements if name == tag]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values | st.sampled_from(["</script>", "<!--<script>", "\u2028\u2029", "]]>", "&lt;", "\ud800", "\x00"]))
def test_the_payload_arrives_as_it_was(value: object) -> None:
    page = render_page("t", [], payload={"some": value})
    found = [text for attributes, text in Document(page).all("script") if attributes.get("id") == "some-data"]
    assert json.loads(found[0]) == value
    page.encode("utf-8")


@given(st.text(), st.text(), st.text())
def test_titles_are_text(title: str, subtitle: str, heading: str) -> None:
    page = render_page(title, [Section("one", heading, "<p>html</p>")], subtitle=subtitle)
    plain = render_page("title", [Section("one", "heading", "<p>html</p>")], subtitle="subtitle")
    tags = [[tag for tag, _, _ in Document(text).elements] for text in (page, plain)]
    assert [tag for tag in tags[0] if tag != "p"] == [tag for tag in tags[1] if tag != "p"]


def test_sections_are_in_order_and_in_the_contents() -> None:
    page = Document(render_page("t", [Section("b", "Second", "<p>x</p>"), Section("a", "First & last", "")]))
    assert [(a["href"], text.strip()) for a, text in page.all("a")[1:]] == [("#b", "Second"), ("#a", "First & last")]
    assert [attributes["id"] for attributes, _ in page.all("section")] == ["b", "a"]
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert page.all("html")[0][0] == {"lang": "en"}


@pytest.mark.parametrize(
    ("sections", "payload"),
    [
        ([Section("Upper", "t", "")], {}),
        ([Section("a b", "t", "")], {}),
        ([Section("", "t", "")], {}),
        ([Section("a", "t", ""), Section("a", "u", "")], {}),
        ([Section("main", "t", "")], {}),
        ([Section("errors-data", "t", "")], {"errors": 1}),
        ([], {"<": 1}),
        ([], {"a": float("nan")}),
    ],
)
def test_bad_ids_and_payloads_are_refused(sections: list[Section], payload: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"expected an id|expected every id|not JSON compliant"):
        render_page("t", sections, payload=payload)


def test_the_scripts_of_the_browser_come_with_its_data_only() -> None:
    assert "class ErrorStore" not in render_page("t", [])
    assert "class ErrorStore" in render_page("t", [], payload={"errors": {}})


def test_the_page_names_no_address_outside() -> None:
    page = render_page("t", [Section("a", "A", "")], payload={"errors": {}})
    assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+|url\(|@import", page.replace("// ", "")) == []


@pytest.mark.parametrize("path", sorted(ASSETS.iterdir()), ids=lambda path: path.name)
def test_assets_can_stand_inside_the_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"</?(script|style)|<!--", text, re.IGNORECASE)
    if path.suffix == ".js":
        assert text.startswith('"use strict";\n')
        # None of these takes text for text.
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|\.style\.cssText", text)


@pytest.mark.parametrize("path", sorted(ASSETS.glob("*.js")), ids=lambda path: path.name)
def test_scripts_are_well_formed(path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js (Debian: apt-get install nodejs)")
    subprocess.run([node, "--check", path], check=True)


def palette() -> dict[str, tuple[str, str]]:
    """The light and the dark value of each colour."""
    css = (ASSETS / "page.css").read_text(encoding="utf-8")
    return {name: (a, b) for name, a, b in re.findall(r"--(\w+): light-dark\((#\w{6}), (#\w{6})\);", css)}


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    low, high = sorted([luminance(a), luminance(b)])
    return (high + 0.05) / (low + 0.05)


TEXTS = ("ink", "muted", "link", "gold", "predicted")


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_contrasts(theme: int) -> None:
    """At least 4.5 for texts and 3 for lines that mean something, as WCAG 2.2 asks for at level AA."""
    colours = {name: values[theme] for name, values in palette().items()}
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    text = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in product(TEXTS, ["ground", "raised"])}
    text |= {("ink", name): contrast(colours["ink"], colours[name]) for name in ("bar", "met")}
    text["muted", "bar"] = contrast(colours["muted"], colours["bar"])
    lines = {name: contrast(colours[name], colours["ground"]) for name in ("control", "right", "gold", "predicted")}
    assert {pair: ratio for pair, ratio in text.items() if ratio < 4.5} == {}
    assert {name: ratio for name, ratio in lines.items() if ratio < 3} == {}


def test_colours_stand_in_the_palette_only() -> None:
    for path in ASSETS.glob("*.css"):
        rules = re.sub(r":root \{.*?\}", "", path.read_text(encoding="utf-8"), count=1, flags=re.DOTALL)
        assert re.findall(r"#[0-9a-f]{3,8}\b(?=[;,) ])", rules) == []
