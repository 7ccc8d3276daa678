"""Any input as a stream of records, in memory that does not grow with the input: what prediction reads.

Sentences and notes are those of :func:`nomina.data.formats.read`. Where that decides by the whole file (whether
CoNLL-U and the Kaggle table have tags, which of CoNLL-U's columns are filled, whether a text is Windows-1252), a stream
decides by the first mebibyte. What stands in several files, spaCy's DocBin and Label Studio's JSON have no records that
could be told apart without reading all of them, so they are read whole first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, TypeVar, get_args

from nomina.data.formats import (
    BINARY,
    FORMATS,
    PLACES,
    TEXTS,
    Format,
    binary_format,
    check_arguments,
    nothing_found,
    parquet,
    place_of,
    read_bytes,
    recognise,
    unlabelled_notes,
)
from nomina.data.formats.chunks import Chunk, Cutter, Decoded, Decoder, readable
from nomina.data.formats.collect import ReadOptions, Result, is_blank
from nomina.data.formats.faults import N_RECORD, BadRecord, ChunkReading, OnError
from nomina.data.formats.opening import Opened, open_path, open_stream
from nomina.data.formats.pieces import PieceReader
from nomina.data.formats.plain import RawReader, TextReader
from nomina.data.formats.source import Source, split_lines, zero_fault
from nomina.data.records import Note, Sentence
from nomina.errors import ConfigError, DataError, FormatError

__all__ = ["BadRecord", "InputFormat", "OnError", "Stream", "stream"]

InputFormat = Literal[Format, "text", "raw"]
"""A format of corpora, text with one sentence a line, or running text."""

TEXT, RAW = "text", "raw"
_N_HEAD = 2**20  # bytes
_N_CHUNK = 2**17  # bytes; as sentences they take forty times as much memory
_N_ROW = 1_024  # bytes of a row of a table, about

Item = TypeVar("Item")


class _Body(NamedTuple):
    """What a stream is made of.

    Attributes:
        batches: Its records, some at a time.
        notes: What reading did so far.
        bytes_read: How many bytes of the file were read so far.
        n_bytes: How many there are.
    """

    batches: Iterator[Sequence[Sentence | BadRecord]]
    notes: Callable[[], tuple[Note, ...]]
    bytes_read: Callable[[], int]
    n_bytes: int | None


class Stream(Iterator["Sentence | BadRecord"]):
    """Sentences and faulty records in file order, read as they are asked for; made by :func:`stream`.

    A context manager: leaving it, or reading to the end, closes what was opened.

    Attributes:
        source: Name of what is read, for messages.
        format: Its format.
        n_bytes: Size of the file in bytes, of the archive's member, or of what is compressed by gzip; ``None`` where it
            is not known.
    """

    def __init__(self, source: str, form: str, body: _Body, close: Callable[[], None]) -> None:
        self.source = source
        self.format = form
        self.n_bytes = body.n_bytes
        self._body = body
        self._close = close
        self._n_sentences = self._n_unlabelled = 0
        self._records = self._run()

    def __iter__(self) -> Iterator[Sentence | BadRecord]:
        return self._records

    def __next__(self) -> Sentence | BadRecord:
        return next(self._records)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def notes(self) -> tuple[Note, ...]:
        """What reading did so far, each said once with its count."""
        notes = self._body.notes()
        return (
            *(replace(note, source=self.source) for note in notes),
            *unlabelled_notes(self._n_unlabelled, self._n_sentences),
        )

    @property
    def bytes_read(self) -> int:
        """How many bytes of the file were read so far, in the sense of ``n_bytes``; a little ahead of what was given.

        Of Parquet, the share of the rows.
        """
        return self._body.bytes_read()

    def skip(self, n: int) -> int:
        """Pass over the next sentences and faulty records.

        Args:
            n: How many.

        Returns:
            How many there were.
        """
        return sum(1 for _ in islice(self._records, n))

    def close(self) -> None:
        """Close what was opened; a stream of the caller's stays open."""
        self._records.close()
        self._close()

    def _run(self) -> Generator[Sentence | BadRecord, None, None]:
        n_records = 0
        try:
            for records in self._body.batches:
                n_records += len(records)
                sentences = [record for record in records if isinstance(record, Sentence)]
                self._n_sentences += len(sentences)
                self._n_unlabelled += sum(sentence.labels is None for sentence in sentences)
                yield from records
            if not n_records and self.format not in (TEXT, RAW):
                raise nothing_found(self.format, self.notes, self.source)
        finally:
            self._close()


