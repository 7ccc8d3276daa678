"""What --fix mends, and that it lists all of it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data.audit import Change, audit, fix
from nomina.data.audit.characters import mend, odd_kinds
from nomina.data.corpus import Corpus
from nomina.data.records import Sentence
from nomina.data.tags import Scheme, read_spans
from nomina.errors import TagError
from planted import PARTS, Rows, clean_rows, line_of, read_rows
from strategies import WORDS

TAGS = ["O", "B-a", "I-a", "B-b", "I-b"]


@pytest.fixture
def parts() -> dict[str, Rows]:
    return {name: clean_rows(name) for name in PARTS}


def test_a_clean_corpus_stays_as_it_is(parts: dict[str, Rows], tmp_path: Path) -> None:
    corpora = read_rows(parts, tmp_path)
    fixed = fix(corpora)
    assert fixed.changes == ()
    assert fixed.parts == corpora


def test_every_change_is_listed(parts: dict[str, Rows], tmp_path: Path) -> None:
    before = deepcopy(parts)
    train = before["train"]
    train[2][0][2] = "I-per"
    train[3][7][0] = "caf\u00c3\u00a9"
    train[4][7][0] = "\u200b"
    train[5] = deepcopy(train[1])
    before["test"][6] = deepcopy(train[11])
    fixed = fix(read_rows(before, tmp_path))
    assert {name: len(corpus) for name, corpus in fixed.parts.items()} == {"train": 198, "dev": 40, "test": 40}
    path = tmp_path / "train.conll"

    def place(sentence: int, word: int = 0) -> str:
        return f"{path}:{line_of(train, sentence, word)}"

    def words(sentence: int) -> str:
        return " ".join(row[0] for row in train[sentence])

    leaked = f"{tmp_path / 'test.conll'}:{line_of(before['test'], 6)}"
    assert fixed.changes == (
        Change("tag", "train", place(2), "Alan I-per", "Alan B-per"),
        Change("word", "train", place(3, 7), "caf\u00c3\u00a9", "caf\u00e9"),
        Change("empty_word", "train", place(4, 7), "\u200b", ""),
        Change("repeat", "train", place(5), words(5), "", f"as {place(1)}"),
        Change("leak", "train", place(11), words(11), "", f"stands at {leaked} of the test part"),
    )
    assert {f.kind for f in audit(fixed.parts).findings} == {"scheme"}


def test_an_entity_keeps_the_words_that_stay() -> None:
    labels = ("B-a", "I-a", "I-a", "B-b", "O")
    sentence = Sentence(
        ("\u200b", "New", "York", "\u200b", "."),
        {"pos": ("A", "B", "C", "D", "E")},
        labels,
        line=3,
        text="\u200bNew York \u200b.",
        lines=range(3, 8),
    )
    [mended] = fix({"train": Corpus((sentence,), Scheme.IOB2)}).parts["train"]
    assert mended.words == ("New", "York", ".")
    assert mended.labels == ("B-a", "I-a", "O")
    assert mended.features == {"pos": ("B", "C", "E")}
    assert (mended.line, mended.line_of(2), mended.text) == (4, 7, "New York .")


def test_a_sentence_without_a_word_goes() -> None:
    corpus = Corpus((Sentence(("\u200b",), {}, ("O",)), Sentence(("a",), {}, ("B-a",))), Scheme.IOB2)
    fixed = fix({"train": corpus})
    assert [s.words for s in fixed.parts["train"]] == [("a",)]
    assert [change.kind for change in fixed.changes] == ["empty_word", "empty_sentence"]


def test_policies(parts: dict[str, Rows], tmp_path: Path) -> None:
    parts["train"][2][0][2] = "I-per"
    corpora = read_rows(parts, tmp_path)
    dropped = fix(corpora, repair="discard")
    assert [(c.before, c.after) for c in dropped.changes] == [("Alan I-per", "Alan O"), ("Turing I-per", "Turing O")]
    with pytest.raises(TagError, match=r"train\.conll:21: "):
        fix(corpora, repair="error")


@pytest.mark.parametrize("scheme", Scheme)
def test_tags_stay_in_their_scheme(scheme: Scheme) -> None:
    labels = {Scheme.IOB1: "I-a", Scheme.IOB2: "B-a", Scheme.BIOES: "S-a", Scheme.BILOU: "U-a"}
    sentences = (Sentence(("a", "b"), {}, (labels[scheme], "O")),)
    fixed = fix({"train": Corpus(sentences, scheme)})
    assert fixed.parts["train"].sentences == sentences


@pytest.mark.parametrize(
    ("word", "mended"),
    [
        ("caf\u00c3\u00a9", "caf\u00e9"),
        ("It\u00e2\u20ac\u2122s", "It\u2019s"),
        ("\u00e2\u20ac\u009d", "\u201d"),  # byte 0x9d has no character in Windows-1252
        ("caf\u00c3\u0192\u00c2\u00a9", "caf\u00e9"),  # twice
        ("it\u0092s", "it\u2019s"),
        ("\u0085", "\u2026"),
        ("\u0081", ""),
        ("a\u0007b", "ab"),
        ("zero\u200bwidth", "zerowidth"),
        ("\ufeff", ""),
        ("5\u00a0storm", "5\u00a0storm"),  # what stood there is not known
        ("\ufffd", "\ufffd"),
        ("\ue000", "\ue000"),
        ("na\u00efve", "na\u00efve"),
        ("\u00c3\u00a9l\u00e9", "\u00c3\u00a9l\u00e9"),  # half of it only: no reading is certain
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
    ],
)
def test_mending_a_word(word: str, mended: str) -> None:
    assert mend(word) == mended


@given(WORDS)
def test_mending_is_done_once(word: str) -> None:
    assert mend(mend(word)) == mend(word)
    assert not set(odd_kinds(mend(word))) & {"c1_control", "control", "zero_width", "mojibake"}


@given(st.text(st.characters(codec="cp1252", exclude_categories=["Cc", "Cf"]), min_size=1))
def test_what_was_misread_once_comes_back(word: str) -> None:
    """Unless the word looks misread before anything was done to it."""
    try:
        misread = word.encode().decode("cp1252")
    except UnicodeDecodeError:
        return
    if "mojibake" not in odd_kinds(word) and not word.isascii():
        assert odd_kinds(misread) == ("mojibake",)
        assert mend(misread) == mend(word)


@given(st.lists(st.lists(st.tuples(WORDS, st.sampled_from(TAGS)), min_size=1, max_size=6), min_size=1, max_size=5))
def test_mended_corpora_have_nothing_left_to_mend(rows: list[list[tuple[str, str]]]) -> None:
    sentences = tuple(
        Sentence(tuple(w for w, _ in row), {}, tuple(t for _, t in row), line=i) for i, row in enumerate(rows)
    )
    parts = {"train": Corpus(sentences, Scheme.IOB2), "test": Corpus(sentences[:1], Scheme.IOB2)}
    fixed = fix(parts)
    assert fix(fixed.parts).changes == ()
    for corpus in fixed.parts.values():
        for sentence in corpus:
            assert read_spans(sentence.labels or (), Scheme.IOB2).n_repairs == 0
    if fixed.parts == parts:
        assert not fixed.changes
    else:
        assert fixed.changes


def test_unlabelled_sentences_pass_through() -> None:
    corpus = Corpus((Sentence(("a\u200b", "b")),))
    [sentence] = fix({"train": corpus}).parts["train"]
    assert sentence == replace(corpus[0], words=("a", "b"))
