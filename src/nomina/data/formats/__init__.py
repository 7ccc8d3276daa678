"""Corpus files, one module per format; :func:`read` tells them apart by their content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from nomina.data.corpus import Corpus
from nomina.data.formats import brat, conllu, docbin, hub, jsonl, kaggle, parquet, spans
from nomina.data.formats import columns as columns_format
from nomina.data.formats.collect import BLANK, ReadOptions, Result
from nomina.data.formats.opening import SAMPLE, fetch
from nomina.data.formats.pieces import PieceReader
from nomina.data.formats.source import Source, decode, split_lines
from nomina.data.offsets import CutPolicy, OverlapPolicy
from nomina.data.records import Note, Sentence
from nomina.data.tags import Scheme, detect_scheme
from nomina.errors import ConfigError, FormatError, TagError

__all__ = [
    "BINARY",
    "FORMATS",
    "PLACES",
    "TEXTS",
    "Format",
    "binary_format",
    "check_arguments",
    "is_there",
    "nothing_found",
    "place_of",
    "read",
    "read_bytes",
    "recognise",
    "unlabelled_notes",
]

Format = Literal[
    "auto",
    "kaggle",
    "columns",
    "conllu",
    "jsonl",
    "doccano",
    "labelstudio",
    "prodigy",
    "parquet",
    "docbin",
    "brat",
    "datasets",
]

_N_HEAD_CHARACTERS = 65_536


class Reader(NamedTuple):
    """What each module of a text format offers."""

    looks_like: Callable[[str], bool]
    read: Callable[[str, str, ReadOptions], Result]
    open: Callable[[Sequence[str], str, ReadOptions], PieceReader[str]] | None
    """Makes what reads piece by piece, from the first lines; ``None`` where a format must be read whole."""


class BinaryReader(NamedTuple):
    """What each module of a binary format offers: both take a file's bytes, archives being opened before."""

    looks_like: Callable[[bytes], bool]
    read: Callable[[bytes, str, ReadOptions], Result]


class PlaceReader(NamedTuple):
    """What each module of a format of several files offers: both take what the caller named."""

    looks_like: Callable[[str], bool]
    read: Callable[[str, ReadOptions], Result]


PLACES: dict[str, PlaceReader] = {
    "datasets": PlaceReader(hub.looks_like, hub.read),
    "brat": PlaceReader(brat.looks_like, brat.read),
}

BINARY: dict[str, BinaryReader] = {
    "parquet": BinaryReader(parquet.looks_like, parquet.read),
    "docbin": BinaryReader(docbin.looks_like, docbin.read),
}

TEXTS: dict[str, Reader] = {
    # In the order in which they are tried: of those that look alike, the most particular first.
    **{name: Reader(*reader) for name, reader in spans.READERS.items()},
    "jsonl": Reader(jsonl.looks_like, jsonl.read, jsonl.JsonLinesReader),
    "conllu": Reader(conllu.looks_like, conllu.read, conllu.ConlluReader),
    "kaggle": Reader(kaggle.looks_like, kaggle.read, kaggle.KaggleReader),
    "columns": Reader(columns_format.looks_like, columns_format.read, columns_format.ColumnsReader),
}

FORMATS = (*PLACES, *BINARY, *TEXTS)
"""Names of all formats, in the order in which they are tried."""


def read(
    source: str | Path | Sequence[str | Path],
    *,
    format: Format = "auto",  # noqa: A002 - the command line's word for it
    columns: str | None = None,
    pos: Literal["xpos", "upos"] = "xpos",
    label_names: Sequence[str] | str | Path | None = None,
    cut_spans: CutPolicy = "expand",
    overlaps: OverlapPolicy = "outermost",
) -> Corpus:
    """Read one corpus from one file or several.

    Args:
        source: A file (plain, gzip, or a zip archive with one data file), ``archive.zip/member``, a folder of brat or
            of the ``datasets`` library, ``hf:OWNER/NAME`` for the Hugging Face hub (and nothing else reaches the
            network), several of these, or ``"sample"`` for the bundled corpus.
        format: One of :data:`FORMATS`, or ``"auto"`` to tell it by the content.
        columns: Names of the columns in the columns format, such as ``"word,pos,_,label"``; see
            :func:`nomina.data.formats.columns.parse_columns`.
        pos: Which tags CoNLL-U's feature ``pos`` holds.
        label_names: Names of integer labels that the file does not name, in order; a list, or a file with one name a
            line.
        cut_spans: What becomes of a span of characters that cuts through a word; see
            :data:`nomina.data.offsets.CutPolicy`.
        overlaps: Which of overlapping spans is kept; see :data:`nomina.data.offsets.OverlapPolicy`.

    Returns:
        The sentences in file order, their tag scheme (detected over all files) and the notes of reading.

    Raises:
        ConfigError: If the arguments do not fit together.
        DataError: If a file cannot be opened, or its content is faulty; carries file and line.
        FormatError: If a file's format or encoding cannot be recognised.
        MissingExtraError: If a format needs a package that is not installed.
        TagError: If an entity tag is none, or the files mix schemes that cannot be told apart.
    """
    paths = [source] if isinstance(source, (str, Path)) else list(source)
    options = ReadOptions(columns, pos, label_names, cut_spans=cut_spans, overlaps=overlaps)
    check_arguments(format, options)
    if not paths:
        raise ConfigError(["source: expected at least one file, found none"])
    several = len(paths) > 1
    sentences: list[Sentence] = []
    notes: list[Note] = []
    for i, path in enumerate(paths, 1):
        result = _read_one(path, format, replace(options, prefix=f"{i}." if several else ""))
        sentences += result.sentences
        notes += [_located(note, str(path)) if several else note for note in result.notes]
    notes += unlabelled_notes(sum(s.labels is None for s in sentences), len(sentences))
    name = ", ".join(map(str, paths))
    return Corpus(tuple(sentences), _scheme(sentences, name), name, tuple(notes))


