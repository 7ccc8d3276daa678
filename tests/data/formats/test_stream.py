"""Streams against reading whole files, and faulty records among good ones."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import os
import tempfile
import threading
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, cast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nomina.data.formats.stream as module
from made_corpora import corpora, words
from nomina.data import Corpus, Note, Sentence, read
from nomina.data.formats import Format, faults, kaggle
from nomina.data.formats.collect import ReadOptions
from nomina.data.formats.columns import is_row
from nomina.data.formats.stream import BadRecord, InputFormat, Stream, stream
from nomina.data.formats.writing import WriteFormat, write
from nomina.errors import ConfigError, DataError, FormatError, TagError

TEXT_FORMS: tuple[WriteFormat, ...] = ("columns", "conllu", "kaggle", "jsonl", "doccano", "prodigy")
WHOLE_FORMS: tuple[WriteFormat, ...] = ("labelstudio", "docbin", "brat", "datasets")
PACKAGES = {"parquet": "pyarrow", "datasets": "datasets", "docbin": "spacy"}
STRICT = ReadOptions(strict_rows=True)
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


class Pipe(io.RawIOBase):
    """A stream that gives a few bytes at a time and cannot be gone back in."""

    def __init__(self, data: bytes, n: int) -> None:
        self._data, self._n = io.BytesIO(data), n

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(memoryview(buffer)[: self._n])


class Seen(NamedTuple):
    """A sentence with what equality leaves out."""

    sentence: Sentence
    lines: tuple[int, ...] | None
    source: str | None


def seen(records: Sequence[Sentence | BadRecord], source: str | None = None) -> list[Seen]:
    found = [record for record in records if isinstance(record, Sentence)]
    return [Seen(s, None if s.lines is None else tuple(s.lines), source or s.source) for s in found]


def read_all(opened: Stream) -> tuple[list[Sentence | BadRecord], tuple[Note, ...]]:
    with opened:
        records = list(opened)
    return records, opened.notes


def bad(records: Sequence[Sentence | BadRecord]) -> list[BadRecord]:
    return [record for record in records if isinstance(record, BadRecord)]


Pack = Literal["plain", "gz", "zip", "member", "gz in zip", "bytes", "pipe", "gz pipe", "zip pipe"]
PACKS: tuple[Pack, ...] = ("plain", "gz", "zip", "member", "gz in zip", "bytes", "pipe", "gz pipe", "zip pipe")


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/inner", data)
    return file.getvalue()


def pack(data: bytes, how: Pack, folder: Path) -> str | BinaryIO:
    """A source that holds some bytes."""
    if how == "bytes":
        return io.BytesIO(data)
    if how.endswith("pipe"):
        data = gzip.compress(data) if how.startswith("gz") else zipped(data) if how.startswith("zip") else data
        return io.BufferedReader(Pipe(data, 7), 16)
    made = {"plain": lambda: data, "gz": lambda: gzip.compress(data), "gz in zip": lambda: zipped(gzip.compress(data))}
    (folder / "packed").write_bytes(made.get(how, lambda: zipped(data))())
    return str(folder / "packed") + ("/folder/inner" if how == "member" else "")


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


@cache
def sample(n: int, *, numbered: bool = False) -> Corpus:
    """Sentences of the sample in documents of three, without texts."""
    name = "" if numbered else "d"
    documents = [f"{name}{i // 3 + 1}" for i in range(n)]
    sentences = [replace(s, document=d, text=None) for s, d in zip(read("sample"), documents, strict=False)]
    return replace(read("sample"), sentences=tuple(sentences))


class Planted(NamedTuple):
    """A file with faults: its bytes, the lines of the faults, and a file with empty lines in place of those records."""

    damaged: bytes
    lines: list[int]
    without: bytes


def broken_rows(form: str, row: str) -> list[str]:
    """What may stand in place of a row, each with a fault in that line."""
    separator = "," if form == "kaggle" else "\t"
    cells = row.split(separator)
    faults = [separator.join([*cells, "x", "y"]), separator.join(cells[:-1])]
    if form == "conllu":
        return [*faults, "x" + row, row.partition("NER=")[0] + "NER=Q-per"]
    return [*faults, separator.join([*cells[:-1], "Q-per"])]


def broken_lines(form: str, line: str) -> list[str]:
    return [line[:-1], "[1]", '{"tokens": 5, "text": 5}', "nonsense", line + line, '{"x": 1}']


def records_of(form: str, lines: list[str]) -> list[list[int]]:
    """Indices of the rows of each record, as far as written files are concerned."""
    if form in ("jsonl", "doccano", "prodigy"):
        return [[i] for i in range(len(lines))]
    begins = [i for i, line in enumerate(lines) if line.startswith("Sentence:")] if form == "kaggle" else []
    begins = begins or [0, *(i + 1 for i, line in enumerate(lines) if not line)]
    blocks = [range(a, b) for a, b in zip(begins, [*begins[1:], len(lines)], strict=True)]
    rows = [[i for i in block if lines[i] and not lines[i].startswith(("# ", "-DOCSTART-"))] for block in blocks]
    return [record for record in rows if record]


@cache
def written(form: WriteFormat, *, numbered: bool) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        write(sample(12, numbered=numbered), Path(folder) / "x", format=form)
        return (Path(folder) / "x").read_text(encoding="utf-8").split("\n")[:-1]


@st.composite
def planted(draw: st.DrawFn, form: WriteFormat) -> Planted:
    lines = written(form, numbered=draw(st.booleans()))
    rows = records_of(form, lines)
    damaged, without = [line.encode() for line in lines], [line.encode() for line in lines]
    # A mark says that a byte that is no character is a fault; without one, a zero byte is.
    mark, no_character = draw(st.sampled_from([(codecs.BOM_UTF8, b"\xff"), (b"", b"\0")]))
    faulty = []
    for record in sorted(draw(st.sets(st.integers(0, len(rows) - 1), min_size=1, max_size=4))):
        i = draw(st.sampled_from(rows[record]))
        broken = broken_rows if form in ("columns", "conllu", "kaggle") else broken_lines
        faults = [fault.encode() for fault in broken(form, lines[i])]
        faults.append(damaged[i] + no_character)
        if form != "kaggle":  # where any number begins a sentence, even one of nonsense
            faults.append(no_character + damaged[i])
        damaged[i] = draw(st.sampled_from(faults))
        faulty.append(i + 1)
        for row in rows[record]:
            without[row] = b""
    return Planted(mark + b"\n".join(damaged) + b"\n", faulty, mark + b"\n".join(without) + b"\n")


@pytest.mark.parametrize("form", TEXT_FORMS)
@settings(max_examples=40)
@given(data=st.data())
def test_faulty_records_harm_no_other(form: WriteFormat, data: st.DataObject) -> None:
    found = data.draw(planted(form))
    chunk_size = data.draw(st.integers(50, 3_000))
    as_format = cast(Format, form)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x"
        file.write_bytes(found.without)
        expected = read(file, format=as_format)
        file.write_bytes(found.damaged)
        records, notes = read_all(
            stream(file, format=as_format, options=STRICT, on_error="mark", chunk_size=chunk_size)
        )
        assert [record.line for record in bad(records)] == found.lines
        assert seen(records) == seen(expected.sentences)
        assert notes == expected.notes
        places = [record.line or 0 for record in records]
        assert places == sorted(places)

        before: list[Sentence | BadRecord] = []
        with pytest.raises(DataError) as caught:
            before.extend(stream(file, format=as_format, options=STRICT, chunk_size=chunk_size))
        assert (caught.value.path, caught.value.line) == (str(file), found.lines[0])
        assert seen(before) == [s for s in seen(expected.sentences) if (s.sentence.line or 0) < found.lines[0]]


def marked(text: str | bytes, form: InputFormat = "auto", options: ReadOptions = STRICT) -> list[Sentence | BadRecord]:
    source = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return read_all(stream(source, format=form, options=options, on_error="mark"))[0]


def test_what_is_handed_on_of_a_faulty_record() -> None:
    text = "# newdoc id = b\nAda\tNNP\tB-per\nwrote\tVBD\n\nSo\tRB\tO\n"
    fault, sentence = marked(text, options=ReadOptions("word,pos,label", strict_rows=True))
    assert fault == BadRecord(
        "standard input",
        3,
        "expected 3 columns, as most rows have or their names say, found 2: 'wrote VBD'; mend the row, or name the "
        "columns with --columns (columns=...)",
        "# newdoc id = b\nAda\tNNP\tB-per\nwrote\tVBD\n",
    )
    assert isinstance(sentence, Sentence)
    assert (sentence.words, sentence.document) == (("So",), "b")
    (fault,) = marked(codecs.BOM_UTF8 + b'{"tokens": ["na\xefve", "\xc3\xa9"]}\n', "jsonl")
    assert isinstance(fault, BadRecord)
    assert fault.raw == '{"tokens": ["na\\xefve", "é"]}'
    fault.raw.encode("utf-8")
    assert fault.error.startswith("expected UTF-8, as the file's beginning says, found byte 0xef")


@pytest.mark.parametrize(
    ("row", "columns", "is_fault"),
    [
        ("So\tRB\tO\t \t", None, False),  # blank cells too many are none
        ("So\tRB\tO\tx", None, True),
        ("So\tRB", None, True),
        ("So\tRB\tO", "word,pos", False),  # columns that are not named are not read
        ("So\tRB", "word,pos", True),
        ("So\tRB\tO\tx", "word,pos", True),
        ("So\tRB\tO", "word,pos,label,x", True),
    ],
)
def test_rows_of_another_width(row: str, columns: str | None, is_fault: bool) -> None:
    text = "Ada\tNNP\tB-per\nwrote\tVBD\tO\n\n" * 2 + row + "\n"
    assert isinstance(marked(text, options=ReadOptions(columns, strict_rows=True))[-1], BadRecord) == is_fault
    assert not bad(marked(text, options=ReadOptions(columns)))


def test_faults_of_rows_of_a_table(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra nomina[parquet]")
    rows: list[dict[str, Any]] = [{"tokens": [f"w{i}", "é"], "ner_tags": ["B-per", "O"]} for i in range(50)]
    rows[17]["ner_tags"], rows[42]["tokens"] = ["O"], None
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "x", row_group_size=8)
    for chunk_size in (1, 5_000, 2**20):
        opened = stream(tmp_path / "x", on_error="mark", chunk_size=chunk_size)
        records, _ = read_all(opened)
        assert [record.line for record in records] == list(range(1, 51))
        assert [(fault.line, json.loads(fault.raw)) for fault in bad(records)] == [(18, rows[17]), (43, rows[42])]
        assert opened.bytes_read == opened.n_bytes == (tmp_path / "x").stat().st_size
        with pytest.raises(DataError, match=":18: expected 2 entries in 'ner_tags'"):
            list(stream(tmp_path / "x", chunk_size=chunk_size))
    (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:-9])
    with pytest.raises(FormatError, match="expected a Parquet file"):
        stream(tmp_path / "x", on_error="mark")


def test_the_head_decides_on_the_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_N_HEAD", 30)

    def lines(data: bytes) -> tuple[list[str], list[int | None], tuple[Note, ...]]:
        opened = stream(io.BytesIO(data), format="text", on_error="mark", chunk_size=10)
        records, notes = read_all(opened)
        return [s.text or "" for s in records if isinstance(s, Sentence)], [b.line for b in bad(records)], notes

    good = b"plain words in a first line\n" * 2
    texts, faulty, notes = lines(good + b"na\xefve\nso\n")
    assert (texts[2:], faulty, [note.kind for note in notes]) == (["so"], [3], ["text"])
    texts, faulty, notes = lines(b"na\xefve\n" + good + b"\x85\x85\nb\x81\nso\n")
    assert (texts[0], texts[-2:], faulty) == ("naïve", ["……", "so"], [5])
    assert notes[0].message.startswith("read as Windows-1252, because line 1 is not UTF-8: 3 characters beyond ASCII")
    assert (notes[0].kind, notes[0].count, notes[0].lines) == ("encoding", 3, (1, 4, 4))
    # One fault among good characters is no other encoding, wherever it stands.
    assert lines("Zürich Genève Orléans\n".encode() + b"na\xefve\n" + good)[1] == [2]
    # A character is no fault for being cut in two where the head ends.
    assert lines(b"a" * 29 + "é\nso\n".encode())[:2] == (["a" * 29 + "é", "so"], [])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_faults_of_wide_characters(encoding: str) -> None:
    data = "so\nxQx\nend\n".encode(encoding).replace("Q".encode(encoding)[-2:], b"\x00\xd8")
    data = data if encoding == "utf-16" else "so\nx".encode(encoding) + b"\0\0\x11\x01" + "x\nend\n".encode("utf-32-le")
    first, fault, last = marked(data[:-1] if encoding == "utf-16" else data, "text")[:3]
    assert isinstance(first, Sentence)
    assert first.words == ("so",)
    assert isinstance(fault, BadRecord)
    assert fault.line == 2
    assert last.line == 3
    assert isinstance(last, BadRecord) == (encoding == "utf-16")  # whose last character lacks a byte


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(FormatError, match=":3: expected text, found a zero byte"):
        stream(io.BytesIO(b"\x89PNG\r\n\x1a\n\x00\x00"), on_error="mark")


@pytest.mark.parametrize("how", ["gz", "zip", "gz in zip", "gz pipe"])
@pytest.mark.parametrize("n_head", [500, 2**20])
def test_damaged_archives_give_what_is_before_the_damage(
    tmp_path: Path, how: Pack, n_head: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_N_HEAD", n_head)
    lines = [f"{i * i} {i**7} words" for i in range(20_000)]
    data = "\n".join(lines).encode()
    source = pack(data, how, tmp_path)
    if isinstance(source, str):
        packed = Path(source).read_bytes()
        middle = len(packed) // 2
        Path(source).write_bytes(packed[:middle] + (b"\xff" * 64) + packed[middle + 64 :])
    else:
        packed = gzip.compress(data)
        source = io.BytesIO(packed[: len(packed) // 2])
    found: list[Sentence | BadRecord] = []
    with pytest.raises(FormatError, match=r"damaged|readable zip"):
        found.extend(stream(source, format="text", on_error="mark", chunk_size=1_000))
    n_before = 9_000  # what follows on the damage may be read as nonsense before it is noticed
    assert n_before < len(found) < 20_000
    assert [s.text for s in found[:n_before] if isinstance(s, Sentence)] == lines[:n_before]


def test_a_record_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "N_RECORD", 200)
    monkeypatch.setattr(faults, "N_RECORD", 200)
    monkeypatch.setattr(module, "_N_HEAD", 100)
    rows = "Ada\tO\n" * 100
    for text, form, line in [
        (f"a\tO\n\n# newdoc id = x\n{rows}\n\nb\tO\n", "columns", 3),
        ("word,sentence\na,1\n" + "x,2\n" * 200 + "b,3\nb,3\n", "kaggle", 3),
        ("a\n" + "so " * 500 + "\nb\n", "text", 2),
    ]:
        opened = stream(io.BytesIO(text.encode()), format=cast(InputFormat, form), on_error="mark", chunk_size=10)
        first, fault, last = read_all(opened)[0]
        assert isinstance(first, Sentence)
        assert isinstance(fault, BadRecord)
        assert isinstance(last, Sentence)
        assert (first.words[0], last.words[0], fault.line) == ("a", "b", line)
        assert last.line == text[: text.index("b")].count("\n") + 1
        assert fault.error.startswith("expected a record of at most 200")
        assert text.split("\n")[line - 1][:20] in fault.raw
        assert last.document == ("x" if form == "columns" else None)
        with pytest.raises(FormatError, match=f":{line}: expected a record of at most"):
            list(stream(io.BytesIO(text.encode()), format=cast(InputFormat, form), chunk_size=10))


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


def test_an_invalid_tag_is_a_fault_each_time() -> None:
    text = "a\tQ-per\n\nb\tO\n\nc\tQ-per\nd\tQ-per\n"
    assert [record.line for record in bad(marked(text, "columns", ReadOptions("word,label")))] == [1, 5]
    with pytest.raises(TagError):
        list(stream(io.BytesIO(text.encode()), options=ReadOptions("word,label")))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"format": "xml"}, "format: expected auto, datasets, .*, text, found 'xml'"),
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


ROWS: dict[InputFormat, Callable[[int], str]] = {
    "columns": lambda i: f"w{i}\tNN\t{i}\tO\n" + "\n" * (i % 2),
    "kaggle": lambda i: ("Sentence,Word,POS,Tag\n" if i == 0 else "") + f"{i},w{i},NN,O\n",
    "jsonl": lambda i: json.dumps({"tokens": [f"w{i}"], "ner_tags": ["O"], "x": i}) + "\n",
    "text": lambda i: f"w{i} words\n",
}


@pytest.mark.parametrize("form", ROWS)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, form: InputFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_N_HEAD", 2**15)
    monkeypatch.setattr(kaggle, "_N_SEEN", 100)

    def peak(n: int, read_all: Callable[[Stream], Any]) -> int:
        with gzip.open(tmp_path / "x", "wt", compresslevel=1) as file:
            file.writelines(map(ROWS[form], range(n)))
        tracemalloc.start()
        try:
            read_all(stream(tmp_path / "x", format=form, chunk_size=2**14))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def pass_by(opened: Stream) -> None:
        for _ in opened:
            pass

    few, many = peak(2_000, pass_by), peak(20_000, pass_by)
    # What is known of all strings of a process grows now and then; all records at once would take much more.
    assert many < few + 3_000_000
    assert peak(20_000, list) > few + 6_000_000
