"""Entities of whole corpora, read from their tags with arrays, as seqeval reads them in its default and strict mode.

Each distinct tag is looked at once; from there on, a word is a number. What happens between two neighbouring words
depends on their prefixes and on whether their types are the same, so that one small table per scheme answers it for all
words at once. The default reading is that of ``conlleval`` and comes from :func:`nomina.data.tags.read_spans`; the
strict one follows the rules of seqeval's scheme classes (Nakayama 2018), IOB1's oddities included.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from itertools import chain, count, product, repeat
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nomina.data.tags import OUTSIDE, Scheme, allowed_borders, read_spans, split_tag
from nomina.errors import TagError
from nomina.scoring.alignment import TagSequences

__all__ = ["CodedTags", "CorpusReading", "Spans", "TagSet", "code_tags", "read_corpus", "read_default"]

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Rules = npt.NDArray[np.bool_]

_PREFIXES = "OBIES"
_RAW_PREFIXES = {Scheme.IOB1: "OBI", Scheme.IOB2: "OBI", Scheme.BIOES: "OBIES", Scheme.BILOU: "OBILU"}


class Spans(NamedTuple):
    """Entities of a corpus, by sentence and from left to right; four arrays of the same length, int64 [n_entities].

    Attributes:
        sentence: Index of the sentence.
        start: First word in the sentence, 0-based.
        end: The word after the last.
        label: Index into :attr:`TagSet.types`.
    """

    sentence: Ints
    start: Ints
    end: Ints
    label: Ints


class TagSet(NamedTuple):
    """The distinct tags of gold and predictions, L of them, and what each says.

    Attributes:
        tags: As they are written; the first is ``O``.
        types: Entity types of either reading, alphabetically.
        prefix: Index into ``OBIES`` of each tag, int32 [L]; L- counts as E-, U- as S-.
        label: Index of its type, int32 [L]; -1 for ``O``.
        strict_label: The same in the strict mode, in which seqeval takes hyphens off both ends of a type.
    """

    tags: tuple[str, ...]
    types: tuple[str, ...]
    prefix: Codes
    label: Codes
    strict_label: Codes


class CodedTags(NamedTuple):
    """Tags of a corpus as numbers.

    Attributes:
        tag_set: What they stand for.
        ids: Index of each tag, int32 [1 + n_words + n_sentences]: an ``O``, then each sentence with an ``O`` after it,
            so that a border of a sentence is like one to an ``O``.
        lengths: Words of each sentence, int64 [n_sentences].
    """

    tag_set: TagSet
    ids: Codes
    lengths: Ints

    @property
    def sentences(self) -> Ints:
        """Sentence of each place but the first, where the ``O`` after a sentence is its own; int64."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths + 1)


class CorpusReading(NamedTuple):
    """Entities in both of seqeval's modes, and the number of sentences whose tags are not valid in the scheme."""

    default: Spans
    strict: Spans
    n_invalid: int


def code_tags(gold: TagSequences, predicted: TagSequences) -> tuple[CodedTags, CodedTags]:
    """Turn gold and predicted tags into numbers, the same for both.

    Args:
        gold: One tag per word and sentence.
        predicted: One tag per word and sentence.

    Raises:
        TagError: On a tag that is none.
    """
    index: defaultdict[str, int] = defaultdict(count().__next__)
    index[OUTSIDE]  # is 0
    (own, own_lengths), (found, lengths) = _number(gold, index), _number(predicted, index)
    tag_set = _tag_set(tuple(index))
    return CodedTags(tag_set, own, own_lengths), CodedTags(tag_set, found, lengths)


def _number(side: TagSequences, index: defaultdict[str, int]) -> tuple[Codes, Ints]:
    lengths = np.fromiter(map(len, side), dtype=np.int64, count=len(side))
    outside = (OUTSIDE,)
    tags = chain(outside, chain.from_iterable(map(chain, side, repeat(outside))))
    n_places = 1 + int(lengths.sum()) + len(side)
    return np.fromiter(map(index.__getitem__, tags), dtype=np.int32, count=n_places), lengths


def _tag_set(tags: tuple[str, ...]) -> TagSet:
    parts = [split_tag(tag) for tag in tags]
    strict = [label.strip("-") or "_" if label else "" for _, label in parts]
    types = tuple(sorted({label for _, label in parts}.union(strict) - {""}))
    index = {"": -1, **{name: i for i, name in enumerate(types)}}
    prefix, label, strict_label = (
        np.array(codes, dtype=np.int32)
        for codes in (
            [_PREFIXES.index(prefix) for prefix, _ in parts],
            [index[label] for _, label in parts],
            [index[label] for label in strict],
        )
    )
    return TagSet(tags, types, prefix, label, strict_label)


def read_default(tags: CodedTags) -> Spans:
    """Read tags of any scheme as seqeval's default mode and ``conlleval`` do.

    ``L-`` and ``U-`` of BILOU, which seqeval does not know there, count as ``E-`` and ``S-``.
    """
    return _read_default(tags, _border_codes(tags, tags.tag_set.label))


def read_corpus(tags: CodedTags, scheme: Scheme) -> CorpusReading:
    """Read tags in both modes.

    Raises:
        TagError: If a tag's prefix is not one of the scheme's.
    """
    _check_prefixes(tags, scheme)
    borders = _border_codes(tags, tags.tag_set.label)
    strict_borders = borders
    if not np.array_equal(tags.tag_set.label, tags.tag_set.strict_label):
        strict_borders = _border_codes(tags, tags.tag_set.strict_label)
    invalid = np.flatnonzero(~_valid_borders(scheme)[borders])
    return CorpusReading(
        default=_read_default(tags, borders),
        strict=_read_strict(tags, strict_borders, scheme),
        n_invalid=len(np.unique(tags.sentences[invalid])),
    )


