"""What tests of streams share: sources that hold some bytes, and records with all that is known of them."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

from nomina.data import Corpus, Note, Sentence, read
from nomina.data.formats.collect import ReadOptions
from nomina.data.formats.stream import BadRecord, InputFormat, Stream, stream
from nomina.data.formats.writing import WriteFormat

__all__ = ["PACKS", "STRICT", "TEXT_FORMS", "Pack", "Pipe", "bad", "marked", "pack", "read_all", "sample", "seen"]

TEXT_FORMS: tuple[WriteFormat, ...] = ("columns", "conllu", "kaggle", "jsonl", "doccano", "prodigy")
STRICT = ReadOptions(strict_rows=True)


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


@cache
def sample(n: int, *, numbered: bool = False) -> Corpus:
    """Sentences of the sample in documents of three, without texts."""
    name = "" if numbered else "d"
    documents = [f"{name}{i // 3 + 1}" for i in range(n)]
    sentences = [replace(s, document=d, text=None) for s, d in zip(read("sample"), documents, strict=False)]
    return replace(read("sample"), sentences=tuple(sentences))


def marked(text: str | bytes, form: InputFormat = "auto", options: ReadOptions = STRICT) -> list[Sentence | BadRecord]:
    source = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return read_all(stream(source, format=form, options=options, on_error="mark"))[0]
