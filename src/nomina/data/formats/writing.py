"""Write a whole corpus in a format: what a format cannot hold is refused or said, never lost in silence."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from nomina.data.cleaning import clean
from nomina.data.corpus import Corpus
from nomina.data.formats import brat, columns, conllu, docbin, hub, kaggle, parquet
from nomina.data.formats import write as lines
from nomina.data.formats.collect import is_blank
from nomina.data.records import Note, Sentence
from nomina.data.tags import RepairPolicy, Scheme
from nomina.errors import ConfigError, DataError, OutputError
from nomina.files import check_free, exists, open_output

__all__ = ["FORMATS", "WriteFormat", "Written", "check_output", "format_of", "write"]

WriteFormat = Literal[
    "columns",
    "conllu",
    "kaggle",
    "jsonl",
    "parquet",
    "datasets",
    "docbin",
    "doccano",
    "prodigy",
    "labelstudio",
    "brat",
]

_NOTHING = re.compile(r"[\ud800-\udfff]")  # lone surrogates, which no encoding has
_BREAKS = re.compile(r"[\r\n\0\ud800-\udfff]")  # a zero byte makes a text file a binary one
_CELLS = re.compile(r"[\t\r\n\0\ud800-\udfff]")
_RECORD_KEYS = frozenset(
    {"id", "text", "tokens", "words", "pos_tags", "ner_tags", "labels", "tags", "spans"}
    | {"document", "document_id", "doc_id"}
)
_N_EXAMPLES = 5
_STREAMS = ("-", "/dev/stdin", "/dev/stdout", "/dev/stderr")


class Writer(NamedTuple):
    """How a format is written and what it can hold.

    Attributes:
        write: Writes sentences to a path that does not exist (a file), or to an empty folder.
        suffixes: Endings of file names that mean this format.
        foreign: Names of what a folder holds that is not of this format; ``None`` where the output is a file.
        has_spans: Whether entities are written as spans, whatever the scheme of the tags.
        holds: What it has room for: ``document``, ``text``, and ``mixed`` (sentences that differ in what they have:
            labels or none, other token features).
        has_lines: Whether texts stand on one line.
        is_located: Whether a text must hold the words in order.
        keeps: Whether it has room for a token feature of this name.
        word: What a word cannot hold.
        cell: What a tag or a feature's value cannot hold.
        label: What a tag cannot hold besides.
    """

    write: Callable[[Sequence[Sentence], Path], None]
    suffixes: tuple[str, ...] = ()
    foreign: Callable[[Path], list[str]] | None = None
    has_spans: bool = False
    holds: frozenset[str] = frozenset({"document", "text", "mixed"})
    has_lines: bool = False
    is_located: bool = False
    keeps: Callable[[str], bool] = lambda name: True
    word: re.Pattern[str] = _NOTHING
    cell: re.Pattern[str] = _NOTHING
    label: re.Pattern[str] = _NOTHING

    @property
    def is_folder(self) -> bool:
        """Whether the output is a folder."""
        return self.foreign is not None


class Written(NamedTuple):
    """What was written, and where.

    Attributes:
        path: The file or folder.
        format: Its format, one of :data:`FORMATS`.
        n_sentences: Sentences in it.
        n_words: Words in it.
        scheme: Scheme of its tags; ``None`` where there are none, or where entities are written as spans.
        notes: What the format had no room for.
    """

    path: Path
    format: WriteFormat
    n_sentences: int
    n_words: int
    scheme: Scheme | None
    notes: tuple[Note, ...]


def _line_writer(form: Callable[[Sentence], dict[str, Any]]) -> Callable[[Sequence[Sentence], Path], None]:
    def write(sentences: Sequence[Sentence], path: Path) -> None:
        with open_output(path) as file:
            file.writelines(json.dumps(form(sentence), ensure_ascii=False) + "\n" for sentence in sentences)

    return write


def _write_tasks(sentences: Sequence[Sentence], path: Path) -> None:
    with open_output(path) as file:
        for i, sentence in enumerate(sentences):
            file.write(("[\n" if i == 0 else ",\n") + json.dumps(lines.labelstudio(sentence), ensure_ascii=False))
        file.write("\n]\n")


def _is_free_in_records(name: str) -> bool:
    return name not in _RECORD_KEYS


def _is_free_in_tokens(name: str) -> bool:
    return name not in lines.TOKEN_KEYS


_RECORDS = Writer(_line_writer(lines.record), keeps=_is_free_in_records)
_SPANS = Writer(
    _line_writer(lines.doccano),
    has_spans=True,
    has_lines=True,
    is_located=True,
    keeps=_is_free_in_tokens,
    word=_BREAKS,
)
_TABLE = Writer(columns.write, holds=frozenset({"document", "text"}), has_lines=True, word=_CELLS, cell=_CELLS)

FORMATS: dict[WriteFormat, Writer] = {
    "columns": _TABLE._replace(suffixes=(".conll", ".tsv", ".iob", ".iob2", ".bio"), keeps=columns.keeps),
    "conllu": _TABLE._replace(write=conllu.write, suffixes=(".conllu",), keeps=conllu.keeps, label=re.compile(r"[|]")),
    "kaggle": _TABLE._replace(
        write=kaggle.write, suffixes=(".csv",), holds=frozenset(), keeps=kaggle.keeps, word=_BREAKS, cell=_BREAKS
    ),
    "jsonl": _RECORDS._replace(suffixes=(".jsonl", ".ndjson")),
    "parquet": _RECORDS._replace(write=parquet.write, suffixes=(".parquet",)),
    "datasets": _RECORDS._replace(write=hub.write, foreign=hub.foreign),
    "docbin": Writer(docbin.write, suffixes=(".spacy",), has_spans=True),
    "doccano": _SPANS,
    "prodigy": _SPANS._replace(write=_line_writer(lines.prodigy)),
    "labelstudio": _SPANS._replace(write=_write_tasks, suffixes=(".json",)),
    "brat": _SPANS._replace(write=brat.write, foreign=brat.foreign, label=re.compile(r"\s")),
}
"""Formats that a corpus can be written in."""


def format_of(path: Path) -> WriteFormat:
    """The format that the ending of a file's name means.

    Raises:
        ConfigError: If it means none.
    """
    for name, writer in FORMATS.items():
        if path.suffix.lower() in writer.suffixes:
            return name
    endings = ", ".join(f"{end} ({name})" for name, writer in FORMATS.items() for end in writer.suffixes)
    raise ConfigError(
        [f"expected an output that ends in {endings}, found {path.name!r}; or name one of {', '.join(FORMATS)} (--to)"]
    )


def check_output(path: Path, *, overwrite: bool) -> None:
    """Check an output's name before work is done whose result could not be written.

    Raises:
        OutputError: If it means a stream or a device, exists and may not be replaced, or cannot be a name.
    """
    if str(path) in _STREAMS or (exists(path) and not path.is_file() and not path.is_dir()):
        raise OutputError(
            f"expected the name of a file or a folder to write, found {path}, and an output is moved into its place "
            "when it is complete, which no stream or device allows; name a file, and print that"
        )
    if not overwrite:
        check_free(path)


def write(
    corpus: Corpus,
    path: str | Path,
    *,
    format: WriteFormat | None = None,  # noqa: A002 - the command line's word for it
    scheme: Scheme | None = None,
    repair: RepairPolicy = "conlleval",
    overwrite: bool = False,
) -> Written:
    """Write a corpus; the output appears under its name when it is complete.

    Where the text of a sentence is not known, and the format needs one, it is the words joined with spaces.

    Args:
        corpus: What to write.
        path: A file; a folder for ``brat`` and ``datasets``.
        format: One of :data:`FORMATS`; by the ending of the file's name if not given.
        scheme: Scheme of the tags that are written; as they are if not given.
        repair: What becomes of invalid tag sequences where tags are converted or written as spans.
        overwrite: Whether to replace an existing output. A folder is replaced only if it holds nothing but that format.

    Raises:
        ConfigError: If the format is not known.
        DataError: If the corpus holds what the format cannot.
        MissingExtraError: If the format needs a package that is not installed.
        OutputError: If the output exists and may not be replaced, or cannot be written.
        TagError: If ``repair="error"`` and a tag sequence is invalid.
    """
    path = Path(path)
    name = format_of(path) if format is None else format
    if name not in FORMATS:
        raise ConfigError([f"format: expected one of {', '.join(FORMATS)}, found {name!r}"])
    writer = FORMATS[name]
    check_output(path, overwrite=overwrite)
    if exists(path):
        _check_replaceable(path, name, writer)
    if not len(corpus):
        raise DataError("expected sentences to write, found none", path=corpus.source)
    corpus, notes = _retagged(corpus, Scheme.IOB2 if writer.has_spans else scheme, repair)
    corpus, lost = _fit(corpus, name, writer)
    _place(writer, corpus.sentences, path)
    written_scheme = None if writer.has_spans else corpus.scheme
    return Written(path, name, len(corpus), corpus.n_words, written_scheme, (*notes, *lost))


def _retagged(corpus: Corpus, scheme: Scheme | None, repair: RepairPolicy) -> tuple[Corpus, list[Note]]:
    if scheme is None or not any(s.labels for s in corpus):
        return corpus, []
    cleaned = clean(corpus, target=scheme, repair=repair, control="ignore")
    return cleaned.corpus, [note for note in cleaned.report.notes() if note.kind in ("converted", "repairs")]


def _fit(corpus: Corpus, name: str, writer: Writer) -> tuple[Corpus, list[Note]]:
    """The corpus without what the format has no room for, and notes of that."""
    n_bare = sum(s.labels is None for s in corpus)
    if 0 < n_bare < len(corpus) and "mixed" not in writer.holds:
        raise DataError(
            f"expected labels on all sentences or on none, found none on {n_bare:,} of {len(corpus):,}, which {name} "
            "cannot say; choose another format, such as jsonl or parquet",
            path=corpus.source,
        )
    for i, sentence in enumerate(corpus, 1):
        _check(sentence, i, corpus, name, writer)
    shared = corpus.feature_names
    everywhere = "mixed" in writer.holds
    names = {n for s in corpus for n in s.features if writer.keeps(n) and (everywhere or n in shared)}
    notes = _lost_notes(corpus, name, writer, names)
    if names != {n for s in corpus for n in s.features}:
        kept = [replace(s, features={n: v for n, v in s.features.items() if n in names}) for s in corpus]
        corpus = replace(corpus, sentences=tuple(kept))
    return corpus, notes


def _check(sentence: Sentence, number: int, corpus: Corpus, name: str, writer: Writer) -> None:
    """Refuse what would be read as something else."""
    found: str | None = None
    for word in sentence.words:
        if is_blank(word) or writer.word.search(word):
            found = f"the word {word!r}"
    if name == "columns" and not columns.is_row(sentence.words[0]):
        found = f"the first word {sentence.words[0]!r}"
    for column in (sentence.labels or (), *sentence.features.values()):
        found = next((f"the value {v!r}" for v in column if writer.cell.search(v)), found)
    found = next((f"the tag {v!r}" for v in sentence.labels or () if writer.label.search(v)), found)
    text = sentence.text or ""
    if _NOTHING.search(text) or ("\0" in text and writer.has_lines and "text" in writer.holds):
        found = "a text with half a character (a lone surrogate) or a zero byte"
    if name == "brat" and lines.flat_located(sentence).text.startswith("\ufeff"):
        found = "a text that begins with a byte order mark"
    document = sentence.document if sentence.document and "document" in writer.holds else ""
    if _NOTHING.search(document) or ("\0" in document and writer.has_lines and "mixed" not in writer.holds):
        found = f"the document {document!r}"
    if found:
        raise DataError(
            f"expected what {name} can hold, found {found} in sentence {number:,}; mend it, or choose another format, "
            "such as jsonl or parquet",
            path=sentence.source or corpus.source,
            line=sentence.line,
        )


def _lost_notes(corpus: Corpus, name: str, writer: Writer, features: set[str]) -> list[Note]:
    def note(kind: str, what: str, sentences: Iterable[Sentence]) -> Note | None:
        found = list(sentences)
        examples = tuple(s.line for s in found[:_N_EXAMPLES] if s.line is not None)
        noun = "sentence" if len(found) == 1 else "sentences"
        return Note(kind, f"{len(found):,} {noun} {what}", len(found), examples) if found else None

    notes = []
    for lost in dict.fromkeys(n for s in corpus for n in s.features if n not in features):
        why = f"which {name} cannot keep"
        if writer.keeps(lost):
            why = f"which only some sentences have; {name} keeps what all have"
        notes.append(
            note("lost_feature", f"with the feature {lost!r}, {why}", (s for s in corpus if lost in s.features))
        )
    if "document" not in writer.holds:
        with_document = (s for s in corpus if s.document is not None)
        notes.append(note("lost_document", f"of documents, which {name} does not mark", with_document))
    elif "mixed" not in writer.holds:
        changed = [s for s in corpus if s.document is not None and not columns.keeps_document(s.document)]
        such = f"of a document whose identifier {name} changes" + (
            f", such as {changed[0].document!r}" if changed else ""
        )
        notes.append(note("document_changed", such, changed))
        notes.append(
            note("joined", "without a document, read back as part of the one before", _after_documents(corpus))
        )
    if "text" not in writer.holds:
        notes.append(note("lost_text", f"with a text, which {name} does not keep", (s for s in corpus if s.text)))
    elif writer.is_located:
        astray = (s for s in corpus if s.text is not None and s.offsets() is None)
        notes.append(note("lost_text", "whose text does not hold the words in order, written as the words", astray))
    if writer.has_lines and "text" in writer.holds:
        broken = (s for s in corpus if s.text is not None and lines.one_line(s.text) != s.text)
        notes.append(note("line_breaks", "with line breaks in the text, which became spaces", broken))
    if name == "brat":
        bare = (s for s in corpus if s.labels is None)
        notes.append(note("unlabelled", "without labels, read back as without entities", bare))
    return [found for found in notes if found is not None]


def _after_documents(corpus: Corpus) -> list[Sentence]:
    started, found = False, []
    for sentence in corpus:
        started = started or sentence.document is not None
        if started and sentence.document is None:
            found.append(sentence)
    return found


def _check_replaceable(path: Path, name: str, writer: Writer) -> None:
    """Refuse to delete a folder that holds anything else than this format."""
    if not path.is_dir():
        if writer.is_folder:
            raise OutputError(f"{path} is a file, and {name} is written as a folder; choose another name")
        return
    try:
        others = writer.foreign(path) if writer.foreign else sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise OutputError(f"cannot look into {path}: {error.strerror or error}; choose another name") from error
    if not writer.is_folder or others:
        such = f", such as {others[0]}" if others else ""
        raise OutputError(
            f"{path} is a folder that holds other things{such}; choose another name, or empty it yourself"
        )


def _place(writer: Writer, sentences: Sequence[Sentence], path: Path) -> None:
    """Write under a temporary name, and move into place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if writer.is_folder:
            temporary.mkdir()
        writer.write(sentences, temporary)
        if path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # the fault that led here is the one to tell
            if temporary.is_dir():
                shutil.rmtree(temporary)
            temporary.unlink(missing_ok=True)
