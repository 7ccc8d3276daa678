"""Pages opened in a real browser for a test, and what went on in them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

__all__ = ["Visits", "chromium", "facet_counts", "go", "status"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's chromium, driven by Playwright; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright (pip install playwright)")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs chromium (Debian: apt-get install chromium)")
    # Chromium's sandbox refuses to run as root.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


class Visits:
    """Opens pages from files, as readers do, and takes down what they complain of and ask the network for."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self.browser = browser
        self.folder = folder
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.contexts: list[BrowserContext] = []

    def __call__(self, html: str, fragment: str = "", *, width: int = 1280, height: int = 900, **options: Any) -> Page:
        """Open a page and wait until its errors, if any, are there; ``options`` are those of a browser context."""
        path = self.folder / f"report-{len(self.contexts)}.html"
        path.write_text(html, encoding="utf-8", newline="\n")
        context = self.browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(20_000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda fault: self.complaints.append(str(fault)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.as_uri() + fragment)
        if options.get("java_script_enabled", True) and page.query_selector("#error-browser"):
            page.wait_for_selector("#error-browser:not([hidden])")
        return page

    def check(self) -> None:
        outside = {url for url in self.requests if not url.startswith((self.folder.as_uri(), "data:"))}
        assert (self.complaints, outside) == ([], set())


def status(page: Page) -> str:
    return page.inner_text("#error-status")


def facet_counts(page: Page) -> dict[str, dict[str, int]]:
    """By the facet's title and the value's name, as a reader sees them."""
    read = """() => Object.fromEntries([...document.querySelectorAll(".facet")].map((facet) => [
        facet.querySelector("legend").textContent,
        Object.fromEntries([...facet.querySelectorAll("label")].map((label) => [
            label.querySelector(".name").textContent,
            Number(label.querySelector(".count").textContent.replaceAll(",", "")),
        ])),
    ]))"""
    counts: dict[str, dict[str, int]] = page.evaluate(read)
    return counts


def go(page: Page, fragment: str) -> None:
    """Follow a link within the page."""
    page.evaluate(
        "(hash) => new Promise((done) => { addEventListener('hashchange', done); location.hash = hash; })", fragment
    )
