"""Raw text to sentences, against the text itself, treebanks and spaCy."""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomina.data import Corpus, Sentence, raw, read
from nomina.data.formats.writing import write
from nomina.data.raw import sentences, stream_sentences
from nomina.errors import ConfigError, MissingExtraError

pytest.importorskip("spacy", reason="needs the extra nomina[spacy]")

# Line breaks, blanks that are not spaces, control characters, half characters, marks that combine, emoji, quotes.
AWKWARD = (
    "\n\r\t\x0b\x1c\x85\u2028\u3000 \x00\u200b\ufeff\ud800\udfff\u0301\u200d\U0001f469\U0001f3fd\"'\u201c\u300c.!?-()"
)
SNIPPETS = st.sampled_from(
    [
        "\n\n",
        "\n \t\n",
        "\r\n",
        ". ",
        '." ',
        ' "',
        "n't",
        "U.S.",
        "Lt. Col.",
        "well-known",
        "http://a.b/c?",
        "EE. UU.",
        "\u3002",
    ]
)
TEXTS = st.one_of(
    st.text(st.characters() | st.sampled_from(AWKWARD)),
    st.lists(st.one_of(SNIPPETS, st.text(max_size=3), st.sampled_from(AWKWARD))).map("".join),
)
# A long text costs what it has to: more than one paragraph's worth of characters, with few places to cut.
LONG = st.builds(
    lambda unit, n: unit * (n // len(unit)),
    st.sampled_from(
        [
            "a",
            "word ",
            "a\n",
            " ",
            "\u4e2d\u3002",
            "\u4e2d",
            "Ends here. ",
            "\ud800",
            "x" * 501 + " ",
            "a. " * 9 + "\n\n",
        ]
    ),
    st.integers(9_000, 24_000),
)


def check(text: str, found: Iterable[Sentence]) -> None:
    """All that must hold of any text: characters, offsets, lines, order."""
    position = 0
    for sentence in found:
        offsets = sentence.offsets()
        assert offsets is not None
        assert sentence.text is not None
        assert sentence.words
        assert text[sentence.start_char :].startswith(sentence.text)
        assert sentence.line == text.count("\n", 0, sentence.start_char) + 1
        for word, (start, end) in zip(sentence.words, map(sentence.in_whole, offsets), strict=True):
            assert text[start:end] == word
            assert word.split() == [word]
            assert text[position:start].strip() == ""
            position = end
    assert text[position:].strip() == ""


@pytest.mark.parametrize("language", ["en", "es", "xx", "zh"])
@given(text=TEXTS)
def test_every_character_ends_in_one_word_in_order(language: str, text: str) -> None:
    check(text, sentences(text, language=language))


@settings(max_examples=25)
@given(st.lists(st.one_of(LONG, TEXTS), min_size=1, max_size=3).map("".join))
def test_long_texts_are_cut_and_lose_nothing(text: str) -> None:
    check(text, sentences(text))


@given(TEXTS, st.lists(st.integers(1, 9), min_size=1), st.sampled_from([1, 3, 50]), st.sampled_from([1, 2, 15, 10_000]))
def test_pieces_of_any_size_give_the_same(text: str, sizes: list[int], block: int, paragraph: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw, "_MAX_PARAGRAPH", paragraph)
        expected = sentences(text)
        check(text, expected)
        patch.setattr(raw, "_BLOCK", block)
        assert places(stream_sentences(pieces(text, sizes))) == places(expected)


@settings(max_examples=25)
@given(LONG, st.text(max_size=5), st.sampled_from([777, 9_999, 10_000, 10_001]))
def test_pieces_of_a_long_text_give_the_same(text: str, end: str, size: int) -> None:
    expected = places(sentences(text + end))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw, "_BLOCK", 500)
        assert places(stream_sentences(pieces(text + end, [size]))) == expected


def places(found: Iterable[Sentence]) -> list[tuple[int, int | None, tuple[str, ...]]]:
    return [(sentence.start_char, sentence.line, sentence.words) for sentence in found]


