"""What readers do on the page of a running server."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import nomina
from frontpage import copied, downloaded, marks, write
from nomina.data.formats import read
from servers import Client

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from frontpage import FrontPage
    from nomina.inference import Predictor

pytestmark = pytest.mark.slow

TEXT = "\n\n".join(" ".join(s.words) for s in read("sample")[:8])
TOKEN = "s3cret-token"


def entities_of(answer: Any) -> list[dict[str, Any]]:
    return [entity for result in answer["results"] for entity in result["entities"]]


def expected_marks(answer: Any) -> list[tuple[str, str]]:
    return [(entity["text"], entity["label"]) for entity in entities_of(answer)]


def error_of(page: Page) -> str:
    page.wait_for_selector("#error p")
    return page.inner_text("#error p")


def wait_for_summary(page: Page, pattern: str) -> None:
    page.locator("#summary", has_text=re.compile(pattern)).wait_for()


def test_what_is_marked_is_what_the_server_found(visit: FrontPage, port: int) -> None:
    page = visit(port)
    answer = write(page, TEXT)
    assert len(entities_of(answer)) > 20
    assert marks(page) == expected_marks(answer)
    shown = page.evaluate(
        """() => [...document.querySelectorAll(".block")].map((block) => {
            const copy = block.cloneNode(true);
            for (const tag of copy.querySelectorAll(".tag")) tag.remove();
            return copy.textContent;
        }).join("\\n\\n")"""
    )
    assert shown == TEXT


def test_label_and_score_are_told_to_all(visit: FrontPage, port: int) -> None:
    page = visit(port)
    first, second = entities_of(write(page, TEXT))[:2]
    mark = page.locator(".entity").first
    name = mark.get_attribute("aria-label")
    assert name is not None
    assert name.startswith(f"{first['text']}: ")
    assert f"{first['label']}" in name
    assert name.endswith(f", score {first['score']:.2f}")
    tip = page.locator("#tip")
    assert not tip.is_visible()
    mark.hover()
    assert re.search(rf"\b{first['label']}\b.* · score {first['score']:.2f}", tip.inner_text())
    page.mouse.move(0, 0)
    assert not tip.is_visible()
    mark.focus()
    assert f"score {first['score']:.2f}" in tip.inner_text()
    page.keyboard.press("ArrowRight")
    assert f"score {second['score']:.2f}" in tip.inner_text()
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_the_summary_is_read_out(visit: FrontPage, port: int) -> None:
    page = visit(port)
    found = entities_of(write(page, TEXT))
    spoken = page.locator("#live-summary")
    assert spoken.get_attribute("aria-live") == "polite"
    spoken.filter(has_text=re.compile(rf"^{len(found)} entities: ")).wait_for(state="attached")
    said = (spoken.text_content() or "").partition(": ")[2]
    counts = {label: int(n) for n, label in re.findall(r"(\d+) [^,]*\((\w+)\)", said)}
    assert counts == Counter(entity["label"] for entity in found)


def test_types_are_hidden_and_shown(visit: FrontPage, port: int) -> None:
    page = visit(port)
    answer = write(page, TEXT)
    found = expected_marks(answer)
    label = found[0][1]
    n = sum(tag == label for _, tag in found)
    chip = page.locator(f'.chip[data-type="{label}"]')
    assert chip.locator(".count").inner_text() == str(n)
    chip.click()
    assert chip.get_attribute("aria-pressed") == "false"
    assert marks(page) == [mark for mark in found if mark[1] != label]
    wait_for_summary(page, f"; {n} hidden$")
    page.get_by_role("button", name="Show all").click()
    assert marks(page) == found


def test_the_confidence_hides_without_asking_again(visit: FrontPage, port: int) -> None:
    page = visit(port)
    found = entities_of(write(page, TEXT))
    threshold = sorted(entity["score"] for entity in found)[len(found) // 2]
    threshold = float(f"{threshold + 0.005:.2f}")
    n_before = len(visit.requests)
    page.locator("#threshold").fill(str(threshold))
    sure = [(e["text"], e["label"]) for e in found if e["score"] >= threshold]
    assert 0 < len(sure) < len(found)
    assert marks(page) == sure
    assert page.inner_text("#threshold-note") == f"hides {len(found) - len(sure)} of {len(found)}"
    wait_for_summary(page, f"^{len(sure)} entit.*; {len(found) - len(sure)} hidden$")
    assert len(visit.requests) == n_before


def test_tags_are_shown_beneath_the_words(visit: FrontPage, port: int) -> None:
    page = visit(port)
    answer = write(page, TEXT)
    page.get_by_label("Part-of-speech tags").check()
    pairs = page.evaluate(
        "() => [...document.querySelectorAll('ruby')].map((ruby) => [...ruby.childNodes].map((n) => n.textContent))"
    )
    sentences = answer["results"][0]["sentences"]
    assert pairs == [[word, tag] for s in sentences for word, tag in zip(s["words"], s["pos"], strict=True)]
    assert marks(page) == expected_marks(answer)
    page.get_by_label("Part-of-speech tags").uncheck()
    assert page.locator("ruby").count() == 0


def test_which_tags_the_model_reads(visit: FrontPage, port: int) -> None:
    page = visit(port)
    write(page, "Ada wrote to London .")
    sent = {}
    for tags in ("none", "source", "auto"):
        with page.expect_request("**/predict") as request:
            page.get_by_label("Model reads").select_option(tags)
        sent[tags] = json.loads(request.value.post_data or "")
        page.wait_for_selector('#results[aria-busy="false"]')
    assert sent == {tags: {"text": "Ada wrote to London .", "tags": tags} for tags in sent}


def test_typing_asks_by_itself_and_once(visit: FrontPage, port: int) -> None:
    page = visit(port)
    with page.expect_response("**/predict"):
        page.locator("#text").press_sequentially("Ada Lovelace lived in London", delay=15)
    page.wait_for_selector("#found:not([hidden])")
    page.wait_for_timeout(500)
    assert sum(url.endswith("/predict") for url in visit.requests) == 1
    page.get_by_label("While I type").uncheck()
    page.fill("#text", "Another text altogether")
    page.wait_for_timeout(600)
    assert sum(url.endswith("/predict") for url in visit.requests) == 1
    page.fill("#text", "")
    page.get_by_role("button", name="Find entities").click()
    page.locator("#nothing").wait_for()


def test_an_outdated_request_is_given_up(visit: FrontPage, port: int) -> None:
    page = visit(port)
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if held:
            route.fallback()
        else:
            held.append(route)

    page.route("**/predict", hold_first)
    page.fill("#text", "Old words.")
    page.keyboard.press("Control+Enter")
    while not held:
        page.wait_for_timeout(20)
    with page.expect_event("requestfailed") as failed:
        answer = write(page, "New words came to Paris.")
    assert "Old words" in (failed.value.post_data or "")
    assert marks(page) == expected_marks(answer)
    assert page.inner_text("#error") == ""


def test_samples(visit: FrontPage, port: int) -> None:
    page = visit(port)
    names = page.locator(".sample").all_inner_texts()
    assert len(names) == 5
    for name in names:
        with page.expect_response("**/predict") as response:
            page.get_by_role("button", name=name, exact=True).click()
        found = expected_marks(response.value.json())
        page.wait_for_selector('#results[aria-busy="false"]')
        assert found, name
        assert marks(page) == found, name


def test_json_is_the_answer(visit: FrontPage, port: int) -> None:
    page = visit(port, permissions=["clipboard-read", "clipboard-write"])
    answer = write(page, TEXT)
    name, content = downloaded(page, "JSON")
    assert name == "entities.json"
    assert json.loads(content) == answer
    assert json.loads(copied(page, "JSON")) == answer
    assert json.loads(page.inner_text("#export")) == answer


def test_conll_is_read_back(visit: FrontPage, port: int, tmp_path: Path) -> None:
    page = visit(port, permissions=["clipboard-read", "clipboard-write"])
    sentences = write(page, TEXT)["results"][0]["sentences"]
    name, content = downloaded(page, "CoNLL")
    assert name == "entities.conll"
    assert copied(page, "CoNLL").encode() == content
    path = tmp_path / name
    path.write_bytes(content)
    again = nomina.read(path)
    assert [list(s.words) for s in again] == [s["words"] for s in sentences]
    assert [list(s.features["pos"]) for s in again] == [s["pos"] for s in sentences]
    assert [list(s.labels or ()) for s in again] == [s["labels"] for s in sentences]


def test_what_is_hidden_can_be_left_out(visit: FrontPage, port: int) -> None:
    page = visit(port)
    answer = write(page, TEXT)
    label = entities_of(answer)[0]["label"]
    page.locator(f'.chip[data-type="{label}"]').click()
    _, whole = downloaded(page, "JSON")
    page.get_by_label("Leave out what is hidden").check()
    _, rest = downloaded(page, "JSON")
    assert json.loads(whole) == answer
    kept = json.loads(rest)
    assert entities_of(kept) == [e for e in entities_of(answer) if e["label"] != label]
    tags = {tag for s in kept["results"][0]["sentences"] for tag in s["labels"]}
    assert tags == {
        tag for s in answer["results"][0]["sentences"] for tag in s["labels"] if not tag.endswith(f"-{label}")
    }


def test_the_list_is_sorted_and_leads_to_the_text(visit: FrontPage, port: int) -> None:
    page = visit(port)
    found = entities_of(write(page, TEXT))
    page.get_by_role("tab", name="List").click()
    rows = page.locator("#view-list tbody tr")
    assert rows.count() == len(found)
    page.get_by_role("button", name="Score").click()
    scores = [float(score) for score in page.locator("#view-list tbody td:nth-child(3)").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    words = rows.first.locator("bdi").first.inner_text()
    rows.first.get_by_role("button").click()
    assert page.evaluate("document.activeElement.querySelector('bdi').textContent") == words


def test_facts_about_the_model(visit: FrontPage, port: int) -> None:
    page = visit(port)
    model = Client(port).ask("GET", "/model").json
    facts = page.inner_text("#facts")
    assert model["encoder"] in facts
    assert ", ".join(model["types"]) in facts
    assert "no scores beside the model" in facts
    assert not page.locator("#card").is_visible()


def test_scores_say_what_they_were_measured_on(visit: FrontPage, port: int) -> None:
    model = Client(port).ask("GET", "/model").json
    micro = {"f1": 0.76862, "support": 122}
    test = {
        "n_sentences": 60,
        "default": {"scheme": "IOB2", "mode": "default", "micro": micro},
        "intervals": {"level": 0.95, "f1": {"low": 0.69411, "high": 0.83934}},
    }
    model |= {"scores": {"test": test}, "card": "---\nx: y\n---\n# A card <b>with</b> markup"}

    def answer(route: Route) -> None:
        route.fulfill(json=model)

    context = visit.browser.new_context()
    visit.contexts.append(context)
    page = context.new_page()
    page.route("**/model", answer)
    page.goto(f"http://127.0.0.1:{port}/")
    page.wait_for_selector("#facts:not([hidden])")
    assert (
        "F1 0.769 (95 % interval 0.694 to 0.839) on its test part: 122 entities in 60 sentences, IOB2, "
        "seqeval's default mode"
    ) in page.inner_text("#facts")
    page.get_by_text("Model card").click()
    assert page.inner_text("#card-text") == model["card"]


def test_a_token_is_asked_for_and_kept_nowhere(visit: FrontPage, guarded_port: int) -> None:
    visit.statuses = {401}
    page = visit(guarded_port, ready="#token-form:not([hidden])")
    page.wait_for_selector("#token-form:not([hidden])")
    page.get_by_label("This server asks for a token").fill("wrong")
    page.keyboard.press("Enter")
    assert error_of(page) == "The server wants a valid token."
    page.get_by_label("This server asks for a token").fill(TOKEN)
    page.get_by_role("button", name="Use it").click()
    page.wait_for_selector("#facts:not([hidden])")
    assert not page.locator("#token-form").is_visible()
    answer = write(page, TEXT)
    assert marks(page) == expected_marks(answer)
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    assert TOKEN not in stored
    page.reload()
    page.wait_for_selector("#token-form:not([hidden])")


@pytest.mark.parametrize(
    ("status", "headers", "message", "can_retry"),
    [
        (413, {}, "That is more than the server takes at once. (why)", False),
        (422, {}, "The server cannot read this input. (why)", False),
        (500, {}, "The server answered with status 500. (why)", True),
        (503, {"Retry-After": "0"}, "The server is busy. Try again in a moment. (why)", True),
        (504, {}, "The server took too long and gave up. Try a shorter text. (why)", True),
    ],
)
def test_errors_in_plain_words(
    visit: FrontPage, port: int, status: int, headers: dict[str, str], message: str, can_retry: bool
) -> None:
    visit.statuses = {status}
    page = visit(port)
    page.clock.install()  # a busy server is asked again after a while

    def refuse(route: Route) -> None:
        route.fulfill(status=status, headers=headers, json={"error": {"message": "why", "kind": "x"}})

    page.route("**/predict", refuse)
    page.fill("#text", "Ada wrote.")
    page.keyboard.press("Control+Enter")
    for _ in range(8):
        page.clock.run_for(10_000)
        page.wait_for_timeout(20)
    assert error_of(page) == message
    again = page.get_by_role("button", name="Try again")
    assert again.is_visible() == can_retry
    page.unroute("**/predict")
    if can_retry:
        with page.expect_response("**/predict"):
            again.click()
        page.wait_for_selector("#found:not([hidden])")
        assert page.inner_text("#error") == ""


def test_a_busy_server_is_asked_again_when_it_says(visit: FrontPage, port: int) -> None:
    visit.statuses = {503}
    page = visit(port)
    times: list[float] = []

    def refuse_once(route: Route) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={"error": {"message": "full", "kind": "busy"}})
        else:
            route.fallback()

    page.route("**/predict", refuse_once)
    page.fill("#text", "Ada wrote to London.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#found:not([hidden])")
    assert len(times) == 2
    assert times[1] - times[0] >= 1
    assert page.inner_text("#error") == ""


def test_a_server_that_is_gone(visit: FrontPage, labeller: Predictor) -> None:
    from nomina.serving.app import create_app
    from servers import running

    with running(create_app(labeller)) as port:
        page = visit(port)
    page.fill("#text", "Ada wrote.")
    page.keyboard.press("Control+Enter")
    assert error_of(page) == "The server cannot be reached. Is it still running?"
    gone = [c for c in visit.complaints if "ERR_CONNECTION_REFUSED" in c]
    visit.complaints = [c for c in visit.complaints if c not in gone]


def test_the_theme_is_remembered(visit: FrontPage, port: int) -> None:
    page = visit(port, color_scheme="light")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark theme").click()
    dark = page.evaluate(ground)
    assert light != dark
    page.reload()
    assert page.evaluate(ground) == dark
    page.get_by_role("button", name="Light theme").click()
    assert page.evaluate(ground) == light