def stream(
    source: str | Path | BinaryIO,
    *,
    format: InputFormat = "auto",  # noqa: A002 - the command line's word for it
    options: ReadOptions = ReadOptions(),  # noqa: B008 - frozen
    on_error: OnError = "stop",
    chunk_size: int = _N_CHUNK,
) -> Stream:
    """Open any input as a stream of records.

    The beginning is read at once, and what is wrong with the file as a whole is said at once.

    Args:
        source: What :func:`nomina.data.formats.read` opens, the name of a pipe, or an open binary stream such as
            standard input, which is read once, from where it stands. Parquet and zip archives in a stream are read into
            memory whole, because their listings stand at their ends.
        format: A format of corpora, ``"text"`` for one sentence a line, ``"raw"`` for running text, or ``"auto"``: text
            is what no corpus format fits.
        options: How to read. With ``strict_rows``, as prediction wants it, rows with too few or too many cells are
            faulty records, and rows without an entity tag keep their words.
        on_error: Whether a faulty record (broken JSON, a row with the wrong number of cells, an invalid tag, bytes that
            are no characters) ends the stream with its error, after everything before it was given; or is given as a
            :class:`BadRecord` in its place. In what is read whole, and where an archive is damaged, nothing could be
            read after it: that is always an error.
        chunk_size: How many bytes are read at a time, above 0. Memory is bounded by a small multiple of it, the 1 MiB
            of the beginning or the longest record, at most 16 million characters: a longer one is faulty.

    Raises:
        ConfigError: If the arguments do not fit together.
        DataError: If the file cannot be opened, or, while records are asked for, one is faulty; carries file and line.
        FormatError: If its format or encoding cannot be recognised, or there is no sentence in a corpus.
        MissingExtraError: If a format needs a package that is not installed.
    """
    check_arguments(format, options, (*FORMATS, TEXT, RAW))
    if on_error not in get_args(OnError):
        raise ConfigError([f"on_error: expected stop or mark, found {on_error!r}"])
    if isinstance(source, str | Path):
        form = place_of(str(source), format, options)
        if form in PLACES:
            result = PLACES[form].read(str(source), options)
            return Stream(str(source), form, _whole(result), lambda: None)
        opened = open_path(source, pipes=True)
    else:
        if format in PLACES:
            raise ConfigError([f"format: {format} stands in several files, and the source is a stream"])
        form = "columns" if options.columns is not None else format
        opened = open_stream(source)
    try:
        return _open(opened, form, options, on_error, chunk_size)
    except BaseException:
        opened.close()
        raise


class _Head(NamedTuple):
    """The beginning of a file, whether that is all of it, and what is wrong with what follows."""

    parts: list[bytes]
    is_whole: bool
    fault: DataError | None = None


def _open(opened: Opened, form: str, options: ReadOptions, on_error: OnError, chunk_size: int) -> Stream:
    head = _read_head(opened, chunk_size)
    data = b"".join(head.parts)
    if form == "auto":
        form = binary_format(data) or form
    if form == "parquet":
        body = _parquet_body(opened, head, options, on_error, chunk_size)
        return Stream(opened.name, form, body, opened.close)
    if form in BINARY:
        return Stream(opened.name, form, _read_whole(opened, head, form, options), opened.close)
    decoder = Decoder(data, opened.name, is_whole=head.is_whole)
    text = Decoder(data, opened.name, is_whole=head.is_whole).decode(data, is_last=head.is_whole).text
    if not head.is_whole:
        text = text[: text.rfind("\n") + 1] or text
    if form == "auto":
        form = _recognise(text, opened.name, may_have_zeros=decoder.is_marked)
    reader = _reader(form, text, opened.name, options)
    if reader is None:
        return Stream(opened.name, form, _read_whole(opened, head, form, options), opened.close)
    texts = _decode(opened, head, decoder, chunk_size)
    reading = ChunkReading(reader, opened.name, decoder.check, _show_lines, on_error)
    body = _Body(
        reading.batches(Cutter(reader, N_RECORD).chunks(texts)),
        lambda: decoder.notes + reader.notes,
        lambda: opened.n_read,
        opened.n_bytes,
    )
    return Stream(opened.name, form, body, opened.close)


