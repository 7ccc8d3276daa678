"""Streams against reading whole files."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import tempfile
import threading
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nomina.data.formats.stream as module
from made_corpora import corpora, words
from nomina.data import Note, Sentence, read
from nomina.data.formats import Format, kaggle
from nomina.data.formats.collect import ReadOptions
from nomina.data.formats.columns import is_row
from nomina.data.formats.stream import BadRecord, InputFormat, Stream, stream
from nomina.data.formats.writing import WriteFormat, write
from nomina.errors import ConfigError, DataError, FormatError
from streams import PACKS, TEXT_FORMS, Pack, marked, pack, read_all, sample, seen

WHOLE_FORMS: tuple[WriteFormat, ...] = ("labelstudio", "docbin", "brat", "datasets")
PACKAGES = {"parquet": "pyarrow", "datasets": "datasets", "docbin": "spacy"}
FILES: dict[str, str] = {
    "columns": "-DOCSTART-\tO\n\nAda\tB-per\nwrote\tO\n\n\n# newdoc id = b\n# text = It was.\nIt\tO\n was \tO\n \t\n"
    "So\tO\n\n-DOCSTART-\tO\nEnd\tO",
    "spaces": "-DOCSTART- -X- O\n\nAda NNP B-per\nwrote VBD O\n\n-DOCSTART- -X- O\n\nSo RB O\n",
    "conllu": "# newdoc\n# text = Ada's\n1-2\tAda's\t_\t_\t_\t_\t_\t_\t_\t_\n1\tAda\t_\tX\tNNP\t_\t_\t_\t_\tNER=B-per\n"
    "2\t's\t_\tX\tPOS\t_\t_\t_\t_\tSpaceAfter=No\n\n# newdoc id = z\n1\tSo\t_\tX\tRB\t_\t_\t_\t_\t_\n\n",
    "sparse": 'Sentence #,Word,POS,Tag\nSentence: 1,Ada,NNP,B-per\n,",",",",O\n,",'
    ",O\n,wrote,VBD,O\n"
    "Sentence: 2,So,RB,O\n,it,PRP,O\n,is,VBZ,O\nSentence: 1,Yes,UH,O\n,.,.,O\n",
    "dense": "sentence_idx;word;tag;lemma\n\n1;Ada;B-per;ada\n1;;O;x\n1;wrote;O;\n2;So;O;so\n2;it;O;it\n;is;O;be\n"
    "1;Yes;O;yes\n",
    "unnumbered": "word,pos,tag,\nAda,NNP,B-per,\nwrote,VBD,O,\n\nSo,RB,O,\n\n\nit,PRP,O,x\n",
    "jsonl": '{"tokens": ["Ada", "\u20ac"], "ner_tags": ["B-per", "O"], "id": 1, "x": 2}\n\n{"tokens": ["So"]}\n'
    '{"tokens": []}\n',
    "doccano": '{"text": "Ada wrote\\nSo", "label": [[1, 9, "per"]]}\n{"text": " "}\n'
    '{"text": "It\\nis", "label": [[0, 4, "x"]]}\n',
    "prodigy": '{"text": "Ada", "answer": "reject"}\n'
    '{"text": "It\\nis", "spans": [{"start": 0, "end": 1, "label": "x"}]}\n',
}
FORM_OF = {"spaces": "columns", "sparse": "kaggle", "dense": "kaggle", "unnumbered": "kaggle"}


def needs(form: str) -> None:
    if form in PACKAGES:
        pytest.importorskip(PACKAGES[form], reason=f"needs the extra nomina[{form}]")


@pytest.mark.parametrize("form", TEXT_FORMS)
@settings(max_examples=60)
@given(data=st.data())
def test_streams_are_what_reading_gives(form: WriteFormat, data: st.DataObject) -> None:
    corpus = data.draw(corpora(words.filter(is_row) if form == "columns" else words))
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]))
    newline = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    how = data.draw(st.sampled_from(PACKS))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "corpus"
        write(corpus, file, format=form)
        text = file.read_bytes().decode("utf-8")
        try:
            file.write_bytes(text.replace("\n", newline).encode(encoding))
            expected = read(file, format=cast(Format, form))
        except (UnicodeEncodeError, FormatError):  # words that Windows-1252 lacks, or that could be UTF-8 just as well
            assume(False)
        source = pack(file.read_bytes(), how, Path(folder))
        opened = stream(source, format=cast(InputFormat, form), chunk_size=data.draw(st.integers(1, 300)))
        records, notes = read_all(opened)
    assert seen(records, "x") == seen(expected.sentences, "x")
    assert notes == expected.notes
    assert opened.format == form


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("name", FILES)
def test_chunks_end_anywhere(tmp_path: Path, name: str, newline: str) -> None:
    file = tmp_path / "data"
    file.write_bytes(FILES[name].replace("\n", newline).encode())
    expected = read(file)
    assert expected.notes
    for chunk_size in range(1, file.stat().st_size + 2):
        opened = stream(file, chunk_size=chunk_size)
        records, notes = read_all(opened)
        assert seen(records) == seen(expected.sentences)
        assert notes == expected.notes
        assert opened.format == FORM_OF.get(name, name)


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """A good file of some format with a few bytes cut out and others put in."""
    data = draw(st.sampled_from([text.encode() for text in FILES.values()]))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 20)))
        put = draw(st.binary(max_size=4) | st.sampled_from([b"\n", b"\n\n", b"\t", b'"', b",", b"\r", b"#"]))
        data = data[:start] + put + data[stop:]
    return data


@settings(max_examples=200)
@given(data=damaged_files() | st.binary(), chunk_size=st.integers(1, 100))
def test_any_bytes_are_streamed_as_they_are_read(data: bytes, chunk_size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x"
        file.write_bytes(data)
        expected = None
        with suppress(DataError):
            expected = read(file)
        found: list[Sentence | BadRecord] = []
        try:
            opened = stream(file, chunk_size=chunk_size)
            found.extend(opened)
        except DataError:
            assert expected is None
        else:
            # Text is what reading refuses, or takes for one or two columns.
            assert opened.format == "text" or expected is None or seen(found) == seen(expected.sentences)
            assert opened.format == "text" or expected is None or opened.notes == expected.notes
        with suppress(DataError):
            assert seen(list(stream(file, chunk_size=chunk_size, on_error="mark")))[: len(found)] == seen(found)


@pytest.mark.parametrize(
    "name", ["wnut17/emerging.test.annotated", "wnut17/wnut17train.conll", "uner-en-ewt/dev.conllu"]
)
def test_real_corpora(shared: Path, name: str) -> None:
    expected = read(shared / name)
    records, notes = read_all(stream(shared / name, chunk_size=30_000))
    assert seen(records) == seen(expected.sentences)
    assert notes == expected.notes


@pytest.mark.parametrize("how", PACKS)
@pytest.mark.parametrize("n_head", [2**12, 2**20])
@pytest.mark.parametrize("form", [*TEXT_FORMS, "parquet"])
def test_the_head_decides_for_what_follows(
    tmp_path: Path, form: WriteFormat, how: Pack, n_head: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs(form)
    monkeypatch.setattr(module, "_N_HEAD", n_head)
    write(sample(60), tmp_path / "x", format=form)
    expected = read(tmp_path / "x")
    opened = stream(pack((tmp_path / "x").read_bytes(), how, tmp_path), chunk_size=2_000)
    records, notes = read_all(opened)
    assert opened.format == form
    assert seen(records, "x") == seen(expected.sentences, "x")
    assert notes == expected.notes


@pytest.mark.parametrize("form", WHOLE_FORMS)
def test_what_has_no_records_is_read_whole(tmp_path: Path, form: WriteFormat) -> None:
    needs(form)
    write(sample(8), tmp_path / "x", format=form)
    expected = read(tmp_path / "x")
    records, notes = read_all(stream(tmp_path / "x"))
    assert seen(records) == seen(expected.sentences)
    assert notes == expected.notes
    if form in ("labelstudio", "docbin"):
        records, _ = read_all(stream(io.BytesIO((tmp_path / "x").read_bytes()), format=cast(InputFormat, form)))
        assert seen(records, "x") == seen(expected.sentences, "x")
    else:
        with pytest.raises(ConfigError, match="stands in several files"):
            stream(io.BytesIO(), format=cast(InputFormat, form))


def test_the_sample() -> None:
    records, notes = read_all(stream("sample", chunk_size=999))
    assert seen(records) == seen(read("sample").sentences)
    assert notes == read("sample").notes


@pytest.mark.parametrize(
    ("content", "form", "sentences"),
    [
        ("Hello world\n", "text", [["Hello", "world"]]),
        ("One.\nTwo\n", "text", [["One", "."], ["Two"]]),
        ("It is so.\r\n\r\nYes it is.\n", "text", [["It", "is", "so", "."], ["Yes", "it", "is", "."]]),
        ("Hello O\nworld O\n", "columns", [["Hello", "world"]]),
        ("Hello\tUH\nworld\tNN\n", "columns", [["Hello", "world"]]),
        ("Hello\nworld\n\nagain\n", "columns", [["Hello", "world"], ["again"]]),
        ('{"tokens": ["Hello", "world"]}\n', "jsonl", [["Hello", "world"]]),
        ("", "text", []),
    ],
)
def test_text_and_corpora_are_told_apart(content: str, form: str, sentences: list[list[str]]) -> None:
    opened = stream(io.BytesIO(content.encode()))
    records, notes = read_all(opened)
    assert [list(record.words) for record in records if isinstance(record, Sentence)] == sentences
    assert opened.format == form
    if form == "text":
        assert notes == (
            Note("text", f"read as text, one sentence a line: {len(sentences):,} sentences", len(sentences)),
        )


def test_text_keeps_lines_and_characters() -> None:
    text = "It's  so.\n\n \t\nYes\x85\u2028!\r"
    first, last = marked(text)
    assert isinstance(first, Sentence)
    assert isinstance(last, Sentence)
    assert (first.text, first.words, first.line) == ("It's  so.", ("It", "'s", "so", "."), 1)
    assert (last.text, last.line) == ("Yes\x85\u2028!", 4)


def test_a_corpus_without_a_sentence() -> None:
    text = "Sentence #,Word,POS,Tag\n1,,X,O\n"
    with pytest.raises(FormatError, match=r"found none \(1 row without a word dropped \(line 2\)\)"):
        list(stream(io.BytesIO(text.encode())))


def test_labels_in_some_sentences_only_are_said() -> None:
    text = '{"tokens": ["a"], "ner_tags": ["B-x"]}\n{"tokens": ["b"]}\n'
    _, notes = read_all(stream(io.BytesIO(text.encode())))
    assert [(note.kind, note.count) for note in notes] == [("unlabelled", 1)]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"format": "xml"}, "format: expected auto, datasets, .*, text, raw, found 'xml'"),
        ({"format": "text", "options": ReadOptions("word")}, "columns: they name the columns of the columns format"),
        ({"on_error": "skip"}, "on_error: expected stop or mark, found 'skip'"),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        stream("absent", **arguments)
    with pytest.raises(DataError, match="found nothing there"):
        stream("absent")


@pytest.mark.parametrize("how", PACKS)
def test_progress(tmp_path: Path, how: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_N_HEAD", 4_000)
    source = pack(b"".join(b"%d words\n" % i**9 for i in range(4_000)), how, tmp_path)
    with stream(source, chunk_size=4_000) as opened:
        steps = [opened.bytes_read for _ in opened]
    assert steps == sorted(steps)
    assert len(set(steps)) > 3
    if how in ("plain", "gz"):
        assert opened.n_bytes == (tmp_path / "packed").stat().st_size
    elif how in ("bytes", "pipe", "gz pipe"):
        assert opened.n_bytes is None
    if opened.n_bytes is not None:
        assert opened.bytes_read == opened.n_bytes
        assert steps[0] < opened.n_bytes / 2


def test_what_is_opened_is_closed(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("Hello world\n" * 5)
    with (tmp_path / "x").open("rb") as file:
        file.readline()
        opened = stream(file, format="text")
        assert opened.n_bytes == 48
        assert len(list(opened)) == 4
        assert opened.source == str(tmp_path / "x")
        assert not file.closed
    with stream(tmp_path / "x") as opened:
        next(opened)
    assert list(opened) == []


def test_records_can_be_passed_over() -> None:
    def open_text() -> Stream:
        return stream(io.BytesIO(b"a\n\nb\nc\n"), format="text")

    opened = open_text()
    assert opened.skip(2) == 2
    assert [record.line for record in opened] == [4]
    assert open_text().skip(9) == 3


def test_a_named_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"One.\nTwo\n",))
    writer.start()
    with stream(tmp_path / "pipe") as opened:
        assert [record.line for record in opened] == [1, 2]
    writer.join()
    assert opened.source == str(tmp_path / "pipe")


# Few different words, which are there all the time: the interpreter's table of known strings grows now and then if some
# come and go, which is not to be measured.
KNOWN = [sys.intern(text) for i in range(99) for text in (str(i), f"w{i}")]
ROWS: dict[InputFormat, Callable[[int], str]] = {
    "columns": lambda i: f"w{i % 99}\tNN\t{i % 99}\tO\n" + "\n" * (i % 2),
    "kaggle": lambda i: ("Sentence,Word,POS,Tag\n" if i == 0 else "") + f"{i},w{i % 99},NN,O\n",
    "jsonl": lambda i: json.dumps({"tokens": [f"w{i % 99}"], "ner_tags": ["O"], "x": i}) + "\n",
    "text": lambda i: f"w{i % 99} words\n",
}


@pytest.mark.parametrize("form", ROWS)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, form: InputFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_N_HEAD", 2**12)
    monkeypatch.setattr(kaggle, "_N_SEEN", 100)

    def peak(n: int, read_all: Callable[[Stream], Any]) -> int:
        with gzip.open(tmp_path / "x", "wt", compresslevel=1) as file:
            file.writelines(map(ROWS[form], range(n)))
        tracemalloc.start()
        try:
            read_all(stream(tmp_path / "x", format=form, chunk_size=2**12))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def pass_by(opened: Stream) -> None:
        for _ in opened:
            pass

    few, many = peak(1_200, pass_by), peak(12_000, pass_by)
    assert many < few + 300_000
    assert peak(12_000, list) > few + 2_000_000