def pieces(text: str, sizes: list[int]) -> Iterator[str]:
    position, i = 0, 0
    while position < len(text):
        yield text[position : position + sizes[i % len(sizes)]]
        position, i = position + sizes[i % len(sizes)], i + 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He left. \"Why?\" she said. (So he\ndid.) 'Yes'", ["He left.", '"Why?" she said.', "(So he\ndid.)", "'Yes'"]),
        ('"No!" said the wolf. "Go on."\nThen it ended.', ['"No!" said the wolf.', '"Go on."', "Then it ended."]),
        ("A spokesman, Lt. Col. Barry Smith, left.", ["A spokesman, Lt. Col. Barry Smith, left."]),
        ("Mr. May of the U.S. Army spoke. i did not", ["Mr. May of the U.S. Army spoke.", "i did not"]),
        ("A title\n\nText that\nwraps\n \t\nEnd", ["A title", "Text that\nwraps", "End"]),
        ("Dots ... go on... And end", ["Dots ... go on... And end"]),
        ("", []),
        (" \n\n\t ", []),
    ],
)  # fmt: skip
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in sentences(text)] == expected


def test_where_sentences_of_other_languages_end() -> None:
    found = sentences("\u4e2d\u6587\u3002\u201c\u4e2d\uff1f\u201d\u300c\u6587\u300d\u3002", language="zh")
    assert [sentence.text for sentence in found] == [
        "\u4e2d\u6587\u3002",
        "\u201c\u4e2d\uff1f\u201d",
        "\u300c\u6587\u300d\u3002",
    ]
    assert [sentence.text for sentence in sentences("Hola. \u00bfQu\u00e9?", language="es")] == [
        "Hola.",
        "\u00bfQu\u00e9?",
    ]


def test_words_are_those_of_treebanks() -> None:
    found = sentences("The well-known U.S.-led deal\u2014say: don't, it's Jean-Luc's--cost $1,234.5 (5%).")[0].words
    assert found[:9] == ("The", "well-known", "U.S.-led", "deal", "\u2014", "say", ":", "do", "n't")
    assert found[9:] == (",", "it", "'s", "Jean-Luc's", "--", "cost", "$", "1,234.5", "(", "5", "%", ")", ".")


def test_what_is_known_of_a_sentence() -> None:
    found = sentences("\n Ada\nwrote. \r\nEmmy too.", document="d", source="x.txt")
    assert [(s.document, s.source, s.line, s.start_char, s.labels) for s in found] == [
        ("d", "x.txt", 2, 2, None),
        ("d", "x.txt", 4, 15, None),
    ]
    assert sentences("Ada wrote.")[0].document is None


def test_a_long_paragraph_is_cut_behind_a_sentence() -> None:
    text = "This one has words. " * 2000
    found = sentences(text)
    assert {sentence.text for sentence in found} == {"This one has words."}
    without_stops = sentences("word " * 4000)
    assert [len(sentence) for sentence in without_stops] == [2000, 2000]


@pytest.mark.parametrize(
    ("run", "lengths"),
    [("a" * 1201, [500, 500, 201]), ("\u4e2d" * 499 + "\u3002" + "\u4e2d" * 300, [500, 300]), ("a" * 500, [500])],
)
def test_a_long_run_is_cut_where_a_sentence_ends_or_anywhere(run: str, lengths: list[int]) -> None:
    assert [len(sentence.text or "") for sentence in sentences(run)] == lengths


def test_a_file_is_read_in_blocks(tmp_path: Path) -> None:
    text = "One sentence\r\nover lines. Another one.\r\n\r\n" * 3000
    (tmp_path / "x.txt").write_text(text, encoding="utf-8", newline="")
    with (tmp_path / "x.txt").open(encoding="utf-8", newline="") as file:
        found = stream_sentences(file)
        first = next(found)
        assert first.text == "One sentence\r\nover lines."
        assert file.tell() < len(text)
        assert places([first, *found]) == places(sentences(text))


