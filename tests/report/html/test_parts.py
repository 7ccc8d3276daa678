from __future__ import annotations

import base64
import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from nomina.report.html import parts as p
from nomina.report.plots.figure import new_figure

EVIL = "<script>&\"'"


def texts(html: str) -> str:
    """Text of a part; it must be well-formed, whatever stands in it."""
    html = re.sub(r"(<img [^>]*)>", r"\1/>", html)
    return " ".join("".join(ElementTree.fromstring(f"<div>{html}</div>").itertext()).split())


@pytest.mark.parametrize(
    "html",
    [
        p.table(EVIL, [EVIL, EVIL], [[EVIL, EVIL]], note=EVIL, footer=[[EVIL, EVIL]]),
        p.count_matrix(EVIL, [EVIL], [EVIL], [[3]], corner=EVIL, note=EVIL, href=lambda row, column: f"#{row}{column}"),
        p.figure(b"PNG", EVIL, EVIL),
        p.definition_list({EVIL: EVIL}),
        p.key_figures([p.KeyFigure(EVIL, EVIL, EVIL)]),
        p.code_block(EVIL, EVIL),
        p.heading(EVIL),
        p.paragraph(EVIL, p.link(EVIL, f"#{EVIL}")),
        p.join(EVIL, EVIL),
    ],
)
def test_texts_are_escaped(html: str) -> None:
    assert "<script" not in html
    assert EVIL in texts(html)


def test_a_table_has_headings_and_numbers_to_the_right() -> None:
    html = p.table("Scores", ["type", "F1"], [["per", "0.8"]], footer=[["micro", "0.9"]], note="Once.")
    assert texts(html) == "Scores type F1 per 0.8 micro 0.9 Once."
    assert re.sub(r"\s*\n\s*", "", html).endswith(
        '<tbody><tr><th scope="row">per</th><td class="n">0.8</td></tr></tbody>'
        '<tfoot><tr><th scope="row">micro</th><td class="n">0.9</td></tr></tfoot></table>'
        '<p class="note">Once.</p></div>'
    )
    assert 'class="n"' not in p.table("Words", ["a", "b"], [["x", "y"]], numeric=())


def test_cells_may_be_links() -> None:
    html = p.table("t", ["a", "b"], [["x", p.link("3 & more", "#errors?kind=type&gold=per")]])
    assert '<a href="#errors?kind=type&amp;gold=per">3 &amp; more</a>' in html
    with pytest.raises(ValueError, match="within the page"):
        p.link("out", "https://example.org")


def test_rows_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 cells"):
        p.table("t", ["a", "b"], [["x"]])
    with pytest.raises(ValueError, match="expected 1 rows of 2 counts"):
        p.count_matrix("t", ["a"], ["b", "c"], [[1]])


def test_counts_are_shaded_by_their_share_of_the_row_and_lead_somewhere() -> None:
    html = p.count_matrix(
        "t", ["a", "b"], ["a", "b"], [[0, 2_000], [1, 999]], href=lambda row, column: None if row == column else "#x"
    )
    cells = re.findall(r'<td class="n shade-(\d)">(.*?)</td>', html)
    assert cells == [("0", "0"), ("9", '<a href="#x">2,000</a>'), ("1", '<a href="#x">1</a>'), ("9", "999")]


def test_figures_are_inside_the_page() -> None:
    drawn = new_figure(3, 2)
    drawn.subplots().set_title("Ünïcode % & #")
    svg = p.figure_svg(drawn)
    assert svg == p.figure_svg(drawn)
    html = p.figure(svg, "What is to be seen", "Caption")
    source = re.search(r'src="data:image/svg\+xml,([^"]*)"', html)
    assert source is not None
    assert not set(source[1]) & set('<>#&"')
    assert unquote(source[1].replace("&#39;", "'").replace("&amp;", "&")) == svg
    png = re.search(r'src="data:image/png;base64,([^"]*)"', p.figure(b"\x89PNG", "alt", "Caption"))
    assert png is not None
    assert base64.b64decode(png[1]) == b"\x89PNG"
