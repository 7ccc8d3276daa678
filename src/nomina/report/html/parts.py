"""What the sections of the page are made of; every text is escaped."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from nomina.report.html.markup import fill

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

__all__ = [
    "KeyFigure",
    "code_block",
    "count_matrix",
    "definition_list",
    "figure",
    "figure_svg",
    "heading",
    "join",
    "key_figures",
    "link",
    "paragraph",
    "table",
]

_N_SHADES = 9


class KeyFigure(NamedTuple):
    """A number that comes first: ``KeyFigure("F1", "0.8412", "0.8310 to 0.8514 (95 %)")``."""

    name: str
    value: str
    note: str = ""


def table(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numeric: Collection[int] | None = None,
    note: str = "",
    footer: Sequence[Sequence[str]] = (),
) -> Markup:
    """A table whose rows the reader sorts by a click on a heading. The first cell of a row is its heading.

    Args:
        caption: What the table shows.
        header: Headings of the columns.
        rows: One cell per column; text, or ``Markup`` from :func:`link`.
        numeric: Columns (0-based) that are set to the right and sorted by the first number in them; all but the first
            if not given.
        note: A line below, on how the figures came about.
        footer: Rows that stay below the others, such as averages.

    Raises:
        ValueError: If a row has not one cell per column.
    """
    for row in (*rows, *footer):
        if len(row) != len(header):
            raise ValueError(f"expected {len(header)} cells in each row of {caption!r}, found {len(row)}")
    columns = range(1, len(header)) if numeric is None else numeric
    return fill(
        "table", caption=caption, header=header, rows=rows, footer=footer, numeric=frozenset(columns), note=note
    )


def count_matrix(
    caption: str,
    rows: Sequence[str],
    columns: Sequence[str],
    counts: Sequence[Sequence[int]],
    *,
    corner: str = "gold \\ predicted",
    href: Callable[[str, str], str | None] | None = None,
    note: str = "",
) -> Markup:
    """A table of counts, each shaded by its share of its row.

    Args:
        caption: What the table shows.
        rows: Names of the rows.
        columns: Names of the columns.
        counts: ``[n_rows][n_columns]``, each >= 0.
        corner: What rows and columns are.
        href: Where the cell of a row's and a column's name leads; ``None`` where it leads nowhere. Cells of count 0
            lead nowhere.
        note: A line below.

    Raises:
        ValueError: If the counts are not one row per name of ``rows`` and one column per name of ``columns``.
    """
    if len(counts) != len(rows) or any(len(line) != len(columns) for line in counts):
        raise ValueError(f"expected {len(rows)} rows of {len(columns)} counts for {caption!r}")
    lines = []
    for row, line in zip(rows, counts, strict=True):
        whole = sum(line)
        cells = [
            (f"{count:,}", _shade(count, whole), href(row, column) if href and count else None)
            for column, count in zip(columns, line, strict=True)
        ]
        lines.append((row, cells))
    return fill("matrix", caption=caption, columns=columns, lines=lines, corner=corner, note=note)


def _shade(count: int, whole: int) -> int:
    """From 0 (nothing) to ``_N_SHADES`` (the whole row)."""
    return 0 if count == 0 else max(1, round(_N_SHADES * count / whole))


def figure(image: str | bytes, alt: str, caption: str) -> Markup:
    """A figure inside the page; it lies on a light ground in the dark theme too.

    It is an image of its own (a ``data:`` address): its styles and ids are kept from the rest of the page, and the
    reader can save it.

    Args:
        image: An SVG document, as :func:`figure_svg` gives, or the bytes of a PNG file.
        alt: What is to be seen, for who does not see it.
        caption: The line below.
    """
    if isinstance(image, bytes):
        address = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    else:
        # Percent signs take less room than base64 in a text that is mostly ASCII.
        address = "data:image/svg+xml," + quote(image, safe=" !$'()*,-./:;=?@_~[]{}|^")
    return fill("figure", address=address, alt=alt, caption=caption)


def figure_svg(drawn: Figure) -> str:
    """A matplotlib figure as an SVG document, text as paths; the same figure gives the same text."""
    from matplotlib import rc_context

    buffer = BytesIO()
    with rc_context({"svg.hashsalt": "nomina"}):
        drawn.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue().decode()


def definition_list(entries: Mapping[str, str] | Sequence[tuple[str, str]]) -> Markup:
    """Names and what they stand for, side by side: settings, versions, costs."""
    pairs = entries.items() if isinstance(entries, Mapping) else entries
    return fill("definitions", entries=list(pairs))


def key_figures(figures: Sequence[KeyFigure]) -> Markup:
    """The few numbers that come first, in large type."""
    return fill("key_figures", figures=figures)


def code_block(text: str, label: str) -> Markup:
    """Preformatted text, such as a settings file; ``label`` says what it is."""
    return fill("code", text=text, label=label)


def heading(text: str) -> Markup:
    """A heading within a section."""
    from markupsafe import Markup

    return Markup("<h3>{}</h3>").format(text)


def paragraph(*parts: str) -> Markup:
    """A paragraph of texts and links."""
    from markupsafe import Markup

    return Markup("<p>{}</p>").format(Markup("").join(parts))


def link(text: str, href: str) -> Markup:
    """A link within the page.

    Raises:
        ValueError: If it would lead out of the page, which is to work without a network.
    """
    from markupsafe import Markup

    if not href.startswith("#"):
        raise ValueError(f"expected a link within the page (#...), found {href!r}")
    return Markup('<a href="{}">{}</a>').format(href, text)


def join(*parts: str) -> Markup:
    """Parts one after another, as the ``html`` of a section."""
    from markupsafe import Markup

    return Markup("\n").join(parts)
