from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data.formats import read
from nomina.data.records import Sentence
from nomina.errors import ModelError
from nomina.scoring.chunks import default_chunks
from nomina.scoring.mentions import SeenMentions, load_mentions, save_mentions, seen_mentions
from strategies import WORDS

TRAINING = [
    Sentence(("New", "York", "sued", "Apple"), labels=("B-geo", "I-geo", "O", "B-org")),
    Sentence(("Apple", "ripened"), labels=("B-art", "O")),
    Sentence(("Paris",)),
]


def test_three_kinds_of_mentions() -> None:
    mentions = seen_mentions(TRAINING)
    assert len(mentions) == 3
    assert mentions.seen(("New", "York"), "geo") == "seen with this type"
    assert mentions.seen(("New", "York"), "org") == "seen with another type only"
    assert mentions.seen(("Apple",), "org") == mentions.seen(("Apple",), "art") == "seen with this type"
    for words in (("Paris",), ("New",), ("new", "york"), ("York", "New")):
        assert mentions.seen(words, "geo") == "unseen"


@given(st.lists(st.tuples(st.lists(WORDS, min_size=1, max_size=3), st.sampled_from(["per", "geo"])), max_size=20))
def test_hashes_tell_mentions_as_strings_do(mentions: list[tuple[list[str], str]]) -> None:
    first, second = mentions[::2], mentions[1::2]
    training = [
        Sentence(tuple(words), labels=(f"B-{label}", *[f"I-{label}"] * (len(words) - 1))) for words, label in first
    ]
    known = seen_mentions(training)
    strings = {(" ".join(words), label) for words, label in first}
    for words, label in [*first, *second]:
        text = " ".join(words)
        expected = (
            "seen with this type"
            if (text, label) in strings
            else "seen with another type only"
            if text in {string for string, _ in strings}
            else "unseen"
        )
        assert known.seen(words, label) == expected


def test_the_sample_is_the_same_when_read_again(tmp_path: Path) -> None:
    corpus = read("sample")
    mentions = seen_mentions(corpus)
    save_mentions(mentions, tmp_path / "mentions.json")
    assert load_mentions(tmp_path / "mentions.json") == mentions
    text = (tmp_path / "mentions.json").read_text(encoding="utf-8")
    assert len(text) < 11 * len(mentions) + 300  # 8 bytes in base64
    names = {
        " ".join(sentence.words[start:end])
        for sentence in corpus
        for _, start, end in default_chunks(sentence.labels or ())
    }
    assert not [name for name in names if len(name) > 4 and name in text]  # no mention can be read in it
    save_mentions(seen_mentions(reversed(corpus)), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text(encoding="utf-8") == text


def test_no_file_and_no_mentions(tmp_path: Path) -> None:
    assert load_mentions(tmp_path / "mentions.json") is None
    save_mentions(seen_mentions([]), tmp_path / "mentions.json")
    assert load_mentions(tmp_path / "mentions.json") == SeenMentions({})


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        "{}",
        '{"hash": "md5", "types": {}}',
        '{"hash": HASH, "types": {"geo": "AAAA"}}',
        "\udcff",
        '{"hash": HASH, "types": {"geo": "no base64"}}',
        '{"hash": HASH, "types": []}',
        '{"hash": HASH, "types": {"a": 1}}',
    ],
)
def test_a_damaged_file_says_so(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "mentions.json"
    save_mentions(seen_mentions(TRAINING), path)
    named = json.dumps(json.loads(path.read_text(encoding="utf-8"))["hash"])
    path.write_bytes(damage.replace("HASH", named).encode(errors="surrogateescape"))
    with pytest.raises(ModelError, match=r"mentions of the training part in .*delete the file"):
        load_mentions(path)
