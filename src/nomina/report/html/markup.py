"""The templates of the page, filled: text that is put into them is escaped, unless it is markup already."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["fill"]


def fill(template: str, **values: object) -> Markup:
    """Fill a template of this folder.

    Args:
        template: Its file name without ``.html.jinja``.
        **values: What it speaks of; a name that it speaks of and that is absent is an error. Strings are escaped,
            ``markupsafe.Markup`` is taken as it is.
    """
    from markupsafe import Markup

    # The template escaped every text on its way in.
    return Markup(_environment().get_template(f"{template}.html.jinja").render(**values))  # noqa: S704


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("nomina.report.html")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