@pytest.mark.parametrize("unit", ["(", '"', "'s", "!", "a-", "http://", "a.", "\U0001f469\u200d"])
def test_an_enormous_word_takes_linear_time(unit: str) -> None:
    text = unit * (20_000 // len(unit))
    sentences("Load the language.")
    start = time.process_time()
    assert "".join(word for sentence in sentences(text) for word in sentence.words) == text
    assert time.process_time() - start < 20  # 50 s and more where spaCy gets it whole


def test_the_vocabulary_does_not_grow_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = raw._Pipeline("xx")
    n_words = [len(pipeline._nlp.vocab)]
    monkeypatch.setattr(raw, "_MAX_VOCABULARY", 500)
    for i in range(30):
        pipeline(" ".join(f"w{i}x{j}" for j in range(100)))
        n_words.append(len(pipeline._nlp.vocab))
    assert max(n_words) <= max(500, n_words[0]) + 200


def test_threads_share_a_language() -> None:
    from concurrent.futures import ThreadPoolExecutor

    texts = [f"Sentence {i} of thread. " * 20 for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(sentences, texts)) == [sentences(text) for text in texts]


@pytest.mark.parametrize("language", ["qq", "EN", "", "../en", "char_classes"])
def test_an_unknown_language_is_told_at_once(language: str) -> None:
    with pytest.raises(ConfigError, match=r"spaCy's \(af, am, .*, en, .*zh\), found '"):
        stream_sentences(["text"], language=language)


def test_a_language_that_needs_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sudachipy", None)
    with pytest.raises(ConfigError, match=r"'ja', found it missing: .*SudachiPy"):
        sentences("text", language="ja")


def test_without_spacy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    raw._pipeline.cache_clear()
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MissingExtraError, match=r"nomina\[spacy\]"):
        sentences("text")


def test_spacy_is_imported_late() -> None:
    script = "import sys, nomina.data.raw; print('spacy' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )


@pytest.mark.parametrize("name", ["columns", "conllu", "jsonl", "prodigy"])
def test_formats_keep_sentences_over_several_lines(tmp_path: Path, name: Any) -> None:
    found = sentences("Ada\nwrote  it.\n\nEmmy\r\ntoo.")
    write(Corpus(tuple(found)), tmp_path / "x", format=name)
    assert [s.words for s in read(tmp_path / "x", format=name)] == [s.words for s in found]


def test_words_agree_with_a_treebank(shared: Path) -> None:
    # EWT also cuts at hyphens, so a few words in a hundred differ by convention.
    n_both = n_ours = n_theirs = 0
    for gold in read(shared / "uner-en-ewt" / "test.conllu"):
        theirs = set(gold.offsets() or ())
        ours = {s.in_whole(pair) for s in sentences(gold.text or "") for pair in s.offsets() or ()}
        if theirs:
            n_both += len(ours & theirs)
            n_ours, n_theirs = n_ours + len(ours), n_theirs + len(theirs)
    assert n_theirs > 15_000
    assert 2 * n_both / (n_ours + n_theirs) > 0.965


def test_finds_the_sentences_of_a_corpus() -> None:
    """The sample's documents, their words joined as people write them: all its sentences but a few come back."""
    n_both = n_ours = n_theirs = 0
    for text, starts in documents():
        ours = {sentence.start_char for sentence in sentences(text)} - {0}
        n_both += len(ours & starts)
        n_ours, n_theirs = n_ours + len(ours), n_theirs + len(starts)
    assert n_theirs > 500
    assert n_both / n_ours > 0.99
    assert n_both / n_theirs > 0.99


def documents() -> Iterator[tuple[str, set[int]]]:
    texts: dict[str | None, str] = {}
    starts: dict[str | None, set[int]] = {}
    for sentence in read("sample"):
        before = texts.get(sentence.document)
        text = "" if before is None else f"{before} "
        if before is not None:
            starts.setdefault(sentence.document, set()).add(len(text))
        texts[sentence.document] = text + prose(sentence.words)
    yield from ((texts[name], starts[name]) for name in starts)


def prose(given: Iterable[str]) -> str:
    """Words as people write them: quotes by turns, marks at the word before or behind them."""
    text, glued, quoted = "", True, False
    for word in given:
        closes = quoted if word == '"' else word in {*",.;:?!%)", "n't"} or word.startswith("'")
        quoted ^= word == '"'
        text += word if closes or glued else f" {word}"
        glued = not closes and word in {'"', "(", "$", "\u00a3"}
    return text
