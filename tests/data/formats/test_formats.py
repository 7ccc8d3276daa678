"""Telling formats apart, and what all of them share."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nomina.data import Scheme, read
from nomina.data.formats import FORMATS, Format
from nomina.errors import ConfigError, DataError, FormatError, TagError

_TOKENS = [
    {"text": "Ada", "start": 0, "end": 3, "pos": "NNP"},
    {"text": "wrote", "start": 4, "end": 9, "pos": "VBD"},
]
_VALUE = {"start": 0, "end": 3, "labels": ["per"]}
TEXTS = {
    "doccano": json.dumps({"text": "Ada wrote", "label": [[0, 3, "per"]], "tokens": _TOKENS}) + "\n",
    "prodigy": json.dumps(
        {"text": "Ada wrote", "tokens": _TOKENS, "spans": [{"start": 0, "end": 3, "label": "per"}], "answer": "accept"}
    )
    + "\n",
    "labelstudio": json.dumps(
        [{"data": {"text": "Ada wrote", "tokens": _TOKENS}, "annotations": [{"result": [{"value": _VALUE}]}]}]
    )
    + "\n",
    "kaggle": "Sentence #,Word,POS,Tag\nSentence: 1,Ada,NNP,B-per\n,wrote,VBD,O\n",
    "columns": "Ada\tNNP\tB-per\nwrote\tVBD\tO\n",
    "conllu": "1\tAda\t_\tX\tNNP\t_\t_\t_\t_\tNER=B-per\n2\twrote\t_\tX\tVBD\t_\t_\t_\t_\tNER=O\n",
    "jsonl": json.dumps({"tokens": ["Ada", "wrote"], "pos_tags": ["NNP", "VBD"], "ner_tags": ["B-per", "O"]}) + "\n",
}


@pytest.mark.parametrize("form", TEXTS)
@pytest.mark.parametrize("pack", ["plain", "gz", "zip"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_formats_are_told_by_content(tmp_path: Path, form: str, pack: str, encoding: str) -> None:
    file = tmp_path / "corpus.bin"
    data = TEXTS[form].encode(encoding)
    if pack == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("inner.dat", data)
    else:
        file.write_bytes(gzip.compress(data) if pack == "gz" else data)
    corpus = read(file)
    assert corpus[0].words == ("Ada", "wrote")
    assert corpus[0].features["pos"] == ("NNP", "VBD")
    assert corpus[0].labels == ("B-per", "O")
    assert {note.kind for note in corpus.notes} <= {"columns"}


@pytest.mark.parametrize("form", TEXTS)
def test_crlf_and_a_missing_last_newline(tmp_path: Path, form: str) -> None:
    file = tmp_path / "corpus"
    file.write_bytes(TEXTS[form].rstrip("\n").replace("\n", "\r\n").encode())
    corpus = read(file)
    assert [s.words for s in corpus] == [("Ada", "wrote")]
    assert corpus[0].labels == ("B-per", "O")


@pytest.mark.parametrize(
    "text",
    [
        "This is a line of prose.\nAnd this is another one, longer.\nThird.\n",
        "<html>\n<body class='x' id='y'>\n</body>\n",
        '[{"tokens": ["a", "b"], "ner_tags": ["O", "O"]}]\n',
        "Ada,NNP,B-per\nwrote,VBD,O\n",
        "A fine film\tpositive\nA dull film\tnegative\n",
        "id,headline,date\n1,Some news here,2020\n2,More,2021\n",
    ],
)
def test_what_is_no_corpus_shows_its_first_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "what"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError) as caught:
        read(file)
    message = str(caught.value)
    assert message.startswith(
        f"{file}:1: expected one of the formats labelstudio, prodigy, doccano, jsonl, conllu, kaggle, columns"
    )
    assert repr(text.splitlines()[0]) in message
    assert "--format" in message
    assert "--columns" in message


@pytest.mark.parametrize("text", ["", "\n \n\t\n", "\ufeff"])
def test_empty_files(tmp_path: Path, text: str) -> None:
    file = tmp_path / "empty"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match="found an empty file"):
        read(file)


def test_a_file_without_a_whole_row_says_what_was_dropped(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("Sentence #,Word,POS,Tag\n1,,X,O\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"found none \(1 row without a word dropped \(line 2\)\)"):
        read(file)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"format": "xml"}, "format: expected auto, datasets, .* found 'xml'"),
        ({"format": "jsonl", "columns": "word"}, "columns: they name the columns of the columns format"),
        ({"pos": "both"}, "pos: expected xpos or upos"),
    ],
)
def test_arguments_are_checked_before_reading(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        read("absent", **arguments)
    with pytest.raises(ConfigError, match="at least one file"):
        read([])


def test_several_files_of_several_formats(tmp_path: Path) -> None:
    files = [tmp_path / form for form in TEXTS]
    for file in files:
        file.write_text(TEXTS[file.name], encoding="utf-8")
    corpus = read(files)
    assert len({(s.words, s.labels) for s in corpus}) == 1
    assert [s.source for s in corpus] == [str(file) for file in files]


def test_labels_in_some_sentences_only_are_said(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text('{"tokens": ["a"], "ner_tags": ["B-x"]}\n{"tokens": ["b"]}\n', encoding="utf-8")
    corpus = read(file)
    assert corpus.scheme is Scheme.IOB2
    assert [(note.kind, note.count) for note in corpus.notes] == [("unlabelled", 1)]


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """A good file of some format with a few bytes cut out and others put in."""
    data = draw(
        st.sampled_from([text.encode() for text in TEXTS.values()] + [gzip.compress(TEXTS["columns"].encode())])
    )
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.integers(0, 20)))
        data = (
            data[:start]
            + draw(st.binary(max_size=8) | st.sampled_from([b"\n", b"\t", b'"', b",", b"\r", b"#"]))
            + data[stop:]
        )
    return data


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=damaged_files() | st.binary(), form=st.sampled_from(["auto", *FORMATS]))
def test_any_bytes_are_read_or_refused_with_their_place(tmp_path: Path, data: bytes, form: Format) -> None:
    file = tmp_path / "any"
    file.write_bytes(data)
    corpus, fault = None, None
    try:
        corpus = read(file, format=form)
    except DataError as error:
        fault = error
    if corpus is None:
        assert fault is not None
        assert str(fault.path).startswith(str(file))
    else:
        assert corpus.n_words > 0
        assert all(word.strip(" \t") for s in corpus for word in s.words)
        assert all(s.line is not None and s.line > 0 for s in corpus)


def test_mixed_schemes_name_the_source(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("a B-x\nb E-x\n\nc U-x\n", encoding="utf-8")
    with pytest.raises(TagError, match="expected one tag scheme") as caught:
        read(file)
    assert caught.value.path == str(file)


def test_the_first_format_of_a_long_file_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "long"
    file.write_text("Ada\tO\n" * 20_000, encoding="utf-8")
    assert read(file).n_words == 20_000


def test_words_are_shared_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("Zanzibar\tO\n\nZanzibar\tO\n", encoding="utf-8")
    one, two = read(file)
    assert one.words[0] is two.words[0]


def test_the_sample_is_bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    corpus = read("sample")
    assert corpus.source == "sample"
    assert corpus.has_labels
    assert "pos" in corpus.feature_names
