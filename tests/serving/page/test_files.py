"""Files on the page: read as the command line reads them, cut into requests that the server takes, labelled whole."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

import nomina
from frontpage import downloaded, drop, marks
from nomina.data.formats import read
from servers import Client

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from frontpage import FrontPage

pytestmark = pytest.mark.slow

SENTENCES = read("sample")[:12].sentences
COLUMNS = "".join(
    "".join(f"{w}\t{t}\n" for w, t in zip(s.words, s.features["pos"], strict=True)) + "\n" for s in SENTENCES
)
LINES = "".join(json.dumps({"tokens": s.words, "pos_tags": s.features["pos"]}) + "\n" for s in SENTENCES)
PROSE = "\n\n".join(" ".join(s.words) for s in SENTENCES)


def wait_until_done(page: Page) -> None:
    page.wait_for_selector("#progress", state="hidden")
    page.wait_for_selector('#results[aria-busy="false"]')


def take(page: Page, files: dict[str, str]) -> Any:
    """Drop files; the JSON that the page then offers."""
    drop(page, files)
    page.wait_for_selector("#found:not([hidden])")
    wait_until_done(page)
    return json.loads(downloaded(page, "JSON")[1])


def n_requests(visit: FrontPage) -> int:
    return sum(url.endswith("/predict") for url in visit.requests)


def items_of(page: Page, name: str, content: str) -> Any:
    """What the page reads in a file."""
    return page.evaluate(
        """async ([name, content]) => {
            const { readFile } = await import("/files.js");
            try { return await readFile(new File([content], name)); } catch (error) { return error.message; }
        }""",
        [name, content],
    )


@pytest.mark.parametrize(("name", "content"), [("a.conll", COLUMNS), ("a.tsv", COLUMNS), ("a.jsonl", LINES)])
def test_words_and_tags_are_sent_as_they_are(visit: FrontPage, port: int, name: str, content: str) -> None:
    page = visit(port)
    result = take(page, {name: content})
    inputs = [{"words": list(s.words), "pos": list(s.features["pos"])} for s in SENTENCES]
    assert result == Client(port).predict({"inputs": inputs}).json
    assert n_requests(visit) == 1
    assert page.inner_text("#file-card").startswith(f"{name} {len(SENTENCES)} records")


def test_a_chosen_text_file(visit: FrontPage, port: int, tmp_path: Path) -> None:
    page = visit(port)
    path = tmp_path / "prose.txt"
    path.write_text(PROSE, encoding="utf-8")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(path)
    page.wait_for_selector("#found:not([hidden])")
    wait_until_done(page)
    assert json.loads(downloaded(page, "JSON")[1]) == Client(port).predict({"text": PROSE}).json
    page.get_by_role("button", name="Remove the file").click()
    assert page.locator("#text").is_visible()
    page.locator("#nothing").wait_for()


def test_a_long_text_is_cut_and_put_together(visit: FrontPage, small_port: int) -> None:
    page = visit(small_port)
    result = take(page, {"long.txt": PROSE + " 🎉 " + "word " * 150 + "end. Then 👩‍🚀 came."})["results"][0]
    text = PROSE + " 🎉 " + "word " * 150 + "end. Then 👩‍🚀 came."
    assert n_requests(visit) > 5
    sentences, entities = result["sentences"], result["entities"]
    assert [text[a:b] for s in sentences for a, b in s["offsets"]] == [w for s in sentences for w in s["words"]]
    assert "".join(w for s in sentences for w in s["words"]) == re.sub(r"\s", "", text)
    for entity in entities:
        words = sentences[entity["sentence"]]["words"][entity["start"] : entity["end"]]
        assert re.sub(r"\s", "", text[entity["start_char"] : entity["end_char"]]) == "".join(words)
        assert text[entity["start_char"] : entity["end_char"]] == entity["text"]
    page.get_by_role("tab", name="Text").click()
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")  # which draws all of it
    assert marks(page) == [(entity["text"], entity["label"]) for entity in entities]


def test_many_records_go_in_order(visit: FrontPage, small_port: int) -> None:
    page = visit(small_port)
    sent: list[Any] = []
    page.on("request", lambda r: sent.append(json.loads(r.post_data or "")) if r.url.endswith("/predict") else None)
    result = take(page, {"many.jsonl": LINES})
    inputs = [item for body in sent for item in body.get("inputs", [{k: v for k, v in body.items() if k != "tags"}])]
    assert inputs == [{"words": list(s.words), "pos": list(s.features["pos"])} for s in SENTENCES]
    assert len(sent) > 3
    assert all(sum(len(i["words"]) for i in body.get("inputs", [body])) <= 60 for body in sent)
    assert [r["sentences"][0]["words"] for r in result["results"]] == [list(s.words) for s in SENTENCES]


def test_errors_of_records_leave_the_others_alone(visit: FrontPage, small_port: int) -> None:
    visit.statuses = {413, 422}
    page = visit(small_port)
    lines = [
        '{"tokens": ["Ada", "wrote"]}',
        '{"tokens": ["Ada", "wrote"], "pos_tags": ["NNP"]}',
        "{broken",
        '{"tokens": []}',
        json.dumps({"tokens": ["far"] * 70}),
        '{"text": "To London."}',
    ]
    result = take(page, {"mixed.jsonl": "\n".join(lines)})
    page.locator("#failures summary").click()
    failures = page.locator("#failures li").all_inner_texts()
    assert [re.match(r"mixed\.jsonl:(\d)", line)[1] for line in failures] == ["2", "3", "4", "5"]  # type: ignore[index]
    assert "one POS tag for each of 2 tokens, found 1" in failures[0]
    assert "60 words" in failures[3]
    assert [len(r["sentences"]) for r in result["results"]] == [1, 0, 0, 0, 0, 1]
    assert ["error" in r for r in result["results"]] == [False, True, True, True, True, False]
    assert page.inner_text("#error") == ""


def test_a_file_is_given_up(visit: FrontPage, small_port: int) -> None:
    page = visit(small_port)
    n_answered = 0

    def hold_later(route: Route) -> None:
        nonlocal n_answered
        if n_answered < 2:
            n_answered += 1
            route.fallback()

    page.route("**/predict", hold_later)
    drop(page, {"many.jsonl": LINES})
    page.locator("#progress-text", has_text=re.compile("^[1-9]")).wait_for()
    page.wait_for_selector("#found:not([hidden])")
    while n_requests(visit) < 3:
        page.wait_for_timeout(20)
    assert 0 < page.evaluate("document.getElementById('progress-bar').position") < 1
    page.get_by_role("button", name="Cancel").click()
    wait_until_done(page)
    assert page.inner_text("#state").startswith("Cancelled;")
    result = json.loads(downloaded(page, "JSON")[1])["results"]
    n_done = sum(len(r["sentences"]) for r in result)
    assert 0 < n_done < len(SENTENCES)
    assert all(r["sentences"] for r in result[:n_done])
    assert n_requests(visit) == 3


FILES = {
    "pos.conll": COLUMNS,
    "spaces.conll": COLUMNS.replace("\t", " "),
    "labels.tsv": "Ada\tB-per\nwrote\tO\n\nIn\tO\nRome\tB-geo\n",
    "three.conll": "-DOCSTART- -X- O\n\nAda NNP B-per\nwrote VBD O\n\nRome NNP B-geo\n",
    "four.conll": "EU NNP B-NP B-org\nrejects VBZ B-VP O\n",
    "words.conll": "Ada\nwrote\n\nto\nRome\n",
    "comments.conll": "# newdoc id = a\n# text = Ada wrote\nAda\tNNP\tB-per\nwrote\tVBD\tO\n\n# 1\tCD\tO\nof\tIN\tO\n",
    "declared.conll": "# global.columns = FORM XPOS NER\nAda\tNNP\tB-per\nO\tNN\tO\n",
    "crlf.tsv": "Ada\tNNP\r\nwrote\tVBD\r\n\r\nto\tTO\r\n",
    "jsonl.jsonl": LINES,
}


def test_files_are_read_as_the_command_line_reads_them(visit: FrontPage, port: int, tmp_path: Path) -> None:
    page = visit(port)
    for name, content in FILES.items():
        path = tmp_path / name
        path.write_text(content, encoding="utf-8", newline="")
        expected = nomina.read(path)
        items = items_of(page, name, content)
        tags = [list(s.features["pos"]) if s.features else None for s in expected]
        assert [item["words"] for item in items] == [list(s.words) for s in expected], name
        assert [item.get("pos") for item in items] == tags, name
        assert [item["name"] for item in items] == [f"{name}:{s.line}" for s in expected], name


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.docx", "x", "ends in .txt, .conll"),
        ("a.txt", "  \n ", "nothing to read"),
        ("a.conll", "1\tAda\tNNP\n2\twrote\tVBD\n3\tto\tTO\n", "whose meaning is not clear"),
        ("a.conll", "a b c d e f\ng h i j k l\n", "6 columns whose meaning is not clear"),
    ],
)
def test_files_that_cannot_be_read(visit: FrontPage, port: int, name: str, content: str, message: str) -> None:
    page = visit(port)
    drop(page, {name: content})
    page.wait_for_selector("#error p")
    assert message in page.inner_text("#error p")
    assert page.locator("#text").is_visible()


def test_a_file_in_another_encoding(visit: FrontPage, port: int) -> None:
    page = visit(port)
    content = "Köln".encode("latin-1")
    page.locator("#file").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": content})
    page.wait_for_selector("#error p")
    assert "not in UTF-8" in page.inner_text("#error p")
