"""Faulty records among good ones."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nomina.data.formats.stream as module
from nomina.data import Note, Sentence, read
from nomina.data.formats import Format, faults
from nomina.data.formats.collect import ReadOptions
from nomina.data.formats.stream import BadRecord, InputFormat, stream
from nomina.data.formats.writing import WriteFormat, write
from nomina.errors import DataError, FormatError, TagError
from streams import STRICT, TEXT_FORMS, Pack, bad, marked, pack, read_all, sample, seen


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


UNTAGGED = {
    "columns": "Ada\tNNP\tB-per\n\nSo\tRB\tO\nit\tPRP\t\nis\tVBZ\tO\n",
    "jsonl": '{"tokens": ["Ada"], "ner_tags": ["B-per"]}\n'
    '{"tokens": ["So", "it", "is"], "ner_tags": ["O", null, "O"]}\n',
    "kaggle": "Sentence #,Word,POS,Tag\n1,Ada,NNP,B-per\n2,So,RB,O\n2,it,PRP,\n2,is,VBZ,O\n",
    "conllu": "".join(
        "\t".join((number, word, "_", "X", pos, "_", "_", "_", "_", misc)) + end
        for number, word, pos, misc, end in (
            ("1", "Ada", "NNP", "NER=B-per", "\n\n"),
            ("1", "So", "RB", "NER=O", "\n"),
            ("2", "it", "PRP", "_", "\n"),
            ("3", "is", "VBZ", "NER=O", "\n\n"),
        )
    ),
}


@pytest.mark.parametrize("form", UNTAGGED)
def test_rows_without_a_tag_lose_no_word_in_prediction(form: InputFormat) -> None:
    def lines(options: ReadOptions) -> tuple[list[Any], tuple[str, ...]]:
        opened = stream(io.BytesIO(UNTAGGED[form].encode()), format=form, options=options)
        found = [(one.words, one.labels) for one in opened if isinstance(one, Sentence)]
        return found, tuple(note.kind for note in opened.notes)

    kept, notes = lines(ReadOptions(strict_rows=True))
    assert kept == [(("Ada",), ("B-per",)), (("So", "it", "is"), None)]
    assert "missing_tag" not in notes
    dropped, notes = lines(ReadOptions())
    assert dropped == [(("Ada",), ("B-per",)), (("So", "is"), ("O", "O"))]
    assert "missing_tag" in notes


def test_faults_of_rows_of_a_table(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra nomina[parquet]")
    pytest.importorskip("pyarrow.parquet")
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


def test_an_invalid_tag_is_a_fault_each_time() -> None:
    text = "a\tQ-per\n\nb\tO\n\nc\tQ-per\nd\tQ-per\n"
    assert [record.line for record in bad(marked(text, "columns", ReadOptions("word,label")))] == [1, 5]
    with pytest.raises(TagError):
        list(stream(io.BytesIO(text.encode()), options=ReadOptions("word,label")))
