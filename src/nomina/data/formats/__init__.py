"""Corpus files, one module per format; :func:`read` tells them apart by their content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

from nomina.data.corpus import Corpus
from nomina.data.formats import columns as columns_format
from nomina.data.formats import conllu, jsonl, kaggle
from nomina.data.formats.collect import BLANK, ReadOptions, Result
from nomina.data.formats.source import Source, load, split_lines
from nomina.data.records import Note, Sentence
from nomina.data.tags import Scheme, detect_scheme
from nomina.errors import ConfigError, FormatError, TagError

__all__ = ["FORMATS", "Format", "read"]

Format = Literal["auto", "kaggle", "columns", "conllu", "jsonl"]

_N_HEAD_CHARACTERS = 65_536


class Reader(NamedTuple):
    """What each format module offers."""

    looks_like: Callable[[str], bool]
    read: Callable[[str, str, ReadOptions], Result]


FORMATS: dict[str, Reader] = {
    # In the order in which they are tried: columns is the least particular.
    "jsonl": Reader(jsonl.looks_like, jsonl.read),
    "conllu": Reader(conllu.looks_like, conllu.read),
    "kaggle": Reader(kaggle.looks_like, kaggle.read),
    "columns": Reader(columns_format.looks_like, columns_format.read),
}


def read(
    source: str | Path | Sequence[str | Path],
    *,
    format: Format = "auto",  # noqa: A002 - the command line's word for it
    columns: str | None = None,
    pos: Literal["xpos", "upos"] = "xpos",
    label_names: Sequence[str] | str | Path | None = None,
) -> Corpus:
    """Read one corpus from one file or several.

    Args:
        source: A file (plain, gzip, or a zip archive with one data file), ``archive.zip/member``, several of these, or
            ``"sample"`` for the bundled corpus.
        format: One of :data:`FORMATS`, or ``"auto"`` to tell it by the file's content.
        columns: Names of the columns in the columns format, such as ``"word,pos,_,label"``; see
            :func:`nomina.data.formats.columns.parse_columns`.
        pos: Which tags CoNLL-U's feature ``pos`` holds.
        label_names: Names of integer labels in JSON lines, in order; a list, or a file with one name a line.

    Returns:
        The sentences in file order, their tag scheme (detected over all files) and the notes of reading.

    Raises:
        ConfigError: If the arguments do not fit together.
        DataError: If a file cannot be opened, or its content is faulty; carries file and line.
        FormatError: If a file's format or encoding cannot be recognised.
        TagError: If an entity tag is none, or the files mix schemes that cannot be told apart.
    """
    paths = [source] if isinstance(source, (str, Path)) else list(source)
    _check_arguments(paths, format, columns, pos)
    options = ReadOptions(columns, pos, label_names)
    several = len(paths) > 1
    sentences: list[Sentence] = []
    notes: list[Note] = []
    for i, path in enumerate(paths, 1):
        loaded = load(path)
        result = _read_one(loaded, format, replace(options, prefix=f"{i}." if several else ""))
        sentences += result.sentences
        notes += [_located(note, loaded.path, several=several) for note in (*loaded.notes, *result.notes)]
    n_unlabelled = sum(s.labels is None for s in sentences)
    if 0 < n_unlabelled < len(sentences):
        message = f"{n_unlabelled:,} of {len(sentences):,} sentences have no labels"
        notes.append(Note("unlabelled", message, n_unlabelled))
    name = ", ".join(map(str, paths))
    return Corpus(tuple(sentences), _scheme(sentences, name), name, tuple(notes))


def _check_arguments(paths: Sequence[str | Path], form: str, columns: str | None, pos: str) -> None:
    faults = []
    if not paths:
        faults.append("source: expected at least one file, found none")
    if form not in ("auto", *FORMATS):
        faults.append(f"format: expected auto, {', '.join(FORMATS)}, found {form!r}")
    if columns is not None and form not in ("auto", "columns"):
        faults.append(f"columns: they name the columns of the columns format, and the format given is {form!r}")
    if pos not in ("xpos", "upos"):
        faults.append(f"pos: expected xpos or upos, found {pos!r}")
    if faults:
        raise ConfigError(faults)


def _read_one(source: Source, form: str, options: ReadOptions) -> Result:
    if form == "auto":
        form = "columns" if options.columns is not None else recognise(source)
    result = FORMATS[form].read(source.text, source.path, options)
    if not result.sentences:
        dropped = "; ".join(note.message for note in result.notes)
        raise FormatError(
            f"expected sentences in the format {form}, found none" + (f" ({dropped})" if dropped else ""),
            path=source.path,
        )
    return result


def recognise(source: Source) -> str:
    """Tell the format of a file by its content; one of :data:`FORMATS`.

    Raises:
        FormatError: If the file is empty or in no format that is known.
    """
    head = source.text[:_N_HEAD_CHARACTERS]
    if len(head) < len(source.text):
        # The last line is cut off in the middle.
        head = head[: max(head.rfind("\n"), head.rfind("\r")) + 1] or head
    for name, reader in FORMATS.items():
        if reader.looks_like(head):
            return name
    lines = [(i, line) for i, line in enumerate(split_lines(head), 1) if line.strip(BLANK)]
    if not lines:
        raise FormatError("expected a corpus, found an empty file", path=source.path)
    number, line = lines[0]
    raise FormatError(
        f"expected one of the formats {', '.join(FORMATS)} (tried in this order), found a first line like none: "
        f"{line[:80]!r}; force one with --format (format=...), or name the columns with --columns (columns=...)",
        path=source.path,
        line=number,
    )


def _scheme(sentences: Sequence[Sentence], name: str) -> Scheme | None:
    labelled = [s.labels for s in sentences if s.labels is not None]
    if not labelled:
        return None
    try:
        return detect_scheme(labelled)
    except TagError as error:
        raise TagError(str(error), path=name) from error


def _located(note: Note, path: str, *, several: bool) -> Note:
    return replace(note, message=f"{path}: {note.message}" if several else note.message, source=path)
