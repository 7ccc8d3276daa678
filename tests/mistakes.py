"""Wrong sentences for tests of the error browser: gold entities damaged at random, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache

import nomina
from nomina.data.tags import Scheme, read_spans
from nomina.report.html import ErrorSentence
from nomina.scoring.chunks import Chunk
from nomina.scoring.pairs import pair_entities


@cache
def sample_mistakes(n_sentences: int, seed: int = 13) -> tuple[ErrorSentence, ...]:
    """That many sentences of the sample corpus, from the beginning again where it ends; some stay right."""
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
