"""The page and its browser of errors in a real browser, against counts by brute force."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from mistakes import ErrorQuery, sample_mistakes
from nomina.report.html import ErrorSentence, Section, error_payload, errors_link, errors_section, render_page
from nomina.report.html import parts as p
from nomina.scoring.chunks import Chunk
from nomina.scoring.pairs import Pair
from visits import facet_counts, go, status

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from visits import Visits

pytestmark = pytest.mark.slow

SENTENCES = sample_mistakes(400)
PER_PAGE = 25


def write_page(sentences: Sequence[ErrorSentence], *others: Section) -> str:
    section = errors_section(sentences, n_sentences=len(sentences))
    return render_page("A report", [*others, section], subtitle="sample", payload={"errors": error_payload(sentences)})


@cache
def full_page() -> str:
    """One with every part that a page may have."""
    rows = [["per", "1,100", "0.81"], ["geo", "90", "0.93"], ["org", "", "0.5"]]
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><style>*{fill:red}</style></svg>'
    summary = p.join(
        p.key_figures([p.KeyFigure("F1", "0.8412", "0.8310 to 0.8514")]),
        p.paragraph("All of it: ", p.link("all errors", errors_link())),
        p.table("Scores", ["type", "support", "F1"], rows, footer=[["micro", "1,190", "0.85"]], note="Of one run."),
        p.count_matrix("Confusion", ["per", "geo"], ["per", "org"], [[9, 1], [0, 2]], href=cell_link),
        p.figure(svg, "Nothing much.", "A figure."),
    )
    settings = p.join(p.definition_list({"seed": "13"}), p.heading("As TOML"), p.code_block("seed = 13\n" * 60, "TOML"))
    return write_page(SENTENCES, Section("summary", "Summary", summary), Section("settings", "Settings", settings))


def cell_link(gold: str, predicted: str) -> str | None:
    return None if gold == predicted else errors_link(kinds=["type"], gold=[gold], predicted=[predicted])


def expected_status(query: ErrorQuery, sentences: Sequence[ErrorSentence]) -> str:
    n_wrong = sum(sentence.n_errors > 0 for sentence in sentences)
    n_errors = query.n_errors(sentences)
    noun = "error" if n_errors == 1 else "errors"
    return f"{len(query.places(sentences)):,} of {n_wrong:,} wrong sentences, {n_errors:,} {noun}"


def places(page: Page) -> list[str]:
    return page.locator("#error-list .place").all_text_contents()  # those that are not laid out have no inner text


KIND_NAMES = {
    "type": "wrong type",
    "boundary": "wrong boundary",
    "both": "type and boundary",
    "missed": "missed",
    "spurious": "spurious",
}
FACET_TITLES = {"kind": "Kind of error", "gold": "Gold type", "pred": "Predicted type"}


def expected_counts(query: ErrorQuery, sentences: Sequence[ErrorSentence]) -> dict[str, dict[str, int]]:
    """Values that no error has at all are offered only if they are asked for; those that none has now are, with 0."""
    offered, found = ErrorQuery().counts(sentences), query.counts(sentences)
    for facet, values in (("gold", query.gold), ("pred", query.predicted), *query.slices.items()):
        offered[facet if facet in FACET_TITLES else f"slice.{facet}"].update(values)
    return {
        FACET_TITLES.get(facet, facet.removeprefix("slice.")): {
            KIND_NAMES.get(value, value): found[facet][value] for value in values
        }
        for facet, values in offered.items()
    }


def wait_for_status(page: Page, text: str) -> None:
    page.wait_for_function("(text) => document.getElementById('error-status').textContent === text", arg=text)


def random_query(seed: int) -> ErrorQuery:
    draw = random.Random(seed)

    def some(values: Sequence[Any], chance: float) -> tuple[Any, ...]:
        return tuple(draw.sample(values, draw.randint(1, 2))) if draw.random() < chance else ()

    types = ["geo", "gpe", "org", "per", "tim", "eve"]
    lengths = some(["1-9", "10-19", "20 and more"], 0.4)
    genres = some(["news", "sport", "diary"], 0.3)
    return ErrorQuery(
        kinds=some(["type", "boundary", "both", "missed", "spurious"], 0.6),
        gold=some(types, 0.4),
        predicted=some(types, 0.4),
        slices={name: values for name, values in (("length", lengths), ("genre", genres)) if values},
        text=draw.choice(["", "", "the", "In", "of the", "a"]),
        sort=draw.choice(["", "confident", "unsure", "long", "short"]),
    )


def test_everything_is_counted_as_it_is_by_brute_force(visit: Visits) -> None:
    page = visit(write_page(SENTENCES))
    for query in (ErrorQuery(), *map(random_query, range(25))):
        go(page, query.link())
        assert status(page) == expected_status(query, SENTENCES), query
        assert places(page) == query.places(SENTENCES)[:PER_PAGE], query
        assert facet_counts(page) == expected_counts(query, SENTENCES), query


def test_the_random_queries_are_no_empty_ones() -> None:
    n_found = [ErrorQuery.n_errors(random_query(seed), SENTENCES) for seed in range(25)]
    assert sum(n > 0 for n in n_found) > 12


def test_all_pages_together_hold_every_wrong_sentence(visit: Visits) -> None:
    page = visit(write_page(SENTENCES[:150]))
    found = places(page)
    after = page.get_by_role("button", name="Next").first
    while after.is_enabled():
        after.click()
        found += places(page)
    assert found == ErrorQuery().places(SENTENCES[:150])


def test_clicked_filters_stay_in_the_address(visit: Visits) -> None:
    page = visit(write_page(SENTENCES))
    page.get_by_role("checkbox", name=re.compile("^wrong type")).check()
    page.get_by_role("checkbox", name=re.compile("^missed")).check()
    page.keyboard.press("j")  # also from a check box
    assert page.locator(".card:focus .number").inner_text() == "1"
    page.locator(".facet", has_text="length").locator("summary").click()
    page.get_by_role("checkbox", name=re.compile("^10-19")).check()
    page.get_by_role("checkbox", name=re.compile("^20 and more")).check()
    page.get_by_label("Sort").select_option("longest first")
    page.get_by_role("button", name="Next").first.click()
    query = ErrorQuery(kinds=("type", "missed"), slices={"length": ("10-19", "20 and more")}, sort="long")
    assert parse_qs(page.url.partition("#errors?")[2]) == {
        "kind": ["type", "missed"],
        "slice.length": ["10-19", "20 and more"],
        "sort": ["long"],
        "page": ["2"],
    }
    for _ in range(2):
        assert status(page) == expected_status(query, SENTENCES)
        assert places(page) == query.places(SENTENCES)[PER_PAGE : 2 * PER_PAGE]
        assert page.get_by_role("checkbox", name=re.compile("^10-19")).is_checked()
        page.reload()
        page.wait_for_selector(".card")
    page.get_by_role("button", name="Clear filters").click()
    assert status(page) == expected_status(ErrorQuery(), SENTENCES)
    assert page.url.endswith("#errors?sort=long")


def test_search_as_typed(visit: Visits) -> None:
    page = visit(write_page(SENTENCES))
    page.keyboard.press("/")
    page.keyboard.type("Of tHe")
    query = ErrorQuery(text="of the")
    wait_for_status(page, expected_status(query, SENTENCES))
    assert {text.lower() for text in page.locator(".met .form").all_inner_texts()} >= {"of", "the"}
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.locator(".card:focus .number").inner_text() == "1"
    page.get_by_label("Search in the sentences").fill("no such words")
    page.wait_for_selector(".nothing")
    assert status(page).startswith("0 of ")


def test_what_an_address_asks_for_and_no_error_has_finds_nothing(visit: Visits) -> None:
    page = visit(write_page(SENTENCES), "#errors?gold=nobody&slice.length=900")
    assert status(page) == expected_status(ErrorQuery(gold=("nobody",), slices={"length": ("900",)}), SENTENCES)
    for name in ("nobody 0", "900 0"):
        page.get_by_role("checkbox", name=name).click()
    assert status(page) == expected_status(ErrorQuery(), SENTENCES)


def test_nonsense_in_an_address_is_left_out(visit: Visits) -> None:
    page = visit(write_page(SENTENCES), "#errors?sort=odd&page=-3&slice.none=1&=&%")
    assert status(page) == expected_status(ErrorQuery(), SENTENCES)
    assert page.get_by_label("Sort").input_value() == ""
    go(page, "#errors?page=9999")
    assert page.locator(".card").count() > 0
    assert page.get_by_role("button", name="Next").first.is_disabled()


def test_keys(visit: Visits) -> None:
    page = visit(write_page(SENTENCES))

    def number() -> str:
        return page.locator(".card:focus .number").inner_text()

    numbers = []
    for key in ("j", "j", "ArrowDown", "k", "ArrowUp", "n", "k", "j", "p"):
        page.keyboard.press(key)
        numbers.append(number())
    assert numbers == ["1", "2", "3", "2", "1", "26", "25", "26", "1"]
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()
    assert number() == "1"
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Keys without Ctrl or Alt are on").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    assert page.locator(".card:focus").count() == 0


def test_only_one_sentence_is_a_stop_of_the_tab_key(visit: Visits) -> None:
    page = visit(write_page(SENTENCES))
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.locator(".card[tabindex='0'] .number").all_inner_texts() == ["2"]


def test_links_anywhere_set_the_filters(visit: Visits) -> None:
    page = visit(full_page())
    page.locator(".matrix a").first.click()
    query = ErrorQuery(kinds=("type",), gold=("per",), predicted=("org",))
    wait_for_status(page, expected_status(query, SENTENCES))
    assert query.n_errors(SENTENCES) > 0
    assert page.locator("#errors-title").evaluate("(title) => title.getBoundingClientRect().top < innerHeight")
    # The entry of the contents is no filter.
    page.locator(".contents a[href='#errors']").click()
    assert status(page) == expected_status(query, SENTENCES)
    page.get_by_role("link", name="all errors").click()
    wait_for_status(page, expected_status(ErrorQuery(), SENTENCES))


def test_copied_sentences_are_in_columns(visit: Visits) -> None:
    sentence = ErrorSentence(
        words=("Ann", "Lee", "left", "Bonn"),
        pos=("NNP", "NNP", "VBD", "NNP"),
        pairs=(Pair(Chunk("per", 0, 2), Chunk("org", 0, 2)), Pair(Chunk("geo", 3, 4), None)),
        confidence=(0.875, None),
        document="d1",
        place="test.conll:7",
        slices={},
    )
    page = visit(write_page([sentence]), permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy sentence 1 as text").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == (
        "# test.conll:7\n# document d1\n# word\tpos\tgold\tpredicted\n"
        "Ann\tNNP\tB-per\tB-org\nLee\tNNP\tI-per\tI-org\nleft\tVBD\tO\tO\nBonn\tNNP\tB-geo\tO\n"
    )
    assert page.locator(".faults li").all_inner_texts() == [
        "wrong type gold per Ann Lee → predicted org, confidence 0.88",
        "missed gold geo Bonn",
    ]
    assert page.locator(".label").all_inner_texts() == ["per", "org 0.88", "geo"]


NASTY = [
    "</script><script>document.title='taken'</script>",
    "<!--<script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "&amp;&lt;",
    "שלום",
    "👩\u200d👩\u200d👧🏽",
    "\u200b",
    "\u00a0",
    "\u2028\u2029",
    "x" * 3_000,
    "ﬀİSSß",
    "a\tb\nc",
    "\u202eright",
    "\x00\x1f\x7f\ufeff",
    "__proto__",
]


def nasty_sentences() -> list[ErrorSentence]:
    def sentence(words: Sequence[str], label: str, n: int) -> ErrorSentence:
        pairs = (Pair(Chunk(label, 0, len(words)), Chunk("constructor", 0, 1)),)
        return ErrorSentence(
            tuple(words), tuple(words), pairs, (0.5,), words[0], f"{words[0]}:{n}", {label: (words[0],)}
        )

    each = [sentence([word, "word"], f"t-{word[:40]}", n) for n, word in enumerate(NASTY)]
    return [*each, sentence(NASTY, "all", 98), sentence(["word"] * 500, "long", 99)]


@pytest.mark.parametrize("width", [1280, 390])
def test_nasty_words_are_only_text(visit: Visits, width: int) -> None:
    sentences = nasty_sentences()
    page = visit(write_page(sentences), width=width)
    assert page.title() == "A report"
    forms = "(card) => [...card.querySelectorAll('.form')].map((form) => form.textContent)"
    shown = page.evaluate(f"() => [...document.querySelectorAll('.card')].map({forms})")
    plain = {"\u200b": "U+200B", "\u00a0": "U+00A0", "\u2028\u2029": "U+2028 U+2029"}
    plain["\x00\x1f\x7f\ufeff"] = "U+0000 U+001F U+007F U+FEFF"
    assert shown == [[plain.get(word, word) for word in sentence.words] for sentence in sentences]
    directions = page.locator(".words").evaluate_all("(words) => words.map((each) => each.dir)")
    assert [NASTY[i] for i in range(len(NASTY)) if directions[i] == "rtl"] == ["שלום"]
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for card in page.locator(".card").all():
        card.scroll_into_view_if_needed()
        assert card.evaluate("(card) => card.scrollWidth - card.clientWidth") <= 0
    for query in (ErrorQuery(gold=("all",)), ErrorQuery(slices={"long": ("word",)}), ErrorQuery(text="</SCRIPT>")):
        go(page, query.link())
        assert status(page) == expected_status(query, sentences)


def test_a_page_without_errors(visit: Visits) -> None:
    right = [sentence for sentence in SENTENCES if sentence.n_errors == 0]
    page = visit(write_page(right))
    assert status(page) == "0 of 0 wrong sentences, 0 errors"
    assert page.get_by_text("Every sentence was right.").is_visible()
    page.keyboard.press("j")
    page.keyboard.press("n")


def test_without_confidence_none_is_offered(visit: Visits) -> None:
    pair = Pair(Chunk("per", 0, 1), Chunk("org", 0, 1))
    sentence = ErrorSentence(("Ann",), None, (pair,), (None,), None, "", {})
    page = visit(write_page([sentence]), "#errors?sort=confident")
    assert page.locator("#error-sort option[disabled]").count() == 2
    assert page.locator(".card .pos").count() == 0
    assert page.locator(".head").inner_text().split("\n") == ["1", "1 word", "Copy"]


def test_many_errors(visit: Visits) -> None:
    """The limits are far above what an idle computer needs; they are there for what grows with the square."""
    sentences = sample_mistakes(2_000) * 14
    page = visit(write_page(sentences))
    n_wrong = sum(sentence.n_errors > 0 for sentence in sentences)
    assert n_wrong > 19_000
    assert status(page) == expected_status(ErrorQuery(), sentences)
    assert page.locator(".card").count() == PER_PAGE
    timed = """(kind) => {
        const before = performance.now();
        [...document.querySelectorAll(".facet input")].find((box) => box.parentNode.textContent.includes(kind)).click();
        document.body.getBoundingClientRect();
        return performance.now() - before;
    }"""
    durations_ms = [page.evaluate(timed, kind) for kind in ("missed", "spurious", "wrong type")]
    assert max(durations_ms) < 1_500
    assert status(page) == expected_status(ErrorQuery(kinds=("missed", "spurious", "type")), sentences)


def test_a_usual_report_opens_soon(visit: Visits) -> None:
    page = visit(write_page(sample_mistakes(4_688)))
    opened_ms = page.evaluate("performance.now()")
    assert opened_ms < 8_000  # under 1 s where nothing else runs


def test_themes(visit: Visits) -> None:
    page = visit(full_page(), color_scheme="dark")

    def ground() -> Any:
        return page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    dark = ground()
    page.get_by_role("button", name="Light theme").click()
    light = ground()
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(20, 23, 27)")
    page.reload()
    assert ground() == light
    page.get_by_role("button", name="Dark theme").click()
    assert ground() == dark
    page.emulate_media(media="print")
    assert ground() == light
    assert not page.locator(".toolbar").is_visible()


@pytest.mark.parametrize("width", [390, 320])
def test_phones(visit: Visits, width: int) -> None:
    page = visit(full_page(), width=width, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert not page.locator(".contents a").first.is_visible()
    page.get_by_text("Contents").click()
    page.locator(".contents a", has_text="Errors").click()
    assert not page.locator(".contents a").first.is_visible()
    title = page.locator("#errors-title").bounding_box()
    contents = page.locator(".contents").bounding_box()
    assert title is not None
    assert contents is not None
    assert title["y"] >= contents["y"] + contents["height"]
    page.locator("#error-filters > summary").click()
    page.get_by_role("checkbox", name=re.compile("^spurious")).check()
    assert status(page) == expected_status(ErrorQuery(kinds=("spurious",)), SENTENCES)


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_accessibility(visit: Visits, theme: Any, width: int) -> None:
    """The rules of axe-core (https://github.com/dequelabs/axe-core), contrasts among them."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    page = visit(full_page(), "#errors?kind=type&gold=per&pred=geo", width=width, color_scheme=theme)
    found = axe.run(page).response
    page.get_by_role("button", name="Keys").click()
    in_dialog = axe.run(page, context="dialog").response
    for response in (found, in_dialog):
        assert [(v["id"], [node["target"] for node in v["nodes"]]) for v in response["violations"]] == []
    assert {"color-contrast", "heading-order", "label", "html-has-lang"} <= {rule["id"] for rule in found["passes"]}


def test_tables_are_sorted_by_their_headings(visit: Visits) -> None:
    page = visit(full_page())

    def column() -> Any:
        return page.locator("table.sortable tbody th, table.sortable tfoot th").all_inner_texts()

    orders = []
    for heading in ("support", "support", "type", "F1"):
        page.get_by_role("button", name=heading, exact=True).click()
        orders.append(column())
    assert orders == [
        ["per", "geo", "org", "micro"],
        ["geo", "per", "org", "micro"],
        ["geo", "org", "per", "micro"],
        ["geo", "per", "org", "micro"],
    ]
    sorted_by = page.locator("th[aria-sort]")
    assert sorted_by.count() == 1
    assert sorted_by.get_attribute("aria-sort") == "descending"


def test_without_javascript_all_but_the_browser_is_there(visit: Visits) -> None:
    page = visit(full_page(), java_script_enabled=False)
    assert page.locator("noscript .notice").is_visible()
    assert not page.locator("#error-browser").is_visible()
    assert not page.locator("#theme").is_visible()
    assert page.get_by_role("cell", name="0.93").is_visible()
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.locator(".contents a").first.is_visible()


def test_figures_keep_their_styles_to_themselves(visit: Visits) -> None:
    page = visit(full_page())
    size = page.locator("figure img").evaluate("(image) => [image.naturalWidth, image.naturalHeight]")
    assert size == [300, 200]
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).fill") == "rgb(0, 0, 0)"


def test_the_policy_refuses_the_network_and_foreign_scripts(visit: Visits) -> None:
    page = visit(full_page())
    refused = page.evaluate("""async () => {
        const refused = [];
        addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
        await fetch("http://127.0.0.1:9/").catch(() => {});
        const script = document.createElement("script");
        script.textContent = "document.title = 'taken'";
        document.body.append(script);
        const image = new Image();
        image.src = "http://127.0.0.1:9/image.png";
        document.body.append(image);
        await new Promise((done) => setTimeout(done, 200));
        return refused.sort();
    }""")
    assert refused == ["connect-src", "img-src", "script-src-elem"]
    assert page.title() == "A report"
    assert visit.complaints  # chromium says so in its console
    visit.complaints.clear()
    visit.requests = [url for url in visit.requests if "127.0.0.1" not in url]
