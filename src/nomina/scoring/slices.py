"""Scores of parts of the entities: by their length, their capitals, whether training named them, and so on.

Each entity, gold or predicted, has one value of each facet, which follows from its own words, type and place alone. A
correct entity is the same on both sides and so has the same value on both: the counts of a facet's slices add up to
those of all entities. A wrong entity may stand in one slice with what was predicted and in another with the gold, such
as a gold mention of three words of which two were found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np

from nomina.data.records import MISSING, Sentence
from nomina.data.shapes import word_shape
from nomina.data.tagsets import POS
from nomina.scoring.chunks import Chunk
from nomina.scoring.intervals import Entities, Interval, f1_intervals
from nomina.scoring.mentions import SEEN, SeenMentions
from nomina.scoring.resampling import N_RESAMPLES, Units, choose_units, sum_by_unit
from nomina.scoring.scores import Counts

__all__ = ["FACETS", "NEAR_WORDS", "OTHERS", "Slice", "facets_of", "slice_scores", "unknown_facets"]

FACETS = (
    "entity length",
    "sentence length",
    "in training",
    "POS of the first word",
    "capitalisation",
    "document",
    "window border",
)
"""What entities are told apart by."""

OTHERS = "(others)"
"""The slice of a facet's rarer values."""

NEAR_WORDS = 3
"""Most words between an entity and a border of windows that it counts as near."""

N_LARGEST = 12
"""Parts of speech and documents with a slice of their own."""

_Item: TypeAlias = tuple[str, str]
"""A facet and a value of it."""

_NONE = "(none)"
_ENTITY_LENGTHS = ("1 word", "2 words", "3 words", "4 or more")
_SENTENCE_LENGTHS = ("1-10 words", "11-20 words", "21-30 words", "31-40 words", "41 or more")
_CAPITALS = ("lower", "Title", "UPPER", "mixed", "digits", "signs")
_BORDER = ("near", "elsewhere")
_ORDER = {value: i for i, value in enumerate((*_ENTITY_LENGTHS, *_SENTENCE_LENGTHS, *SEEN, *_CAPITALS, *_BORDER))}
_OPEN = ("POS of the first word", "document")


