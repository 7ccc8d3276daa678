import codecs
import gzip
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data.formats.source import load, split_lines
from nomina.errors import DataError, FormatError

TEXT = "Zürich\tB-loc\n€\tO\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_and_utf8(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "data"
    file.write_bytes(TEXT.encode(encoding))
    assert load(file) == (str(file), TEXT, ())


def test_windows_1252_is_said_with_count_and_lines(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(b"plain\tO\r\n\x85\tO\r\nna\xefve\tO\r\n")
    loaded = load(file)
    assert loaded.text == "plain\tO\r\n…\tO\r\nnaïve\tO\r\n"
    (note,) = loaded.notes
    assert (note.kind, note.count, note.lines) == ("encoding", 2, (2, 3))
    assert "Windows-1252" in note.message


def test_a_byte_that_no_encoding_defines(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(b"a\tO\r\nb\x81\tO\r\n")
    with pytest.raises(FormatError, match="found byte 0x81, which neither defines") as caught:
        load(file)
    assert (caught.value.path, caught.value.line) == (str(file), 2)
    assert str(caught.value).startswith(f"{file}:2: expected")


def test_one_bad_byte_in_utf8_is_a_fault_not_another_encoding(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes("Zürich Genève Orléans\n".encode() + b"na\xefve\n")
    with pytest.raises(FormatError, match="expected UTF-8, found byte 0xef among 3 good characters") as caught:
        load(file)
    assert caught.value.line == 2


def test_a_mark_that_lies(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(b"\xef\xbb\xbfa\nb\xff\n")
    with pytest.raises(FormatError, match="as its byte order mark says") as caught:
        load(file)
    assert caught.value.line == 2


def test_a_cut_utf16_file(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(codecs.BOM_UTF16_LE + "a\r\nb\r\nc".encode("utf-16-le")[:-1])
    with pytest.raises(FormatError, match="expected UTF-16-LE text") as caught:
        load(file)
    assert caught.value.line == 3


def test_binary_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.csv"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    with pytest.raises(FormatError, match="a binary file"):
        load(file)


def test_archives_are_told_by_content(tmp_path: Path) -> None:
    zipped, gzipped = tmp_path / "a.csv", tmp_path / "b.txt"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("__MACOSX/._data.conll", b"\x00")
        archive.writestr("folder/", b"")
        archive.writestr("folder/.DS_Store", b"\x00")
        archive.writestr("folder/data.conll", TEXT.encode())
    gzipped.write_bytes(gzip.compress(TEXT.encode()))
    assert load(zipped) == (f"{zipped}/folder/data.conll", TEXT, ())
    assert load(gzipped).text == TEXT


def test_gzip_within_zip(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.gz", gzip.compress(TEXT.encode()))
    assert load(file).text == TEXT


def test_several_members_are_listed_and_one_can_be_named(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("train.conll", "a\tO\n")
        archive.writestr("sub/dev.conll", "b\tO\n")
    with pytest.raises(FormatError, match=r"found 2: train\.conll, sub/dev\.conll; name one"):
        load(file)
    assert load(file / "sub" / "dev.conll") == (f"{file}/sub/dev.conll", "b\tO\n", ())
    with pytest.raises(DataError, match=r"expected 'tset' in the archive, found: train\.conll"):
        load(file / "tset")


def test_damaged_archives(tmp_path: Path) -> None:
    whole = gzip.compress(TEXT.encode())
    gz, zip_file, empty = tmp_path / "a.gz", tmp_path / "a.zip", tmp_path / "empty.zip"
    gz.write_bytes(whole[:-6])
    zip_file.write_bytes(b"PK\x03\x04 not really")
    with zipfile.ZipFile(empty, "w"):
        pass
    with pytest.raises(FormatError, match="damaged"):
        load(gz)
    with pytest.raises(FormatError, match="expected a readable zip archive"):
        load(zip_file)
    with pytest.raises(FormatError, match="expected a data file in the archive, found none"):
        load(empty)


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("a\tO\n", encoding="utf-8")
    with pytest.raises(DataError, match="found nothing there"):
        load(tmp_path / "absent")
    with pytest.raises(DataError, match="found a folder"):
        load(tmp_path)
    with pytest.raises(DataError, match="expected a zip archive that holds 'x'"):
        load(tmp_path / "plain" / "x")


def test_a_local_file_called_sample_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load("sample").path == "sample"
    Path("sample").write_text("mine\tO\n", encoding="utf-8")
    assert load("sample").text == "mine\tO\n"


def test_lines_end_only_where_lines_end() -> None:
    assert split_lines("a\nb\r\nc\rd") == ["a", "b", "c", "d"]
    assert split_lines("a\x85b\u2028c\x0bd\x0ce\x1cf\n") == ["a\x85b\u2028c\x0bd\x0ce\x1cf"]
    assert split_lines("") == []
    assert split_lines("\n\n") == ["", ""]


@given(st.lists(st.text(st.characters(exclude_characters="\r\n"))), st.sampled_from(["\n", "\r\n", "\r"]))
def test_lines_survive_joining(lines: list[str], end: str) -> None:
    assert split_lines("".join(line + end for line in lines)) == lines
