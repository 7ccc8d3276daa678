"""The report as one HTML file, offline and complete: the page, its parts, and the browser of errors.

Everything that comes in as ``str`` is text and is escaped; what is HTML already is ``markupsafe.Markup``.
"""

from nomina.report.html.errors import ErrorSentence, error_payload, errors_link, errors_section
from nomina.report.html.page import Section, render_page

__all__ = ["ErrorSentence", "Section", "error_payload", "errors_link", "errors_section", "render_page"]
