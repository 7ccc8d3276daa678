"""Raw running text to sentences of words, by spaCy's blank pipelines: its rules for a language, without a model.

Words are cut, never rewritten: every character that is not white space ends in exactly one word, and the words stand in
the text in order. Blank lines part paragraphs; a sentence ends with its paragraph, and may run over several lines.

spaCy's rules are changed in four places; ``benchmarks/raw_text.py`` measures both against corpora:

- Hyphenated words stay whole, as in the Penn Treebank and GMB (English Web cuts them).
- A quote or bracket that opens behind a full stop belongs to the sentence that follows.
- A sentence goes on in lower case behind a quote that it holds: ``"No!" said the wolf.``
- In English, military ranks end no sentence: ``Lt. Col. Smith``.
"""

from __future__ import annotations

import pkgutil
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple
from unicodedata import category

from nomina.data.records import Sentence
from nomina.errors import ConfigError, MissingExtraError

__all__ = ["sentences", "stream_sentences"]

_BLOCK = 65_536
"""Characters that are read at a time."""

_MAX_PARAGRAPH = 10_000
"""Characters that are parsed at a time, well below what any of spaCy's tokenizers takes (Japanese: 49,149 bytes)."""

_MAX_RUN = 500
"""Characters without white space that are parsed at a time: spaCy takes time with the square of their number where it
strips them one by one (13 s for 10,000 brackets)."""

_MAX_VOCABULARY = 100_000
"""Different words that a pipeline may have met; it keeps some 700 bytes of each for good, and is then made anew."""

_RANKS = ("Brig.", "Capt.", "Cmdr.", "Col.", "Lt.", "Maj.", "Sgt.")

_OPENING = ("Ps", "Pi")  # categories of Unicode: brackets, and quotes that open (in German, some that close)

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_SENTENCE_END = re.compile(
    r"[.!?\u2026]['\"\u2019\u201d)\]]*(?=\s)|[\u3002\uff01\uff0e\uff1f\uff61]['\"\u2019\u201d\u300d\u300f\uff09]*"
)
_BLANKS = re.compile(r"\s+")
_NO_BLANKS = re.compile(r"\S+")
_LONG_RUN = re.compile(rf"\S{{{_MAX_RUN + 1}}}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def sentences(
    text: str, *, language: str = "en", document: str | None = None, source: str | None = None
) -> list[Sentence]:
    r"""Cut raw text into sentences of words.

    Args:
        text: Any text.
        language: A code of spaCy's languages, such as ``"de"``; ``"xx"`` for rules that suit many.
        document: Identifier of the document that the text is, for models that read neighbouring sentences.
        source: The file that the text is from, for messages.

    Returns:
        Sentences in order, each with its own stretch of the text, where that begins in the whole text (``start_char``,
        in code points from 0) and on which line (1-based, ends with ``"\n"``). None for blank text.

    Raises:
        MissingExtraError: If spaCy is not installed.
        ConfigError: If spaCy has no such language, or needs another package for it.
    """
    return list(stream_sentences((text,), language=language, document=document, source=source))


def stream_sentences(
    pieces: Iterable[str], *, language: str = "en", document: str | None = None, source: str | None = None
) -> Iterator[Sentence]:
    """Cut raw text into sentences of words as it comes, in constant memory.

    A paragraph of over 10,000 characters is cut behind a sentence's end, or at white space where it has none. A stretch
    of over 500 characters without white space is cut every 500, behind a full stop of East Asia where there is one.

    Args:
        pieces: A text in pieces of any size, or a file opened as text, which is read in blocks.
        language: As for :func:`sentences`.
        document: As for :func:`sentences`.
        source: As for :func:`sentences`.

    Returns:
        The sentences that :func:`sentences` finds in the whole text, whatever the pieces; some 65,000 characters are
        read ahead.

    Raises:
        MissingExtraError: If spaCy is not installed.
        ConfigError: If spaCy has no such language, or needs another package for it.
    """
    pipeline = _pipeline(language)
    return (
        sentence
        for paragraph in _paragraphs(_blocks(pieces))
        for sentence in _sentences_of(paragraph, pipeline(paragraph.text), document, source)
    )