@dataclass(frozen=True)
class Slice:
    """The entities with one value of a facet.

    Attributes:
        facet: One of :data:`FACETS`.
        value: The value, in words.
        counts: Gold entities with this value, predicted ones with it, and those that are both.
        f1: F1 with its interval.
    """

    facet: str
    value: str
    counts: Counts
    f1: Interval

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON."""
        return {
            "facet": self.facet,
            "value": self.value,
            **self.counts.to_dict(),
            "f1_low": self.f1.low,
            "f1_high": self.f1.high,
        }


def facets_of(
    sentence: Sentence, chunk: Chunk, *, mentions: SeenMentions | None = None, borders: Sequence[int] | None = None
) -> dict[str, str]:
    """The value of each facet of one entity.

    Args:
        sentence: The sentence that it stands in; with the part-of-speech tags to go by.
        chunk: The entity, gold or predicted.
        mentions: What training named; without it, that facet is left out.
        borders: Words of the sentence that a new window begins at, from
            :func:`nomina.encoding.windows.window_borders`; without it, that facet is left out.
    """
    words = sentence.words[chunk.start : chunk.end]
    values = {
        "entity length": _ENTITY_LENGTHS[min(len(words), len(_ENTITY_LENGTHS)) - 1],
        "sentence length": _SENTENCE_LENGTHS[min((len(sentence) - 1) // 10, len(_SENTENCE_LENGTHS) - 1)],
        "POS of the first word": sentence.features[POS][chunk.start] if POS in sentence.features else MISSING,
        "capitalisation": _capitalisation(words),
        "document": _NONE if sentence.document is None else sentence.document,
    }
    if mentions is not None:
        values["in training"] = mentions.seen(words, chunk.label)
    if borders is not None:
        is_near = any(border - chunk.end <= NEAR_WORDS and chunk.start - border <= NEAR_WORDS for border in borders)
        values["window border"] = "near" if is_near else "elsewhere"
    return {facet: values[facet] for facet in FACETS if facet in values}


def _capitalisation(words: Sequence[str]) -> str:
    """Summarise the shapes of words: those of ``"Bank of America"`` as Title, of ``"U.S."`` as UPPER.

    Title is a mention of capitalised and lower-case parts, the first of them capitalised; parts end at what is no
    letter. Mixed are ``"McDonald"``, ``"al-Qaida"`` and ``"US Army"``.
    """
    shape = " ".join(map(word_shape, words))
    parts = re.findall("[Xx]+", shape)
    if not parts:
        return "digits" if "d" in shape else "signs"
    if "X" not in shape:
        return "lower"
    if "x" not in shape:
        return "UPPER"
    return "Title" if parts[0] != "x" and set(parts) <= {"Xx", "x", "X"} else "mixed"


def slice_scores(
    sentences: Sequence[Sentence],
    gold: Entities,
    predicted: Entities,
    *,
    mentions: SeenMentions | None = None,
    borders: Sequence[Sequence[int]] | None = None,
    units: Units | None = None,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> list[Slice]:
    """Count entities by the values of every facet.

    Of parts of speech and documents, the :data:`N_LARGEST` with most gold entities have a slice each, the others are
    one. Facets that the sentences know nothing of are left out.

    Args:
        sentences: The sentences, with the part-of-speech tags to go by.
        gold: Gold entities of each.
        predicted: Predicted entities of each.
        mentions: As for :func:`facets_of`.
        borders: As for :func:`facets_of`, for each sentence.
        units: What the intervals draw, those of documents aside, which draw sentences; by default, what
            :func:`nomina.scoring.resampling.choose_units` chooses.
        n_resamples: Draws, 1 or more.
        seed: Same seed, same intervals.

    Returns:
        In the order of :data:`FACETS`, each facet's slices in theirs, the largest document first.

    Raises:
        ValueError: If the numbers of sentences differ.
    """
    units = units or choose_units(sentences)
    of_sentence: Sequence[Sequence[int] | None] = [None] * len(sentences) if borders is None else borders
    unknown = unknown_facets(sentences)
    places, counts = [], []
    for i, (sentence, own, found, near) in enumerate(zip(sentences, gold, predicted, of_sentence, strict=True)):
        for chunk in {*own, *found}:
            one = chunk in own and chunk in found, chunk in found, chunk in own
            for item in facets_of(sentence, chunk, mentions=mentions, borders=near).items():
                if item[0] not in unknown:
                    places.append((i, item))
                    counts.append(one)
    n_gold = Counter(item for (_, item), (_, _, is_gold) in zip(places, counts, strict=True) if is_gold)
    merged = _merge_rare({item for _, item in places}, n_gold)
    columns = {item: i for i, item in enumerate(dict.fromkeys(merged.values()))}
    table = np.zeros((len(sentences), len(columns), 3), dtype=np.int64)
    indices = np.array([(i, columns[merged[item]]) for i, item in places], dtype=np.int64).reshape(-1, 2)
    np.add.at(table, (indices[:, 0], indices[:, 1]), np.array(counts, dtype=np.int64).reshape(-1, 3))
    drawn = f1_intervals(sum_by_unit(table, units.ids), n_resamples=n_resamples, seed=seed)
    # A document is no sample of documents: how sure its own F1 is, its sentences tell.
    is_document = [facet == "document" for facet, _ in columns]
    of_documents = iter(f1_intervals(table[:, is_document], n_resamples=n_resamples, seed=seed))
    return [
        Slice(*item, Counts(*total), next(of_documents) if by_sentence else interval)
        for item, total, interval, by_sentence in zip(columns, table.sum(0).tolist(), drawn, is_document, strict=True)
    ]


def unknown_facets(sentences: Sequence[Sentence]) -> set[str]:
    """Facets that none of the sentences knows anything of, such as documents where none are marked."""
    known = {
        "POS of the first word": any(POS in sentence.features for sentence in sentences),
        "document": any(sentence.document is not None for sentence in sentences),
    }
    return {facet for facet, is_known in known.items() if not is_known}


def _merge_rare(items: set[_Item], n_gold: Counter[_Item]) -> dict[_Item, _Item]:
    """The slice of each value, in the order of the slices."""

    def place(item: _Item) -> tuple[int, int, str]:
        facet, value = item
        return FACETS.index(facet), -n_gold[item] if facet in _OPEN else _ORDER[value], value

    slices: dict[_Item, _Item] = {}
    for facet, group in groupby(sorted(items, key=place), key=itemgetter(0)):
        values = list(group)
        n_own = N_LARGEST if facet in _OPEN and len(values) > N_LARGEST + 1 else len(values)
        slices |= {item: item if i < n_own else (facet, OTHERS) for i, item in enumerate(values)}
    return slices
