"""brat standoff: a text file, and beside it an ``.ann`` file with spans of its characters.

Offsets count Unicode code points of the text from 0 with exclusive ends, line breaks included
(https://brat.nlplab.org/standoff.html). Each file is a document, each line of it a sentence. brat has no words and no
parts of speech; they stand in a third file, ``NAME.words.jsonl``, which brat does not look at: a JSON object for each
line of the text, with ``tokens`` as in Prodigy's format. Without that file the text is cut into words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from nomina.data.formats.characters import CharSpan, TextCollector, TextRecord, Token
from nomina.data.formats.collect import ReadOptions, Result, is_blank
from nomina.data.formats.source import load, split_lines
from nomina.data.formats.write import TOKEN_KEYS, flat_located, tokens_of
from nomina.data.offsets import Located
from nomina.data.records import Note, Sentence
from nomina.data.tags import read_spans
from nomina.errors import DataError

__all__ = ["foreign", "looks_like", "read", "write"]

_SPAN = re.compile(r"(?P<id>T[^\t]*)\t(?P<label>\S+) (?P<ranges>[0-9]+ [0-9]+(?:;[0-9]+ [0-9]+)*)(?:\t|$)")
_KINDS = {
    "R": "relations",
    "*": "relations",
    "E": "events",
    "A": "attributes",
    "M": "attributes",
    "N": "normalizations",
    "#": "comments",
}
_WORDS = ".words.jsonl"
_UNSAFE = re.compile(r"[^\w.-]+")


def looks_like(source: str) -> bool:
    """Whether this names one of a pair of ``.txt`` and ``.ann``, or a folder with such a pair in it or one below."""
    path = Path(source)
    if path.is_dir():
        # No deeper: what is named by mistake may hold a whole disk.
        return any(ann.with_suffix(".txt").is_file() for pattern in ("*.ann", "*/*.ann") for ann in path.glob(pattern))
    return path.is_file() and path.suffix in (".txt", ".ann") and path.with_suffix(".ann").is_file()


def foreign(folder: Path) -> list[str]:
    """Names of what stands in a folder beside pairs of ``.txt`` and ``.ann`` with their words, in order."""
    entries = {path.name for path in folder.iterdir()}
    whole = {name[:-4] for name in entries if name.endswith(".txt") and f"{name[:-4]}.ann" in entries}
    own = {stem + suffix for stem in whole for suffix in (".txt", ".ann", _WORDS)}
    return sorted({path.name for path in folder.iterdir() if path.is_dir() or path.name not in own})


def read(source: str, options: ReadOptions) -> Result:
    """Read a pair of files, or all pairs of a folder and of the folders in it, in the order of their names.

    A span in several parts is read as one from the first to the last. Relations, events, attributes, normalizations and
    comments are counted and not read.

    Raises:
        DataError: If a file is missing or faulty, or a span does not fit and its policy is ``"error"``.
        FormatError: If a file's encoding cannot be recognised.
    """
    path = Path(source)
    pairs = sorted(_pairs(path), key=_order) if path.is_dir() else [path.with_suffix(".txt")]
    collector = TextCollector(options)
    notes: list[Note] = []
    if path.is_dir():
        alone = sorted(text for text in path.rglob("*.txt") if not text.with_suffix(".ann").is_file())
        if alone:
            message = f"{len(alone):,} texts without an .ann file beside them were not read, such as {alone[0]}"
            notes.append(Note("unpaired", message, len(alone)))
    for text in pairs:
        name = text.relative_to(path) if path.is_dir() else Path(text.name)
        notes += _read_pair(text, name.with_suffix("").as_posix(), collector)
    return Result(collector.sentences, (*notes, *collector.tally.notes()))


def _pairs(folder: Path) -> Iterator[Path]:
    """The text files that have annotations."""
    return (ann.with_suffix(".txt") for ann in folder.rglob("*.ann") if ann.with_suffix(".txt").is_file())


def _order(path: Path) -> list[str | int]:
    """Names as people order them: 9 before 10."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"([0-9]+)", path.as_posix()))]


def _read_pair(path: Path, document: str, collector: TextCollector) -> tuple[Note, ...]:
    # Line breaks count as they stand in the file, so they are not to be changed.
    text = load(path)
    annotations = path.with_suffix(".ann")
    spans = list(_spans(annotations, collector))
    words = _read_words(path.with_name(path.stem + _WORDS), text.text)
    collector.add(
        TextRecord(
            text.text,
            spans,
            1,
            str(path),
            tokens=words.tokens,
            document=document if words.tokens is None else words.document,
            is_file=True,
            is_document=words.tokens is None,
            spans_file=annotations.name,
        )
    )
    return text.notes