class _Paragraph(NamedTuple):
    """A stretch of a text that begins with a word.

    Attributes:
        text: Its characters.
        start_char: Where it begins in the whole text.
        line: 1-based line on which it begins.
    """

    text: str
    start_char: int
    line: int


class _Word(NamedTuple):
    """A word of a paragraph.

    Attributes:
        start: Its first character.
        end: The character after its last.
        is_punct: Whether spaCy takes it for punctuation.
        begins: Whether spaCy begins a sentence with it.
    """

    start: int
    end: int
    is_punct: bool
    begins: bool


def _blocks(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in pieces of about one size, for small ones would be searched again and again."""
    read = getattr(pieces, "read", None)
    if read is not None:
        yield from iter(lambda: read(_BLOCK), "")
        return
    held: list[str] = []
    n_held = 0
    for piece in pieces:
        held.append(piece)
        n_held += len(piece)
        if n_held >= _BLOCK:
            yield "".join(held)
            held, n_held = [], 0
    yield "".join(held)


def _paragraphs(blocks: Iterable[str]) -> Iterator[_Paragraph]:
    text, start_char, line = "", 0, 1
    for block, is_last in _with_end(blocks):
        text += block
        position = 0
        while found := _NO_BLANKS.search(text, position):
            line += text.count("\n", position, found.start())
            position = found.start()
            stop = _stop(text, position, is_last)
            if stop is None:
                break
            yield _Paragraph(text[position:stop], start_char + position, line)
            line += text.count("\n", position, stop)
            position = stop
        else:
            line += text.count("\n", position)
            position = len(text)
        text = text[position:]
        start_char += position


def _with_end(blocks: Iterable[str]) -> Iterator[tuple[str, bool]]:
    yield from ((block, False) for block in blocks)
    yield "", True


def _stop(text: str, start: int, is_last: bool) -> int | None:
    """Where the paragraph that begins at ``start`` ends; ``None`` where that is yet to be read."""
    end = min(start + _MAX_PARAGRAPH, len(text))
    if parted := _BLANK_LINE.search(text, start, end):
        end = parted.start()
    elif start + _MAX_PARAGRAPH < len(text):
        sentence_end, blank = _last(_SENTENCE_END, text, start, end), _last(_BLANKS, text, start, end)
        end = sentence_end.end() if sentence_end else blank.start() if blank else end
    elif not is_last:
        return None
    if run := _LONG_RUN.search(text, start, end):
        sentence_end = _last(_SENTENCE_END, text, run.start(), run.start() + _MAX_RUN)
        end = sentence_end.end() if sentence_end else run.start() + _MAX_RUN
    return end


def _last(pattern: re.Pattern[str], text: str, start: int, end: int) -> re.Match[str] | None:
    last = deque(pattern.finditer(text, start, end), maxlen=1)
    return last[0] if last else None


def _sentences_of(
    paragraph: _Paragraph, words: list[list[_Word]], document: str | None, source: str | None
) -> Iterator[Sentence]:
    text, start_char, line = paragraph
    position = 0
    for own in words:
        start = own[0].start
        line += text.count("\n", position, start)
        position = start
        yield Sentence(
            words=tuple(sys.intern(text[word.start : word.end]) for word in own),
            document=document,
            line=line,
            text=text[start : own[-1].end],
            start_char=start_char + start,
            source=source,
        )


class _Pipeline:
    """A language's rules for words and the ends of sentences. Threads may share it.

    Raises:
        MissingExtraError: If spaCy is not installed.
        ConfigError: If spaCy has no such language, or needs another package for it.
    """

    def __init__(self, language: str) -> None:
        self._language = language
        self._nlp = _blank(language)
        self._stops: set[str] = self._nlp.get_pipe("sentencizer").punct_chars
        self._lock = Lock()  # the vocabulary grows with each new word, and spaCy does not say that threads may share it

    def __call__(self, text: str) -> list[list[_Word]]:
        """The words of each sentence of a paragraph that is not blank."""
        words = self._words(text)
        firsts = list(self._firsts(text, words))
        return [words[first:end] for first, end in zip(firsts, [*firsts[1:], len(words)], strict=True)]

    def _words(self, text: str) -> list[_Word]:
        words: list[_Word] = []
        begins = True
        rows = self._parse(text).to_array(["IDX", "LENGTH", "IS_PUNCT", "SENT_START"]).tolist()
        for start, length, is_punct, is_first in rows:  # a token may be white space, or hold some (Spanish "EE. UU.")
            begins = begins or is_first == 1
            for part in _NO_BLANKS.finditer(text, start, start + length):
                words.append(_Word(part.start(), part.end(), bool(is_punct), begins))
                begins = False
        return words

    def _parse(self, text: str) -> Any:
        with self._lock:
            if len(self._nlp.vocab) > _MAX_VOCABULARY:
                self._nlp = _blank(self._language)
            return self._nlp(_SURROGATE.sub("\ufffd", text))  # UTF-8, which spaCy keeps words in, has no surrogates

    def _firsts(self, text: str, words: list[_Word]) -> Iterator[int]:
        """The first word of each sentence."""
        yield 0
        for i in range(1, len(words)):
            if words[i].begins:
                first = self._opening(text, words, i)
                goes_on = text[words[i].start].islower() and not self._is_stop(text, words[i - 1])
                if not goes_on:
                    yield first

    def _opening(self, text: str, words: list[_Word], i: int) -> int:
        """The first of the marks before word ``i`` that open what it begins.

        They touch it, and nothing on their other side; or they are marks that do nothing but open.
        """
        first = i
        while (
            first > 1
            and words[first - 1].is_punct
            and _touch(words, first)
            and not self._is_stop(text, words[first - 1])
        ):
            first -= 1
        if not _touch(words, first):
            return first
        first = i
        while first > 1 and _touch(words, first) and category(text[words[first - 1].start]) in _OPENING:
            first -= 1
        return first

    def _is_stop(self, text: str, word: _Word) -> bool:
        return text[word.start : word.end] in self._stops


def _touch(words: list[_Word], i: int) -> bool:
    """Whether no white space stands before word ``i``."""
    return words[i - 1].end == words[i].start


@lru_cache(maxsize=8)
def _pipeline(language: str) -> _Pipeline:
    return _Pipeline(language)


def _blank(language: str) -> Any:
    try:
        from spacy import blank, lang, tokenizer
        from spacy.util import compile_infix_regex
    except ImportError as error:
        raise MissingExtraError("spacy", "spacy") from error
    known = [module.name for module in pkgutil.iter_modules(lang.__path__) if module.ispkg]
    if language not in known:
        raise ConfigError([f"language: expected a code of spaCy's ({', '.join(known)}), found {language!r}"])
    try:
        nlp: Any = blank(language)
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            [f"language: expected what spaCy needs for {language!r}, found it missing: {reason}"]
        ) from error
    nlp.add_pipe("sentencizer")
    if isinstance(nlp.tokenizer, tokenizer.Tokenizer):
        nlp.tokenizer.infix_finditer = compile_infix_regex(_keep_hyphens(nlp.Defaults.infixes)).finditer
    if language == "en":
        for rank in _RANKS:
            nlp.tokenizer.add_special_case(rank, [{"ORTH": rank}])
    return nlp


def _keep_hyphens(infixes: Iterable[str]) -> list[str]:
    """Patterns of what parts a word in two, but for the hyphen between letters; dashes go on parting."""
    from spacy.lang.char_classes import HYPHENS

    dashes = "|".join(sign for sign in HYPHENS.split("|") if sign != "-")
    return [pattern.replace(HYPHENS, dashes) for pattern in infixes]
