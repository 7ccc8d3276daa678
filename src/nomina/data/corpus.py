"""``Corpus``: sentences with their tag scheme and where they came from."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, overload

from nomina.data.records import Note, Sentence
from nomina.data.splitting import Fractions, plan
from nomina.data.tags import Scheme, read_spans

__all__ = ["Corpus", "CorpusSplit", "CorpusStats", "Note"]


@dataclass(frozen=True, slots=True)
class CorpusStats:
    """Counts over a corpus.

    Attributes:
        n_sentences: Number of sentences.
        n_words: Number of words.
        n_documents: Number of different documents, 0 where they are not marked.
        labels: Words by entity tag, most frequent first.
        types: Entities by type, most frequent first.
        features: Words by value, for each token feature.
    """

    n_sentences: int
    n_words: int
    n_documents: int
    labels: dict[str, int]
    types: dict[str, int]
    features: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Corpus(Sequence[Sentence]):
    """A sequence of sentences that share a tag scheme and a source.

    Attributes:
        sentences: The sentences, in file order.
        scheme: Scheme of the labels, or ``None`` where there are none.
        source: What was read, for messages (a path, ``"sample"``, ``"memory"``).
        notes: What reading and cleaning did, each said once with its count.
    """

    sentences: tuple[Sentence, ...]
    scheme: Scheme | None = None
    source: str = "memory"
    notes: tuple[Note, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.sentences)

    @overload
    def __getitem__(self, index: int) -> Sentence: ...
    @overload
    def __getitem__(self, index: slice) -> Corpus: ...
    def __getitem__(self, index: int | slice) -> Sentence | Corpus:
        if isinstance(index, slice):
            return replace(self, sentences=self.sentences[index])
        return self.sentences[index]

    def __iter__(self) -> Iterator[Sentence]:
        return iter(self.sentences)

    def __repr__(self) -> str:
        scheme = None if self.scheme is None else self.scheme.value
        return f"Corpus({len(self):,} sentences, {self.n_words:,} words, scheme={scheme}, source={self.source!r})"

    @property
    def n_words(self) -> int:
        """Number of words."""
        return sum(map(len, self.sentences))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Token features that every sentence has, in the order of the first sentence."""
        if not self.sentences:
            return ()
        shared = set(self.sentences[0].features).intersection(*(s.features for s in self.sentences))
        return tuple(name for name in self.sentences[0].features if name in shared)

    @property
    def has_labels(self) -> bool:
        """Whether every sentence carries entity tags."""
        return bool(self.sentences) and all(s.labels is not None for s in self.sentences)

    def stats(self) -> CorpusStats:
        """Count sentences, words, documents, labels, entity types and feature values."""
        labels = Counter(label for s in self.sentences for label in s.labels or ())
        features = {name: Counter(v for s in self.sentences for v in s.features[name]) for name in self.feature_names}
        types: Counter[str] = Counter()
        if self.scheme is not None:
            for s in self.sentences:
                types.update(span.label for span in read_spans(s.labels or (), self.scheme).spans)
        return CorpusStats(
            n_sentences=len(self),
            n_words=self.n_words,
            n_documents=len({s.document for s in self.sentences} - {None}),
            labels=dict(labels.most_common()),
            types=dict(types.most_common()),
            features={name: dict(counter.most_common()) for name, counter in features.items()},
        )

    def fingerprint(self) -> str:
        """SHA-256 of words, token features, labels and documents, as hexadecimal digits."""
        digest = hashlib.sha256()
        for sentence in self:
            columns = [sentence.words, sentence.labels, *sentence.features.values(), sentence.document]
            digest.update(json.dumps(columns, ensure_ascii=True).encode())
        return digest.hexdigest()

    def split(self, fractions: Fractions = (80.0, 10.0, 10.0), seed: int = 13) -> CorpusSplit:
        """Divide into train, dev and test as :func:`nomina.data.splitting.split` does.

        Args:
            fractions: Shares of train, dev and test; any scale.
            seed: Same seed, same split, on every machine.

        Returns:
            Three corpora in file order. What splitting had to give up is in the ``notes`` of each; the notes of
            reading stay with the whole corpus.

        Raises:
            ValueError: If the fractions are not three non-negative numbers with a positive sum.
            DataError: If there are too few sentences to fill every part.
        """
        parts, notes = plan(self.sentences, fractions, seed)

        def part(indices: Sequence[int]) -> Corpus:
            return replace(self, sentences=tuple(self.sentences[i] for i in indices), notes=notes)

        return CorpusSplit(part(parts.train), part(parts.dev), part(parts.test))


class CorpusSplit(NamedTuple):
    """Three corpora that share no repeated sentence."""

    train: Corpus
    dev: Corpus
    test: Corpus
