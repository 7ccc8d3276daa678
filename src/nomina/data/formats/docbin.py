"""spaCy's DocBin (``.spacy``): what ``spacy train`` reads."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nomina.data.formats.collect import ReadOptions, Result, Tally
from nomina.data.records import MISSING, Note, Sentence, Span
from nomina.data.tags import read_spans, write_tags
from nomina.data.tagsets import POS, UPOS
from nomina.errors import FormatError, MissingExtraError

__all__ = ["looks_like", "read", "write"]

_ATTRIBUTES = ("ORTH", "TAG", "POS", "ENT_IOB", "ENT_TYPE", "SENT_START")
_BLANK = " \t\r\n"
_N_HEAD = 4096
# Keys of a Doc's user data.
_DOCUMENT, _TEXT, _FEATURES = "document", "text", "token_features"


def looks_like(data: bytes) -> bool:
    """Whether the bytes are a compressed map that begins as a DocBin does."""
    try:
        head = zlib.decompressobj().decompress(data[:_N_HEAD], 64)
    except zlib.error:
        return False
    return b"version" in head and b"attrs" in head


def read(data: bytes, path: str, options: ReadOptions) -> Result:
    """Read a DocBin; lines in notes and errors are numbers of Docs, from 1.

    Words are the tokens that are not blank. ``tag_`` is the feature ``pos``, or ``pos_`` with the option ``"upos"``; if
    the chosen one is empty throughout, the other. A Doc is split where it marks sentence starts, else at tokens with a
    line break. An entity across sentences is cut down to the one that holds most of it. Docs with several sentences are
    documents. Words whose entity is marked as unknown are outside; Docs without any mark have no labels. Span groups
    are not read.

    Raises:
        FormatError: If the file is damaged, or no DocBin.
        MissingExtraError: If spaCy is not installed.
    """
    docs = _docs(data, path)
    if not docs:
        return Result([], ())
    columns, notes = _pos_columns(docs, options)
    reader = _Reader(path, options, columns)
    for number, doc in enumerate(docs, 1):
        reader.add(doc, number)
    return Result(reader.sentences, notes + reader.tally.notes())


def _docs(data: bytes, path: str) -> list[Any]:
    try:
        from spacy.tokens import DocBin
        from spacy.vocab import Vocab
    except ImportError as error:
        raise MissingExtraError("spacy", "spacy") from error
    try:
        docs = list(DocBin().from_bytes(data).get_docs(Vocab()))
        for token in (token for doc in docs for token in doc):
            # Strings are looked up where they are asked for; what a damaged file lacks is found here.
            _ = token.text, token.tag_, token.pos_, token.ent_type_
        return docs
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, AssertionError, MemoryError) as error:
        raise FormatError(
            f"expected spaCy's DocBin, found a fault: {str(error)[:200]}; write it again with DocBin.to_disk", path=path
        ) from error


def _pos_columns(docs: Sequence[Any], options: ReadOptions) -> tuple[dict[str, str], tuple[Note, ...]]:
    """Token attributes by the name of their feature: ``pos`` the chosen one, or the other where that is empty."""
    chosen, other = ("tag_", "pos_") if options.pos == "xpos" else ("pos_", "tag_")
    names = {"tag_": "xpos", "pos_": "upos"}
    filled = [name for name in (chosen, other) if any(getattr(t, name) for doc in docs for t in doc)]
    features = {"pos": filled[0], **{names[name]: name for name in filled[1:]}} if filled else {}
    if not filled or filled[0] == chosen:
        return features, ()
    return features, (Note("pos_column", f"{chosen} is empty throughout: pos was read from {other}"),)


class _Reader:
    def __init__(self, path: str, options: ReadOptions, columns: dict[str, str]) -> None:
        self.sentences: list[Sentence] = []
        self.tally = Tally()
        self._path = path
        self._prefix = options.prefix
        self._columns = columns
        self._n_documents = 0

    def add(self, doc: Any, number: int) -> None:
        """Add the sentences of one Doc."""
        parts = [
            part for start, end in _parts(doc) if (part := [i for i in range(start, end) if not _is_blank(doc[i])])
        ]
        if not parts:
            self.tally.add("empty_sentence", number)
            return
        document = doc.user_data.get(_DOCUMENT)
        if document is None and len(parts) > 1:
            self._n_documents += 1
            document = f"{self._prefix}{self._n_documents}"
        for _ in doc.spans:
            self.tally.add("unread", number, "span groups")
        labels = self._labels(doc, parts, number)
        for part, own in zip(parts, labels, strict=True):
            text, start_char = _text(doc, part, whole=len(parts) == 1)
            self.sentences.append(
                Sentence(
                    words=tuple(doc[i].text for i in part),
                    features=self._features(doc, part, number),
                    labels=own,
                    document=None if document is None else str(document),
                    line=number,
                    text=text,
                    start_char=start_char,
                    source=self._path,
                )
            )

    def _labels(self, doc: Any, parts: list[list[int]], number: int) -> list[tuple[str, ...] | None]:
        if not doc.has_annotation("ENT_IOB"):
            return [None] * len(parts)
        homes = {i: (place, index) for place, part in enumerate(parts) for index, i in enumerate(part)}
        spans: list[list[Span]] = [[] for _ in parts]
        for entity in doc.ents:
            words = [homes[i] for i in range(entity.start, entity.end) if i in homes]
            touched = [place for place, _ in words]
            if not touched:
                self.tally.add("span_wordless", number)
                continue
            best = max(dict.fromkeys(touched), key=touched.count)
            if len(set(touched)) > 1:
                place = f"Doc {number} characters {entity.start_char}-{entity.end_char}"
                self.tally.add("span_across_lines", number, place=place)
            inside = [index for place, index in words if place == best]
            spans[best].append(Span(entity.label_, inside[0], inside[-1] + 1))
        for i in homes:
            if not doc[i].ent_iob:
                self.tally.add("missing_label", number)
        return [write_tags(own, len(part)) for own, part in zip(spans, parts, strict=True)]

    def _features(self, doc: Any, part: list[int], number: int) -> dict[str, tuple[str, ...]]:
        features = {}
        for name, attribute in self._columns.items():
            features[name] = tuple(getattr(doc[i], attribute) or MISSING for i in part)
        others = doc.user_data.get(_FEATURES)
        for name, values in others.items() if isinstance(others, dict) else ():
            if len(values) == len(doc):
                features[name] = tuple(str(values[i]) for i in part)
            else:
                self.tally.add("unused", number, repr(name))
        return features


def _parts(doc: Any) -> Iterator[tuple[int, int]]:
    """First token and token after the last of each sentence."""
    if doc.has_annotation("SENT_START"):
        yield from ((sentence.start, sentence.end) for sentence in doc.sents)
        return
    start = 0
    for token in doc:
        if _is_blank(token) and ("\n" in token.text or "\r" in token.text):
            yield start, token.i
            start = token.i + 1
    yield start, len(doc)


def _is_blank(token: Any) -> bool:
    return not token.text.strip(_BLANK)


def _text(doc: Any, part: list[int], *, whole: bool) -> tuple[str | None, int]:
    """The text of a sentence, and where it begins in that of the Doc."""
    own = doc.user_data.get(_TEXT)
    if whole and isinstance(own, str):
        return own, 0
    if doc.has_unknown_spaces:
        return None, 0
    first, last = doc[part[0]], doc[part[-1]]
    return str(doc.text[first.idx : last.idx + len(last)]), first.idx


def write(sentences: Sequence[Sentence], path: Path) -> None:
    """Write one Doc a sentence, as spaCy's own converter does.

    ``pos`` becomes ``tag_``, or ``pos_`` where it holds nothing but universal tags; ``upos`` becomes ``pos_``. The
    document, other token features, and a text that words with single spaces do not make up, are in the Doc's user data.

    Args:
        sentences: With labels in IOB2, or none.
        path: The file.

    Raises:
        MissingExtraError: If spaCy is not installed.
    """
    try:
        from spacy.tokens import DocBin
        from spacy.vocab import Vocab
    except ImportError as error:
        raise MissingExtraError("spacy", "spacy") from error
    vocab, binary = Vocab(), DocBin(attrs=_ATTRIBUTES, store_user_data=True)
    values = {value for s in sentences for value in s.features.get(POS, ())}
    coarse = POS if values <= {*UPOS, MISSING} and not any("upos" in s.features for s in sentences) else "upos"
    for sentence in sentences:
        binary.add(_doc(sentence, vocab, coarse))
    path.write_bytes(binary.to_bytes())


def _doc(sentence: Sentence, vocab: Any, coarse: str) -> Any:
    from spacy import tokens

    features = {name: ["" if v == MISSING else v for v in values] for name, values in sentence.features.items()}
    universal = features.pop(coarse) if set(features.get(coarse, ("?",))) <= {*UPOS, ""} else None
    fine = features.pop(POS, None)
    offsets = sentence.offsets()
    spaces = None
    if sentence.text is not None:
        ends = [end for _, end in offsets] if offsets else []
        spaces = [sentence.text[end : end + 1] == " " for end in ends] or [True] * len(sentence)
    doc = tokens.Doc(
        vocab,
        words=list(sentence.words),
        spaces=spaces,
        tags=fine,
        pos=universal,
        sent_starts=[True, *[False] * (len(sentence) - 1)],
    )
    if sentence.labels is not None:
        spans = read_spans(sentence.labels).spans
        doc.set_ents([tokens.Span(doc, s.start, s.end, label=s.label) for s in spans], default="outside")
    if sentence.document is not None:
        doc.user_data[_DOCUMENT] = sentence.document
    if sentence.text is not None and sentence.text != doc.text:
        doc.user_data[_TEXT] = sentence.text
    if features:
        doc.user_data[_FEATURES] = {name: list(sentence.features[name]) for name in features}
    return doc