def _spans(path: Path, collector: TextCollector) -> Iterator[CharSpan]:
    for number, line in enumerate(split_lines(load(path).text), 1):
        if is_blank(line):
            continue
        if line[0] in _KINDS:
            collector.tally.add("unread", number, _KINDS[line[0]], f"{path.name} line {number}")
            continue
        match = _SPAN.match(line)
        if match is None:
            raise DataError(
                f"expected a span such as 'T1<tab>per 0 3<tab>Ada', found {line[:80]!r}", path=path, line=number
            )
        borders = [int(border) for border in re.findall("[0-9]+", match["ranges"])]
        span = CharSpan(min(borders), max(borders), match["label"], number)
        if len(borders) > 2:
            place = f"{path.name} line {number} characters {match['ranges'].replace(' ', '-')}"
            collector.tally.add("span_parts", number, place=place)
        yield span


class _Words(NamedTuple):
    tokens: list[Token] | None
    document: str | None


def _read_words(path: Path, text: str) -> _Words:
    """The words that stand beside a text."""
    if not path.is_file():
        return _Words(None, None)
    tokens: list[Token] = []
    document, number = None, 0
    try:
        for number, line in enumerate(split_lines(load(path).text), 1):  # noqa: B007 - the message names the line
            record = json.loads(line)
            document = None if record.get("document") is None else str(record["document"])
            tokens += [_token(entry, text) for entry in record["tokens"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"expected the words of the text beside it, found a fault: {error}; if the text has changed, delete this "
            "file, and the text is cut into words anew",
            path=path,
            line=number,
        ) from error
    return _Words(tokens, document)


def _token(entry: Mapping[str, Any], text: str) -> Token:
    start, end, word = entry["start"], entry["end"], entry["text"]
    if text[start:end] != word:
        raise ValueError(f"the text has {text[start:end]!r} at {start}-{end}, not {word!r}")
    return Token(start, end, {k: v for k, v in entry.items() if k not in TOKEN_KEYS and isinstance(v, str)})


def write(sentences: Sequence[Sentence], folder: Path) -> None:
    """Write a folder with three files for each document, under names in whose order they are read back.

    Sentences in a row without a document share files. A document that is gone back to has files for each of its parts.

    Args:
        sentences: With labels in IOB2, or none; their texts hold no line breaks (they become spaces).
        folder: A folder that is there and empty.
    """
    parts = [(document, list(own)) for document, own in groupby(sentences, key=lambda sentence: sentence.document)]
    for name, (_, own) in zip(_names([document for document, _ in parts]), parts, strict=True):
        _write_document(own, folder / name)


def _names(documents: Sequence[str | None]) -> list[str]:
    """Names of files, without a suffix: the documents' own, with numbers before them where those are out of order."""
    names = [_UNSAFE.sub("_", document or "corpus").strip("._")[:100] or "document" for document in documents]
    order = [_order(Path(name + ".txt")) for name in names]
    # Names that differ in their case alone are one name to some file systems.
    if all(a < b for a, b in pairwise(order)) and len({name.lower() for name in names}) == len(names):
        return names
    width = len(str(len(names)))
    return [f"{number:0{width}}-{name}" for number, name in enumerate(names, 1)]


def _write_document(sentences: Sequence[Sentence], path: Path) -> None:
    texts, annotations, words = [], [], []
    position = n_spans = 0
    for sentence in sentences:
        place = flat_located(sentence)
        for start, end, label in place.characters(read_spans(sentence.labels or ()).spans):
            n_spans += 1
            annotations.append(f"T{n_spans}\t{label} {position + start} {position + end}\t{place.text[start:end]}\n")
        words.append(json.dumps(_words(sentence, place, position), ensure_ascii=False) + "\n")
        texts.append(place.text + "\n")
        position += len(place.text) + 1
    for suffix, lines in ((".txt", texts), (".ann", annotations), (_WORDS, words)):
        path.with_name(path.name + suffix).write_text("".join(lines), encoding="utf-8", newline="")


def _words(sentence: Sentence, place: Located, position: int) -> dict[str, Any]:
    tokens = tokens_of(sentence, place, position)
    return {"tokens": tokens, "document": sentence.document}
