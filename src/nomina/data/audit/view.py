"""A part as the checks look at it: its spans read once, its words counted once, and places in it named."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from nomina.data.audit.records import Example
from nomina.data.corpus import Corpus
from nomina.data.records import Sentence, Span
from nomina.data.tags import OUTSIDE, Scheme, read_spans

__all__ = ["View", "count", "visible"]

_N_AROUND = 3
_LONGEST = 60


@dataclass(frozen=True)
class View:
    """One part of a corpus.

    Attributes:
        name: ``"train"``, ``"dev"`` or ``"test"``.
        corpus: As it was read.
        scheme: What its tags are read by; ``None`` without labels.
    """

    name: str
    corpus: Corpus
    scheme: Scheme | None

    @classmethod
    def of(cls, name: str, corpus: Corpus, scheme: Scheme | None = None) -> View:
        """Look at a part by a scheme, or by its own where none is given; by none where no sentence has labels."""
        has_tags = any(sentence.labels is not None for sentence in corpus.sentences)
        return cls(name, corpus, (scheme or corpus.scheme) if has_tags else None)

    @cached_property
    def words(self) -> Counter[str]:
        """How often each word stands there."""
        return Counter(chain.from_iterable(sentence.words for sentence in self.corpus.sentences))

    @property
    def spans(self) -> Sequence[Sequence[Span]]:
        """Mentions of each sentence, as ``conlleval`` reads the tags; none in sentences without labels."""
        return self._readings[0]

    @property
    def repairs(self) -> Mapping[int, int]:
        """Number of invalid places by index of the sentence, where there are any."""
        return self._readings[1]

    @cached_property
    def _readings(self) -> tuple[list[Sequence[Span]], dict[int, int]]:
        spans: list[Sequence[Span]] = []
        repairs: dict[int, int] = {}
        for i, sentence in enumerate(self.corpus.sentences):
            labels = sentence.labels or ()
            if self.scheme is None or labels.count(OUTSIDE) == len(labels):
                spans.append(())
                continue
            reading = read_spans(labels, self.scheme)
            spans.append(reading.spans)
            if reading.n_repairs:
                repairs[i] = reading.n_repairs
        return spans, repairs

    def place(self, sentence: int, word: int = 0) -> str:
        """``file:line`` of a word, or the part and the number of the sentence where there is no file."""
        found = self.corpus[sentence]
        line = found.line_of(word)
        if line is None:
            return f"{self.name}, sentence {sentence + 1}"
        return f"{found.source or self.corpus.source}:{line}"

    def example(self, sentence: int, start: int = 0, end: int | None = None, *, remark: str = "") -> Example:
        """A place with its words and tags: those from ``start`` to ``end``, and a few around them."""
        text = snippet(self.corpus[sentence], start, start + 1 if end is None else end)
        return Example(self.place(sentence, start), f"{remark}: {text}" if remark else text)

    def find(self, words: Collection[str]) -> Iterator[tuple[int, int]]:
        """Sentence and word index of every occurrence of some words."""
        wanted = set(words)
        for i, sentence in enumerate(self.corpus.sentences):
            if not wanted.isdisjoint(sentence.words):
                yield from ((i, j) for j, word in enumerate(sentence.words) if word in wanted)

    def values(self, feature: str) -> Counter[str]:
        """How often each value of a token feature stands there."""
        return Counter(chain.from_iterable(s.features[feature] for s in self.corpus if feature in s.features))

    def mention(self, sentence: int, span: Span) -> tuple[str, ...]:
        """The words of a mention."""
        return self.corpus.sentences[sentence].words[span.start : span.end]


def snippet(sentence: Sentence, start: int, end: int) -> str:
    """Words with their entity tags (none after a word that has ``O``), and how the sentence goes on around them."""
    first, last = max(0, start - _N_AROUND), min(len(sentence), end + _N_AROUND)
    shown = [_word(sentence, i) for i in range(first, last)]
    return " ".join([*(["…"] if first else []), *shown, *(["…"] if last < len(sentence) else [])])


def _word(sentence: Sentence, index: int) -> str:
    label = OUTSIDE if sentence.labels is None else sentence.labels[index]
    word = visible(sentence.words[index])
    return word if label == OUTSIDE else f"{word}/{label}"


def visible(text: str) -> str:
    """A text in which every character can be seen: control and format characters, odd spaces and U+FFFD escaped."""
    shown = "".join(c if c == " " or not _is_hidden(c) else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character)[0] in "CZ" or character == "\ufffd"


def count(n: int, noun: str) -> str:
    """A number with its noun, in the plural where it is needed."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