def _read_head(opened: Opened, chunk_size: int) -> _Head:
    parts: list[bytes] = []
    n_left = _N_HEAD
    while n_left > 0:
        try:
            part = opened.read(chunk_size)
        except DataError as error:
            if not parts:
                raise
            return _Head(parts, is_whole=False, fault=error)
        if not part:
            return _Head(parts, is_whole=True)
        parts.append(part)
        n_left -= len(part)
    return _Head(parts, is_whole=False)


def _recognise(text: str, path: str, *, may_have_zeros: bool) -> str:
    """The format of a text by its beginning: text is what no corpus format fits, and what is no text is refused."""
    form = TEXT if _is_text(text, path) else recognise(Source(path, text, ()))
    if form == TEXT and "\0" in text and not may_have_zeros:
        raise zero_fault(path, text.count("\n", 0, text.index("\0")) + 1)
    return form


def _is_text(text: str, path: str) -> bool:
    """Whether this is text and no corpus; so are bare lines of one or two words, which could pass for columns."""
    try:
        form = recognise(Source(path, text, ()))
    except FormatError:
        return True
    if form != "columns" or "\t" in text:
        return False
    lines = split_lines(text)
    return not any(map(is_blank, lines[:-1])) and not any(line.endswith(" O") for line in lines)


def _reader(form: str, head: str, path: str, options: ReadOptions) -> PieceReader[str] | None:
    """What reads a text piece by piece, if it can be."""
    if form == TEXT:
        return TextReader(path)
    if form == RAW:
        return RawReader(path, options.language)
    opener = TEXTS[form].open
    return None if opener is None else opener(split_lines(head), path, options)


def _decode(opened: Opened, head: _Head, decoder: Decoder, chunk_size: int) -> Iterator[Decoded]:
    for part in head.parts:
        yield decoder.decode(part)
    if head.fault is not None:
        raise head.fault
    while not head.is_whole and (part := opened.read(chunk_size)):
        yield decoder.decode(part)
    yield decoder.decode(b"", is_last=True)


def _parquet_body(opened: Opened, head: _Head, options: ReadOptions, on_error: OnError, chunk_size: int) -> _Body:
    file = opened.plain or BytesIO(_rest(opened, head))
    rows = parquet.open_rows(file, opened.name, options, max(1, chunk_size // _N_ROW))
    reading = ChunkReading(rows.reader, opened.name, lambda items, first: None, _show_rows, on_error)
    n_bytes = opened.n_bytes or 0
    return _Body(
        reading.batches(_chunks(rows.batches)),
        lambda: rows.reader.notes,
        lambda: n_bytes * reading.n_items // max(1, rows.n_rows),
        opened.n_bytes,
    )


def _chunks(batches: Iterator[list[Item]]) -> Iterator[Chunk[Item]]:
    first = 1
    for items in batches:
        yield Chunk(items, first)
        first += len(items)


def _rest(opened: Opened, head: _Head) -> bytes:
    if head.fault is not None:
        raise head.fault
    return b"".join([*head.parts, opened.read_all()])


def _read_whole(opened: Opened, head: _Head, form: str, options: ReadOptions) -> _Body:
    result = read_bytes(_rest(opened, head), opened.name, form, options)
    return _whole(result, opened.n_read)


def _whole(result: Result, n_bytes: int | None = None) -> _Body:
    return _Body(iter([result.sentences]), lambda: result.notes, lambda: n_bytes or 0, n_bytes)


def _show_lines(lines: Sequence[str]) -> str:
    return readable("\n".join(lines))


def _show_rows(rows: Sequence[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False, default=str) for row in rows)
