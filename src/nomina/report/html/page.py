"""One HTML file with everything in it: it needs no network, and is forbidden to use one."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from nomina import __version__
from nomina.report.html.markup import fill

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["Section", "render_page"]

_ID = re.compile(r"[a-z][a-z0-9-]*")
# Where the ids of the page itself come from; a section that took one would break the links to it.
_OWN_IDS = frozenset({"main", "theme", "contents"})
# What only pages with a certain payload need.
_STYLES_OF: Mapping[str, tuple[str, ...]] = {"errors": ("errors.css",)}
_SCRIPTS_OF: Mapping[str, tuple[str, ...]] = {"errors": ("store.js", "cards.js", "facets.js", "browser.js")}


class Section(NamedTuple):
    """A part of the page with an entry in its contents.

    Attributes:
        id: What links name (``#id``): lower-case letters, digits and hyphens, a letter first.
        title: Its heading, as plain text.
        html: What stands below, as HTML; the functions of :mod:`nomina.report.html.parts` give such.
    """

    id: str
    title: str
    html: str


def render_page(
    title: str, sections: Sequence[Section], *, subtitle: str = "", payload: Mapping[str, object] = {}
) -> str:
    """Write a whole HTML document: style and scripts inside, no address outside.

    Its Content-Security-Policy lets the browser run the page's own scripts and styles (named by their hashes) and show
    images from ``data:`` addresses; all else is refused, ``style="..."`` attributes too.

    Args:
        title: Of the page, as plain text.
        sections: In the order of the page.
        subtitle: One line under the title, as plain text.
        payload: Data for scripts by name, JSON can hold it; ``<script type="application/json" id="NAME-data">``.
            ``errors`` brings the scripts of the error browser (:mod:`nomina.report.html.errors`) with it.

    Raises:
        ValueError: If a section's id is malformed or taken, or the payload holds something that JSON has not.
    """
    from markupsafe import Markup

    _check_ids(sections, payload)
    styles = _assets("page.css", payload, _STYLES_OF)
    scripts = _assets("page.js", payload, _SCRIPTS_OF)
    early = _asset("theme.js")
    page = fill(
        "page",
        title=title,
        subtitle=subtitle,
        sections=[(section.id, section.title, Markup(section.html)) for section in sections],  # noqa: S704
        policy=_policy(styles, [early, *scripts]),
        styles=styles,
        early=early,
        scripts=scripts,
        payload={f"{name}-data": _json(value) for name, value in payload.items()},
        version=__version__,
    )
    return str(page)


def _check_ids(sections: Sequence[Section], payload: Mapping[str, object]) -> None:
    for name in (*(section.id for section in sections), *payload):
        if not _ID.fullmatch(name):
            raise ValueError(f"expected an id of lower-case letters, digits and hyphens, found {name!r}")
    taken = [*_OWN_IDS, *(section.id for section in sections), *(f"{name}-data" for name in payload)]
    doubles = [name for name, count in Counter(taken).items() if count > 1]
    if doubles:
        raise ValueError(f"expected every id once, found these twice or as the page's own: {', '.join(doubles)}")


def _assets(first: str, payload: Mapping[str, object], others: Mapping[str, Sequence[str]]) -> list[Markup]:
    return [_asset(first), *(_asset(name) for key in payload for name in others.get(key, ()))]


@cache
def _asset(name: str) -> Markup:
    """A style sheet or script of this package, which is no outside text."""
    from markupsafe import Markup

    return Markup(files(__package__).joinpath("assets").joinpath(name).read_text(encoding="utf-8"))  # noqa: S704


def _policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """The Content-Security-Policy (https://www.w3.org/TR/CSP3/) for exactly these."""
    script, style = " ".join(map(_source, scripts)), " ".join(map(_source, styles))
    allowed = f"script-src {script}; style-src {style}; img-src data:"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


# Inside a script element HTML looks for "</script" and "<!--". The other signs are those that JSON allows and that some
# reader of HTML or JavaScript trips over; single surrogates cannot be written as UTF-8.
_UNSAFE = re.compile("[<>&\u2028\u2029\x7f\ufeff\ud800-\udfff]")


def _json(value: object) -> Markup:
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(_UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))  # noqa: S704
