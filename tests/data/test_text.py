import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data import read
from nomina.data.text import sentence, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't think it's hers.", "I do n't think it 's hers ."),
        ("They'll say we can't; I cannot.", "They 'll say we ca n't ; I can not ."),
        ("John\u2019s don\u2019t", "John \u2019s do n\u2019t"),
        ("Mr. O'Neil of the U.S. left.", "Mr. O'Neil of the U.S. left ."),
        ("J. R. Smith Jr. paid $1,234.5 (5%).", "J. R. Smith Jr. paid $ 1,234.5 ( 5 % ) ."),
        ("A well-known, 15-year-old AT&T deal--really", "A well-known , 15-year-old AT&T deal -- really"),
        ('He said "no" ... yes!!!', 'He said " no " ... yes !!!'),
        ("``Quoted'' 'too'", "`` Quoted '' ' too '"),
        ("See https://a.org/x?y=1, or mail a.b@c.org.", "See https://a.org/x?y=1 , or mail a.b@c.org ."),
        ("@user likes #topic at 10:30 :-)", "@user likes #topic at 10:30 :-)"),
        ("No. 5 is no. The end", "No. 5 is no . The end"),
        ("rock 'n' roll", "rock ' n ' roll"),
        (
            "Zu\u0308rich \u0939\u093f\u0928\u094d\u0926\u0940\u0964",
            "Zu\u0308rich \u0939\u093f\u0928\u094d\u0926\u0940 \u0964",
        ),
        ("\u00abOui\u00bb \u20ac5", "\u00ab Oui \u00bb \u20ac 5"),
        ("", ""),
        (" \t\n", ""),
    ],
)
def test_cuts_as_the_treebank_does(text: str, expected: str) -> None:
    assert words(text) == expected.split(" ") if expected else words(text) == []


snippets = st.sampled_from(
    ["n't", "'s", "\u2019ll", "U.S.", "Mr.", "http://", "a@b.c", "1,2", "...", "cannot", "\u0301", ".", "-"]
)
texts = st.one_of(st.text(), st.lists(st.one_of(snippets, st.text(max_size=3))).map("".join))


@given(texts)
def test_every_character_ends_in_one_word_in_order(text: str) -> None:
    found = words(text)
    assert "".join(found) == "".join(text.split())
    assert not any(c.isspace() for word in found for c in word)
    offsets = sentence(text).offsets()
    assert offsets is not None
    assert [text[a:b] for a, b in offsets] == found


def test_sentence_keeps_the_text() -> None:
    made = sentence("Ada, hello.")
    assert (made.words, made.text, made.labels) == (("Ada", ",", "hello", "."), "Ada, hello.", None)


@pytest.mark.parametrize("unit", ["a", "a.", "a-", "-a", ".a", "'s", "a@", "n't", "http://"])
def test_an_enormous_word_takes_linear_time(unit: str) -> None:
    start = time.process_time()
    assert "".join(words(unit * 50_000)) == unit * 50_000
    assert time.process_time() - start < 5


def test_agrees_with_a_treebank(shared: Path) -> None:
    # EWT also cuts at hyphens, so a few words in a hundred differ by convention.
    n_both = n_ours = n_theirs = 0
    for gold in read(shared / "uner-en-ewt" / "test.conllu"):
        theirs = gold.offsets()
        if theirs is not None and gold.text is not None:
            ours = sentence(gold.text).offsets() or ()
            n_both += len(set(ours) & set(theirs))
            n_ours += len(ours)
            n_theirs += len(theirs)
    assert n_theirs > 15_000
    assert 2 * n_both / (n_ours + n_theirs) > 0.97
