"""Wrong sentences for tests of the error browser, and a slow, plain way to ask for some of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from urllib.parse import urlencode

import nomina
from nomina.data.tags import Scheme, read_spans
from nomina.report.html import ErrorSentence, errors_link
from nomina.scoring.chunks import Chunk
from nomina.scoring.pairs import Kind, Pair, pair_entities


@cache
def sample_mistakes(n_sentences: int, seed: int = 13) -> tuple[ErrorSentence, ...]:
    """That many sentences of the sample corpus, from the beginning again where it ends; some stay right.

    Their entities are damaged at random, in the same way for the same seed.
    """
    sentences = nomina.read("sample").sentences
    generator = random.Random(seed)
    return tuple(_damage(sentences[i % len(sentences)], i, generator) for i in range(n_sentences))


def _damage(sentence: nomina.Sentence, number: int, generator: random.Random) -> ErrorSentence:
    gold = [Chunk(s.label, s.start, s.end) for s in read_spans(sentence.labels or (), Scheme.IOB2).spans]
    predicted = _predict(gold, len(sentence), generator)
    pairs = pair_entities(gold, predicted)
    length = len(sentence)
    return ErrorSentence(
        words=sentence.words,
        pos=sentence.features["pos"],
        pairs=tuple(pairs),
        confidence=tuple(None if pair.predicted is None else round(generator.betavariate(5, 1.5), 4) for pair in pairs),
        document=sentence.document,
        place=f"sample.conll:{number * 7 + 1}",
        slices={
            "length": ("1-9" if length < 10 else "10-19" if length < 20 else "20 and more",),
            "capitals": ("some",) if any(word.isupper() for word in sentence.words) else (),
            "genre": ((sentence.document or "none").split("-")[0],),
        },
    )


def _predict(gold: Sequence[Chunk], n_words: int, generator: random.Random) -> list[Chunk]:
    """What a mediocre model would find: most entities, some with another type or border, some where there is none."""
    taken: set[int] = {i for chunk in gold for i in range(chunk.start, chunk.end)}
    found = []
    for chunk in gold:
        draw = generator.random()
        label = generator.choice(["geo", "gpe", "org", "per", "tim"]) if draw < 0.25 else chunk.label
        start, end = chunk.start, chunk.end
        if 0.15 < draw < 0.4 and end < n_words and end not in taken:
            taken.add(end)
            end += 1
        elif 0.4 < draw < 0.45 and end - start > 1:
            start += 1
        if draw < 0.9:
            found.append(Chunk(label, start, end))
    free = [i for i in range(n_words) if i not in taken]
    if free and generator.random() < 0.2:
        start = generator.choice(free)
        found.append(Chunk(generator.choice(["geo", "org", "per"]), start, start + 1))
    return found


@dataclass(frozen=True)
class ErrorQuery:
    """What is asked of the errors, and the answer by brute force. Sentences without errors are none of it."""

    kinds: tuple[Kind, ...] = ()
    gold: tuple[str, ...] = ()
    predicted: tuple[str, ...] = ()
    slices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text: str = ""
    sort: str = ""

    def link(self) -> str:
        link = errors_link(kinds=self.kinds, gold=self.gold, predicted=self.predicted, slices=self.slices)
        return f"{link}&{urlencode({'q': self.text, 'sort': self.sort})}"

    def errors(self, sentence: ErrorSentence) -> Iterator[tuple[Pair, float | None]]:
        """Those of a sentence that are asked for."""
        if self.text.lower() not in " ".join(sentence.words).lower():
            return
        if any(not set(values) & set(sentence.slices.get(name, ())) for name, values in self.slices.items()):
            return
        for pair, confidence in zip(sentence.pairs, sentence.confidence, strict=True):
            sides = [(pair.gold, self.gold), (pair.predicted, self.predicted)]
            if pair.kind == "correct" or (self.kinds and pair.kind not in self.kinds):
                continue
            if all(not asked or (chunk is not None and chunk.label in asked) for chunk, asked in sides):
                yield pair, confidence

    def places(self, sentences: Sequence[ErrorSentence]) -> list[str]:
        """Places of the sentences, in the order asked for."""
        found = [sentence for sentence in sentences if any(self.errors(sentence))]

        def confidences(sentence: ErrorSentence) -> list[float]:
            return [confidence for _, confidence in self.errors(sentence) if confidence is not None]

        if self.sort == "confident":
            found.sort(key=lambda sentence: -max(confidences(sentence), default=-1))
        elif self.sort == "unsure":
            found.sort(key=lambda sentence: min(confidences(sentence), default=2))
        elif self.sort:
            found.sort(key=lambda sentence: len(sentence.words) * (-1 if self.sort == "long" else 1))
        return [sentence.place for sentence in found]

    def n_errors(self, sentences: Sequence[ErrorSentence]) -> int:
        return sum(1 for sentence in sentences for _ in self.errors(sentence))

    def counts(self, sentences: Sequence[ErrorSentence]) -> dict[str, Counter[str]]:
        """Errors by the values of each facet, with what is asked of the other facets."""
        others = {
            "kind": replace(self, kinds=()),
            "gold": replace(self, gold=()),
            "pred": replace(self, predicted=()),
        }
        counts: dict[str, Counter[str]] = {}
        for sentence in sentences:
            for facet, query in others.items():
                counter = counts.setdefault(facet, Counter())
                for pair, _ in query.errors(sentence):
                    value = {"kind": pair.kind, "gold": pair.gold, "pred": pair.predicted}[facet]
                    if value is not None:
                        counter[value if isinstance(value, str) else value.label] += 1
            for name, values in sentence.slices.items():
                rest = {other: asked for other, asked in self.slices.items() if other != name}
                counter = counts.setdefault(f"slice.{name}", Counter())
                for _ in replace(self, slices=rest).errors(sentence):
                    counter.update(values)
        return counts
