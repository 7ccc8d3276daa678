"""The page of a running server in a real browser: visits to it, and what a reader sees there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

__all__ = ["FrontPage", "Mark", "copied", "downloaded", "drop", "marks", "write"]

Mark = tuple[str, str]
"""An entity as it is shown: its words and its type."""

_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")


class FrontPage:
    """Opens the page of servers and takes down what it complains of and whom it asks.

    Attributes:
        statuses: Of errors that the test provokes; the browser reports them, and no other complaint is allowed.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.origins: list[str] = []
        self.contexts: list[BrowserContext] = []
        self.statuses: set[int] = set()

    def __call__(
        self, port: int, *, width: int = 1280, height: int = 900, ready: str = "#facts", **options: Any
    ) -> Page:
        """Open the page and wait until ``ready`` is seen; ``options`` are those of a browser context."""
        context = self.browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(20_000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda fault: self.complaints.append(str(fault)))
        page.on("request", lambda request: self.requests.append(request.url))
        self.origins.append(f"http://127.0.0.1:{port}/")
        page.goto(self.origins[-1])
        page.wait_for_selector(ready, state="attached")
        if ready == "#facts":
            page.wait_for_selector("#facts:not([hidden])", state="attached")
        return page

    def check(self) -> None:
        """Nothing was complained of but what was provoked, and no other origin was asked."""
        refused = [_REFUSED.match(complaint) for complaint in self.complaints]
        unexpected = [
            complaint
            for complaint, match in zip(self.complaints, refused, strict=True)
            if match is None or int(match[1]) not in self.statuses
        ]
        outside = {url for url in self.requests if not url.startswith((*self.origins, "data:", "blob:"))}
        assert (unexpected, outside) == ([], set())


def write(page: Page, text: str) -> Any:
    """Put in a text, ask for its entities, and wait until they are there; the server's answer."""
    with page.expect_response("**/predict") as response:
        page.fill("#text", text)
        page.keyboard.press("Control+Enter")
    page.wait_for_selector('#results[aria-busy="false"]')
    return response.value.json()


def marks(page: Page) -> list[Mark]:
    """The entities in the text, in their order."""
    read = """() => [...document.querySelectorAll(".entity")].map((mark) => {
        const words = mark.querySelector("bdi").cloneNode(true);
        for (const tag of words.querySelectorAll("rt")) tag.remove();
        return [words.textContent, mark.querySelector(".tag").textContent];
    })"""
    return [(words, tag) for words, tag in page.evaluate(read)]


def downloaded(page: Page, kind: str) -> tuple[str, bytes]:
    """Name and content of the file that the page offers; ``kind`` is the tab's name."""
    page.get_by_role("tab", name=kind).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def copied(page: Page, kind: str) -> str:
    """What the page puts on the clipboard."""
    page.get_by_role("tab", name=kind).click()
    page.get_by_role("button", name="Copy").click()
    page.wait_for_selector("#export-note:has-text('Copied')")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def drop(page: Page, files: dict[str, str]) -> None:
    """Drop files on the page, as a hand does that drags them from elsewhere."""
    made = page.evaluate_handle(
        """(files) => {
            const data = new DataTransfer();
            for (const [name, text] of Object.entries(files)) data.items.add(new File([text], name));
            return data;
        }""",
        files,
    )
    for kind in ("dragover", "drop"):
        page.dispatch_event("body", kind, {"dataTransfer": made})
