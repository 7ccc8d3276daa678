"""A real browser (Debian's chromium, driven by Playwright); its tests are skipped where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from visits import Visits, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser


# Not for the whole session: as long as Playwright runs, nothing else in this thread can run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Visits]:
    visits = Visits(browser, tmp_path)
    yield visits
    for context in visits.contexts:
        context.close()
    visits.check()