def _check_prefixes(tags: CodedTags, scheme: Scheme) -> None:
    names = tags.tag_set.tags
    foreign = [i for i, tag in enumerate(names) if tag[0] not in _RAW_PREFIXES[scheme]]
    if not foreign:
        return
    places = np.flatnonzero(np.isin(tags.ids, foreign))
    if len(places):
        raise TagError(
            f"expected tags of the scheme {scheme.value}, found {names[tags.ids[places[0]]]!r} in sentence "
            f"{tags.sentences[places[0] - 1] + 1}; name the scheme that the tags are in, or convert them "
            "(nomina.data.tags.retag)"
        )


def _border_codes(tags: CodedTags, labels: Codes) -> Codes:
    """Between each place but the first and the one before it: the index into the tables below, int32 [n_places - 1]."""
    prefix, label = tags.tag_set.prefix[tags.ids], labels[tags.ids]
    n = len(_PREFIXES)
    codes: Codes = (prefix[:-1] * n + prefix[1:]) * 2 + (label[:-1] == label[1:])
    return codes


@lru_cache(maxsize=1)
def _default_borders() -> tuple[Rules, Rules]:
    """Whether a chunk ends, and whether one starts, at each kind of border: bool [50] each."""
    spans = [read_spans(pair).spans for pair in _kinds_of_border()]
    ends = np.array([any(span.end == 1 for span in found) for found in spans])
    starts = np.array([any(span.start == 1 for span in found) for found in spans])
    return ends, starts


@lru_cache(maxsize=len(Scheme))
def _valid_borders(scheme: Scheme) -> Rules:
    return np.array([allowed_borders(pair, scheme)[0][1] for pair in _kinds_of_border()])


def _kinds_of_border() -> list[tuple[str, str]]:
    """Two tags for each kind of border, in the order of the codes: both prefixes, then the same type or another."""
    return [
        (previous if previous == OUTSIDE else f"{previous}-a", now if now == OUTSIDE else f"{now}-{label}")
        for previous, now, label in product(_PREFIXES, _PREFIXES, "ba")
    ]


def _read_default(tags: CodedTags, borders: Codes) -> Spans:
    ends, starts = _default_borders()
    # Chunks do not overlap, so that the nth start and the nth end belong together.
    first, last = np.flatnonzero(starts[borders]), np.flatnonzero(ends[borders])
    return _spans(tags, first, last, tags.tag_set.label)


class _StrictRules(NamedTuple):
    """For each kind of border, bool [50]: may a chunk start there, go on over it, and be complete before it?"""

    starts: Rules
    goes_on: Rules
    completes: Rules


@lru_cache(maxsize=len(Scheme))
def _strict_rules(scheme: Scheme) -> _StrictRules:
    """The patterns of ``seqeval.scheme``, version 1.2.2.

    IOB1's have two oddities: a ``B-`` that starts no chunk (it does not follow one of its type) makes the ``I-`` after
    it start one, and a chunk of one ``B-`` is lost before a ``B-`` of another type.
    """
    kinds = list(product(_PREFIXES, _PREFIXES, (False, True)))
    if scheme is Scheme.IOB2:
        starts = [now == "B" for _, now, _ in kinds]
        completes = [True] * len(kinds)
    elif scheme is Scheme.IOB1:
        starts = [
            (now == "I" and (previous in "OB" or not same)) or (now == "B" and previous in "BI" and same)
            for previous, now, same in kinds
        ]
        completes = [same or (previous, now) != ("B", "B") for previous, now, same in kinds]
    else:
        starts = [now in "BS" for _, now, _ in kinds]
        completes = [previous in "ES" for previous, _, _ in kinds]
    goes_on = [previous in "BI" and now in "IE" and same for previous, now, same in kinds]
    return _StrictRules(np.array(starts), np.array(goes_on), np.array(completes))


def _read_strict(tags: CodedTags, borders: Codes, scheme: Scheme) -> Spans:
    rules = _strict_rules(scheme)
    goes_on = rules.goes_on[borders]
    starting = np.flatnonzero(rules.starts[borders])
    stops = np.flatnonzero(~goes_on)
    # A chunk lasts from its start to the next stop, and what could start within it is part of it: in a run of places
    # that go on, only the first start counts.
    stop = stops[np.searchsorted(stops, starting, side="right")] if len(starting) else starting
    is_first = np.diff(stop, prepend=-1) != 0
    first, last = starting[is_first], stop[is_first]
    complete = rules.completes[borders[last]]
    return _spans(tags, first[complete], last[complete], tags.tag_set.strict_label)


def _spans(tags: CodedTags, first: Ints, last: Ints, labels: Codes) -> Spans:
    """Entities from the borders before their first word and behind their last."""
    sentence = tags.sentences[first]
    # The border before word w of sentence s has s O's and all words of the sentences before s in front of it.
    offsets = np.cumsum(tags.lengths + 1) - (tags.lengths + 1)
    return Spans(
        sentence,
        first - offsets[sentence],
        last - offsets[sentence],
        labels[tags.ids[first + 1]].astype(np.int64),
    )
