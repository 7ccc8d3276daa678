"""For everybody: with the keyboard alone, with a screen reader, on a phone, on paper."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from frontpage import drop, marks, write
from nomina.data.formats import read

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from frontpage import FrontPage

pytestmark = pytest.mark.slow

TEXT = "\n\n".join(" ".join(s.words) for s in read("sample")[:4])


def focused(page: Page) -> str:
    name: str = page.evaluate(
        "() => { const e = document.activeElement; return e.id || e.ariaLabel || e.textContent.trim(); }"
    )
    return name


def tab_to(page: Page, name: str) -> None:
    for _ in range(60):
        if focused(page) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key never reaches {name}")


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_accessibility(visit: FrontPage, port: int, theme: Any, width: int) -> None:
    """The rules of axe-core (https://github.com/dequelabs/axe-core), contrasts among them, in each state."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    page = visit(port, width=width, height=844, color_scheme=theme, bypass_csp=True)
    found: dict[str, Any] = {"empty": axe.run(page).response}
    write(page, TEXT)
    page.locator(".chip").first.click()
    page.locator(".entity").first.focus()
    found["text"] = axe.run(page).response
    page.get_by_label("Part-of-speech tags").check()
    found["tags"] = axe.run(page).response
    page.get_by_text("Model", exact=True).click()
    for tab in ("List", "JSON"):
        page.get_by_role("tab", name=tab).click()
        found[tab] = axe.run(page).response
    visit.statuses = {401}

    def refuse(route: Route) -> None:
        route.fulfill(status=401, json={"error": {"message": "why", "kind": "x"}})

    page.route("**/predict", refuse)
    drop(page, {"a.jsonl": '{"tokens": []}\n{"text": "Ada"}'})
    page.wait_for_selector("#token-form:not([hidden])")
    found["refused"] = axe.run(page).response
    violations = {
        state: [(v["id"], [node["target"] for node in v["nodes"]]) for v in response["violations"]]
        for state, response in found.items()
    }
    assert violations == {state: [] for state in found}
    passed = {rule["id"] for rule in found["text"]["passes"]}
    assert {"color-contrast", "label", "html-has-lang", "aria-allowed-attr", "landmark-one-main", "region"} <= passed


def test_all_with_the_keyboard(visit: FrontPage, port: int) -> None:
    page = visit(port)
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the results"
    tab_to(page, "text")
    with page.expect_response("**/predict") as response:
        page.keyboard.insert_text(TEXT)
        page.keyboard.press("Control+Enter")
    page.wait_for_selector("#found:not([hidden])")
    found = [(e["text"], e["label"]) for e in response.value.json()["results"][0]["entities"]]
    tab_to(page, "tab-text")
    page.keyboard.press("ArrowRight")
    assert page.locator("#tab-list").get_attribute("aria-selected") == "true"
    assert page.locator("#view-list").is_visible()
    page.keyboard.press("Home")
    assert page.locator("#view-text").is_visible()
    page.keyboard.press("Tab")
    seen = []
    for _ in found:
        seen.append(page.evaluate("document.activeElement.dataset.id"))
        page.keyboard.press("ArrowRight")
    assert seen == [str(i) for i in range(len(found))]
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.dataset.id") == "0"
    page.keyboard.press("Enter")
    same = [m for m in found if (m[0].lower(), m[1]) == (found[0][0].lower(), found[0][1])]
    assert page.locator('.entity[aria-pressed="true"]').count() == len(same)
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "tab-text"
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "show-pos"
    page.keyboard.press("Space")
    page.wait_for_selector("ruby")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("End")
    assert page.inner_text("#threshold-value") == "1.00"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    assert page.locator('.chip[aria-pressed="false"]').count() == 1
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "false"


def test_the_focus_is_seen(visit: FrontPage, port: int) -> None:
    page = visit(port)
    write(page, TEXT)
    for selector in ("#theme", "#predict", "#tab-text", ".entity", ".chip", "#threshold", "#text"):
        page.locator(selector).first.focus()
        page.keyboard.press("Shift")
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert (width >= 2, style) == (True, "solid"), selector


def test_landmarks_and_names(visit: FrontPage, port: int) -> None:
    page = visit(port)
    write(page, TEXT)
    for role, name in [
        ("banner", None),
        ("main", None),
        ("contentinfo", None),
        ("region", "Text"),
        ("region", "Entities"),
        ("complementary", "Model"),
        ("textbox", "Text"),
        ("slider", re.compile("^Confidence at least")),
        ("group", "Types that are shown"),
        ("tablist", "Views"),
        ("tabpanel", "Text"),
    ]:
        options: dict[str, Any] = {} if name is None else {"name": name}
        assert page.get_by_role(role, **options).count() == 1, (role, name)  # type: ignore[arg-type]


def test_types_differ_by_more_than_colour(visit: FrontPage, port: int) -> None:
    page = visit(port)
    write(page, TEXT)
    assert all(tag for _, tag in marks(page))
    pairs = page.evaluate(
        """() => [...document.querySelectorAll(".chip")].map((chip) =>
            [chip.querySelector(".name").textContent, getComputedStyle(chip.querySelector(".swatch")).borderColor])"""
    )
    assert len({colour for _, colour in pairs}) == len(pairs) == 8


@pytest.mark.parametrize("width", [390, 320])
def test_phones(visit: FrontPage, port: int, width: int) -> None:
    page = visit(port, width=width, height=844, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    write(page, TEXT)
    page.get_by_label("Part-of-speech tags").check()
    for tab in ("Text", "List", "JSON", "CoNLL"):
        page.get_by_role("tab", name=tab).click()
        assert page.evaluate("document.documentElement.scrollWidth") == width, tab
    page.get_by_role("tab", name="Text").click()
    page.locator(".entity").first.tap()
    tip = page.locator("#tip").bounding_box()
    assert tip is not None
    assert tip["x"] >= 0
    assert tip["x"] + tip["width"] <= width


def test_paper(visit: FrontPage, port: int) -> None:
    page = visit(port)
    write(page, TEXT)
    page.emulate_media(media="print")
    assert page.locator(".entity").first.is_visible()
    assert page.locator("#legend").is_visible()
    for selector in ("#text", "#theme", ".tabs", "#threshold", "#model", "#keys-note"):
        assert not page.locator(selector).is_visible(), selector


def test_less_motion(visit: FrontPage, port: int) -> None:
    page = visit(port, reduced_motion="reduce")
    write(page, TEXT)
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((e) => {
            const style = getComputedStyle(e);
            return parseFloat(style.transitionDuration) > 0 || style.animationName !== "none";
        }).map((e) => e.outerHTML.slice(0, 60))"""
    )
    assert moving == []


def test_usual_types_keep_their_colours_among_many(visit: FrontPage, port: int) -> None:
    """Those of OntoNotes are more than there are colours."""
    page = visit(port)
    types = [
        "CARDINAL",
        "DATE",
        "EVENT",
        "FAC",
        "GPE",
        "LANGUAGE",
        "LAW",
        "LOC",
        "MONEY",
        "NORP",
        "ORDINAL",
        "ORG",
        "PERCENT",
        "PERSON",
        "PRODUCT",
        "QUANTITY",
        "TIME",
        "WORK_OF_ART",
    ]
    classes = page.evaluate(
        """async (types) => {
            const { Palette } = await import("/types.js");
            const [many, few] = [new Palette(types), new Palette(["org", "loc", "per", "misc"])];
            return [types.map((type) => many.of(type)), ["per", "org", "loc"].map((type) => few.of(type))];
        }""",
        types,
    )
    by_type = dict(zip(types, classes[0], strict=True))
    assert [by_type[name] for name in ("PERSON", "ORG", "LOC")] == classes[1]
    usual = [by_type[name] for name in ("PERSON", "ORG", "LOC", "GPE", "DATE", "TIME")]
    assert all(classes[0].count(colour) == 1 for colour in usual)
    assert len(set(classes[0])) == 12