def check_arguments(form: str, options: ReadOptions, forms: Sequence[str] = FORMATS) -> None:
    """Check that a format and options fit together.

    Raises:
        ConfigError: If they do not; with every fault.
    """
    faults = []
    if form not in ("auto", *forms):
        faults.append(f"format: expected auto, {', '.join(forms)}, found {form!r}")
    if options.columns is not None and form not in ("auto", "columns"):
        faults.append(f"columns: they name the columns of the columns format, and the format given is {form!r}")
    choices = {"pos": ("xpos", "upos"), "cut_spans": get_args(CutPolicy), "overlaps": get_args(OverlapPolicy)}
    for name, allowed in choices.items():
        if (found := getattr(options, name)) not in allowed:
            faults.append(f"{name}: expected {', '.join(allowed[:-1])} or {allowed[-1]}, found {found!r}")
    if faults:
        raise ConfigError(faults)


def _read_one(path: str | Path, form: str, options: ReadOptions) -> Result:
    name = str(path)
    form = place_of(name, form, options)
    if form in PLACES:
        result = PLACES[form].read(name, options)
        if not result.sentences:
            raise nothing_found(form, result.notes, name)
        return result
    name, data = fetch(path)
    return read_bytes(data, name, form, options)


def place_of(name: str, form: str, options: ReadOptions) -> str:
    """The format that is told by what a user named and how, without looking into files; else ``"auto"``."""
    if form != "auto":
        return form
    if options.columns is not None:
        return "columns"
    return next((place for place, reader in PLACES.items() if reader.looks_like(name)), form)


def read_bytes(data: bytes, name: str, form: str, options: ReadOptions) -> Result:
    """Read what stands in one file, by one of :data:`BINARY`, of :data:`TEXTS` or ``"auto"``.

    Raises:
        DataError: If it is faulty.
        FormatError: If its format or encoding cannot be recognised, or there is no sentence in it.
    """
    if form == "auto":
        form = binary_format(data) or form
    if form in BINARY:
        result = BINARY[form].read(data, name, options)
    else:
        source = decode(data, name)
        form = recognise(source) if form == "auto" else form
        result = TEXTS[form].read(source.text, name, options)
        result = result._replace(notes=source.notes + result.notes)
    if not result.sentences:
        raise nothing_found(form, result.notes, name)
    # A folder's notes are about several files.
    return result._replace(notes=tuple(replace(note, source=name) for note in result.notes))


def nothing_found(form: str, notes: Sequence[Note], name: str) -> FormatError:
    """The fault of a file without a sentence; the notes say what was dropped."""
    dropped = "; ".join(note.message for note in notes)
    return FormatError(
        f"expected sentences in the format {form}, found none" + (f" ({dropped})" if dropped else ""), path=name
    )


def unlabelled_notes(n_unlabelled: int, n_sentences: int) -> tuple[Note, ...]:
    """Say that some sentences have labels and others none."""
    if not 0 < n_unlabelled < n_sentences:
        return ()
    message = f"{n_unlabelled:,} of {n_sentences:,} sentences have no labels"
    return (Note("unlabelled", message, n_unlabelled),)


def is_there(source: str) -> bool:
    """Whether something can be opened by this name, or it names the hub."""
    path = Path(source)
    names_place = any(reader.looks_like(source) for reader in PLACES.values())
    return source == SAMPLE or names_place or path.is_file() or any(parent.is_file() for parent in path.parents)


def binary_format(data: bytes) -> str | None:
    """The format of what is no text, told by its first bytes; one of :data:`BINARY`, or ``None``."""
    return next((name for name, reader in BINARY.items() if reader.looks_like(data)), None)


def recognise(source: Source) -> str:
    """Tell the format of a text by its content; one of :data:`TEXTS`.

    Raises:
        FormatError: If the file is empty or in no format that is known.
    """
    head = source.text[:_N_HEAD_CHARACTERS]
    if len(head) < len(source.text):
        # The last line is cut off in the middle.
        head = head[: max(head.rfind("\n"), head.rfind("\r")) + 1] or head
    for name, reader in TEXTS.items():
        if reader.looks_like(head):
            return name
    lines = [(i, line) for i, line in enumerate(split_lines(head), 1) if line.strip(BLANK)]
    if not lines:
        raise FormatError("expected a corpus, found an empty file", path=source.path)
    number, line = lines[0]
    raise FormatError(
        f"expected one of the formats {', '.join(TEXTS)} (tried in this order), found a first line like none: "
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


def _located(note: Note, path: str) -> Note:
    return replace(note, message=f"{note.source or path}: {note.message}")
