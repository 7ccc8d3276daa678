"""Texts that are hard to show: markup, characters outside the basic plane, directions, lengths."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontpage import downloaded, drop, marks, write
from servers import Client

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from frontpage import FrontPage

pytestmark = pytest.mark.slow

HARD = {
    "markup": "<script>alert(1)</script> Ada <img src=x onerror=alert(1)> &amp; &lt;b&gt; </div>",
    "astral": "👩‍🚀🎉 Ada \U0001d518\U0001d52b\U0001d526 went to 🇨🇭 Zürich 𠀀𠀁 with 😀😀 Müller.",
    "combining": "Zoe\u0301 Mu\u0308ller u\u0308ber a\u030a\u0323 e\u0301\u0301\u0301\u0301 x.",
    "overrides": "\u202eAda\u202c wrote \u2067to\u2069 \u202eLondon \u200f\u200e\u2066 and Paris.",
    "right to left": "وُلد نجيب محفوظ في القاهرة عام 1911، ثم Ada Lovelace في London.",
    "unseen": "Ada\u200b \u200bwrote\ufeff to\u00adday \u0007 \u0000.",
    "breaks": "Ada\r\nwrote\n\n\n  to\tLondon.\u2028Then\u2029Paris\u0085.\n\n",
    "long": "Ada " + "x" * 5_000 + " wrote " + "ab-" * 700 + "to London.",
}


def blocks(page: Page) -> list[str]:
    texts: list[str] = page.evaluate(
        """() => [...document.querySelectorAll(".block")].map((block) => {
            const copy = block.cloneNode(true);
            for (const tag of copy.querySelectorAll(".tag, rt")) tag.remove();
            return copy.textContent;
        })"""
    )
    return texts


@pytest.mark.parametrize("name", HARD)
def test_hard_texts(visit: FrontPage, port: int, name: str) -> None:
    """Each entity is marked where the server found it, all characters are there, and the page does not widen."""
    page = visit(port, width=390)
    page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
    answer = write(page, HARD[name])
    found = answer["results"][0]["entities"]
    assert found
    text = page.input_value("#text")
    for entity in found:  # the page and the server speak of the same characters
        assert text[entity["start_char"] : entity["end_char"]] == entity["text"]
    for has_tags in (False, True):
        page.get_by_label("Part-of-speech tags").set_checked(has_tags)
        assert marks(page) == [(entity["text"], entity["label"]) for entity in found]
        assert "".join("".join(blocks(page)).split()) == "".join(text.split())
        assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("tab", name="List").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert json.loads(downloaded(page, "JSON")[1]) == answer


def test_markup_everywhere_else(visit: FrontPage, port: int) -> None:
    """In labels, tags, names of files and messages of the server."""
    evil = '<img src=x onerror="alert(1)">'
    visit.statuses = {422}
    page = visit(port)
    page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
    entity = {"label": evil, "score": 1.0, "text": evil, "sentence": 0, "start": 0, "end": 1}
    entity |= {"start_char": None, "end_char": None}
    sentence = {"words": [evil], "labels": [f"B-{evil}"], "pos": [evil], "offsets": None}

    def answer(route: Route) -> None:
        route.fulfill(json={"results": [{"sentences": [sentence], "entities": [entity]}]})

    page.route("**/predict", answer)
    drop(page, {f"{evil.replace('/', '')}.jsonl": json.dumps({"tokens": [evil]})})
    page.wait_for_selector(".entity")
    page.get_by_label("Part-of-speech tags").check()
    page.locator(".entity").hover()
    for tab in ("List", "JSON", "CoNLL", "Text"):
        page.get_by_role("tab", name=tab).click()
    page.unroute("**/predict")

    def refuse(route: Route) -> None:
        route.fulfill(status=422, json={"error": {"message": evil, "kind": "x"}})

    page.route("**/predict", refuse)
    page.get_by_role("button", name="Find entities").click()
    page.locator("#failures summary").click()
    assert evil in page.inner_text("#failures")
    assert page.locator("img").count() == 0


def test_lone_surrogates_of_a_file(visit: FrontPage, port: int) -> None:
    """No encoding has them, so the server could not answer."""
    page = visit(port)
    drop(page, {"a.jsonl": '{"text": "Ada \\ud83d wrote \\udc00."}'})
    page.wait_for_selector("#found:not([hidden])")
    assert blocks(page) == ["Ada \ufffd wrote \ufffd."]


def call(page: Page, module: str, function: str, *arguments: Any) -> Any:
    script = "async ([module, name, args]) => (await import(`/${module}`))[name](...args)"
    return page.evaluate(script, [module, function, list(arguments)])


def test_offsets_of_code_points(visit: FrontPage, port: int) -> None:
    page = visit(port)

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(st.text(st.sampled_from("a é😀𠀀\u0301\n"), max_size=20))
    def check(text: str) -> None:
        units = page.evaluate(
            """async (text) => {
                const { unitOffsets, codePoints } = await import("/text.js");
                return [...Array(codePoints(text) + 1).keys()].map(unitOffsets(text));
            }""",
            text,
        )
        assert units == [len(text[:i].encode("utf-16-le")) // 2 for i in range(len(text) + 1)]

    check()


def test_texts_are_cut_without_loss(visit: FrontPage, port: int) -> None:
    page = visit(port)

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(st.text(st.sampled_from("ab .😀\n"), max_size=60), st.integers(1, 6), st.integers(8, 40))
    def check(text: str, words: int, n_bytes: int) -> None:
        parts = call(page, "text.js", "cutText", text, {"words": words, "bytes": n_bytes})
        assert "".join(parts) == text
        for part in parts:
            assert len(json.dumps(part, ensure_ascii=False).encode()) <= n_bytes or len(part) == 1
            assert call(page, "text.js", "estimateWords", part) <= words or len(part) == 1
            part.encode()  # no half of a surrogate pair

    check()


def test_twenty_thousand_entities(visit: FrontPage, port: int) -> None:
    """All are counted, listed in slices and written; what is near the window is drawn, and the keys reach the rest."""
    page = visit(port)
    n = 4_000
    words = ["Ada", "met", "Bob", "in", "London", "on", "Monday", "with", "Eve", "in", "Rome", "."]
    labels = ["B-per", "O", "B-per", "O", "B-geo", "O", "B-tim", "O", "B-per", "O", "B-geo", "O"]
    places = [i for i, label in enumerate(labels) if label != "O"]

    def entity(i: int) -> dict[str, Any]:
        shared = {"sentence": 0, "start_char": None, "end_char": None, "score": 0.5 + i / 30}
        return {"label": labels[i][2:], "text": words[i], "start": i, "end": i + 1, **shared}

    sentence = {"words": words, "labels": labels, "pos": ["X"] * len(words), "offsets": None}
    result = {"sentences": [sentence], "entities": [entity(i) for i in places]}

    def answer(route: Route) -> None:
        body = json.loads(route.request.post_data or "")
        route.fulfill(json={"results": [result] * len(body.get("inputs", [0]))})

    page.route("**/predict", answer)
    drop(page, {"big.conll": ("\n".join(words) + "\n\n") * n})
    page.wait_for_selector("#progress", state="visible")
    page.wait_for_selector("#progress", state="hidden", timeout=60_000)
    assert page.inner_text("#summary").startswith(f"{n * 6:,} entities: {n * 3:,} person (per), ")
    assert 0 < page.locator(".entity").count() < 2_000
    took = page.evaluate(
        """() => {
            const start = performance.now();
            const slider = document.getElementById("threshold");
            slider.value = 0.6;
            slider.dispatchEvent(new Event("input"));
            document.getElementById("show-pos").click();
            return performance.now() - start;
        }"""
    )
    assert took < 2_000
    assert page.inner_text("#threshold-note") == f"hides {n * 2:,} of {n * 6:,}"
    page.locator(".entity").first.focus()
    page.keyboard.press("End")
    place = "document.activeElement.closest('.block').dataset.place"
    assert page.evaluate(place) == f"big.conll:{(n - 1) * 13 + 1}"
    page.get_by_role("tab", name="List").click()
    assert page.locator("#view-list tbody tr").count() == 200
    page.get_by_role("button", name="Show more").click()
    assert page.locator("#view-list tbody tr").count() == 400
    assert downloaded(page, "CoNLL")[1].count(b"\n") == n * (len(words) + 1)


def test_answers_of_the_server_are_the_same_without_a_page(visit: FrontPage, port: int) -> None:
    page = visit(port)
    text = "Ada wrote to London."
    assert write(page, text) == Client(port).predict({"text": text, "tags": "auto"}).json
