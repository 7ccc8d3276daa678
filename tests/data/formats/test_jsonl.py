import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data import Scheme, read
from nomina.data.formats import jsonl
from nomina.data.formats.collect import ReadOptions
from nomina.errors import DataError, TagError


def write(folder: Path, *records: dict[str, Any] | str) -> Path:
    file = folder / "data"
    lines = [record if isinstance(record, str) else json.dumps(record, ensure_ascii=False) for record in records]
    file.write_bytes("\n".join(lines).encode("utf-8"))
    return file


def test_reads_strings(tmp_path: Path) -> None:
    record = {"id": "7", "tokens": ["Ada", "NA"], "pos_tags": ["NNP", "X"], "ner_tags": ["B-per", "O"]}
    corpus = read(write(tmp_path, record, "", {**record, "document": 3, "text": "Ada NA", "case": ["u", "u"]}))
    assert corpus[0].words == ("Ada", "NA")
    assert corpus[0].features == {"pos": ("NNP", "X")}
    assert (corpus[0].labels, corpus.scheme) == (("B-per", "O"), Scheme.IOB2)
    assert (corpus[1].document, corpus[1].text, corpus[1].line) == ("3", "Ada NA", 3)
    assert corpus[1].features == {"pos": ("NNP", "X"), "case": ("u", "u")}
    assert corpus.feature_names == ("pos",)
    assert corpus.notes == ()


@pytest.mark.parametrize("as_file", [True, False])
def test_integers_with_their_names(tmp_path: Path, as_file: bool) -> None:
    names: Any = ["O", "B-per", "I-per"]
    if as_file:
        (tmp_path / "names.txt").write_text("O\r\nB-per\r\nI-per\r\n", encoding="utf-8")
        names = tmp_path / "names.txt"
    corpus = read(write(tmp_path, {"words": ["a", "b", "c"], "labels": [1, 2, 0]}), label_names=names)
    assert corpus[0].labels == ("B-per", "I-per", "O")


@pytest.mark.parametrize(
    ("record", "match"),
    [
        ('{"tokens": ["a"', "expected one whole JSON object on this line"),
        ("[1]", "expected a JSON object"),
        ({"text": "a"}, "expected 'tokens' with a list of strings, found the keys text"),
        ({"tokens": "a b"}, 'found tokens = "a b"'),
        ({"tokens": ["a", 1]}, "list of strings"),
        ({"tokens": ["a"], "ner_tags": ["O", "O"]}, "expected 1 entries in 'ner_tags', one per token, found 2"),
        ({"tokens": ["a"], "ner_tags": [0]}, "found the integer 0; give the names in order"),
        ({"tokens": ["a"], "ner_tags": [0.5]}, "expected strings in 'ner_tags', found 0.5"),
        ({"tokens": ["a"], "pos_tags": [3]}, "expected strings in 'pos_tags', found 3; give the tags by name"),
        ({"tokens": ["a"], "pos_tags": "X"}, 'one per token, found "X"'),
        ({"tokens": ["a"], "ner_tags": ["per"]}, "expected an entity tag"),
    ],
)
def test_faults_carry_their_place(tmp_path: Path, record: dict[str, Any] | str, match: str) -> None:
    file = write(tmp_path, {"tokens": ["fine"]}, record)
    with pytest.raises(DataError, match=match.replace("[", r"\[")) as caught:
        read(file)
    assert (caught.value.path, caught.value.line) == (str(file), 2)


def test_an_integer_beyond_the_names(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected integers from 0 to 0 in 'tags', found 1"):
        read(write(tmp_path, {"tokens": ["a"], "tags": [1]}), label_names=["O"])
    with pytest.raises(TagError, match="found 'per'"):
        read(write(tmp_path, {"tokens": ["a"], "tags": [0]}), label_names=["per"])


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    corpus = read(
        write(
            tmp_path,
            {
                "tokens": ["a", " ", "b", "c"],
                "ner_tags": ["O", "O", None, "O"],
                "pos_tags": ["X", "X", "X", ""],
                "chunks": [1, 2, 3, 4],
            },
            {"tokens": [], "ner_tags": []},
        )
    )
    assert (corpus[0].words, corpus[0].features) == (("a", "c"), {"pos": ("X", "_")})
    assert {(note.kind, note.count) for note in corpus.notes} == {
        ("blank_word", 1), ("missing_tag", 1), ("missing_feature", 1), ("unused", 1), ("empty_sentence", 1)
    }  # fmt: skip


def test_null_means_absent(tmp_path: Path) -> None:
    corpus = read(
        write(tmp_path, {"tokens": ["a"], "ner_tags": None, "pos_tags": None, "document": None, "text": None})
    )
    assert (corpus[0].labels, corpus[0].features, corpus[0].document, corpus[0].text) == (None, {}, None, None)


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda w: w.strip(" \t") != "")


@given(st.lists(st.lists(words, min_size=1), min_size=1), st.booleans())
def test_words_are_read_exactly(sentences: list[list[str]], ascii_only: bool) -> None:
    text = "".join(json.dumps({"tokens": words}, ensure_ascii=ascii_only) + "\n" for words in sentences)
    result = jsonl.read(text, "made", ReadOptions())
    assert [list(s.words) for s in result.sentences] == sentences
