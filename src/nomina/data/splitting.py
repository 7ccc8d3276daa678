"""Splitting into train, dev and test: seeded, stratified, documents whole, repeated sentences on one side.

The unit is a *group*: a document where documents are known, else a sentence; groups that share a repeated sentence are
one. Groups go to parts by a greedy form of iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011): those with
the rarest entity type first, each to the part where it lowers the chi-square distance between what the parts hold and
what their fractions call for, in entities of each type, words and sentences.

Where documents are known, repeated sentences of fewer than four words ("Yes .") do not tie documents together, or they
would chain most of a corpus into one group; such short sentences can stand in several parts, and a note counts them.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from nomina.data.records import Note, Sentence
from nomina.data.tags import read_spans
from nomina.errors import DataError

__all__ = ["Fractions", "Plan", "Split", "plan", "split"]

Fractions: TypeAlias = Sequence[float]
"""Shares of train, dev and test, on any scale; 0 leaves a part empty."""

MIN_TYING_WORDS = 4
"""Shortest repeated sentence, in words, that ties two documents together."""

MAX_TIED_SHARE = 0.2
"""Documents tied into a group larger than this share of all words are split by sentence instead."""

_PARTS = ("train", "dev", "test")
_WORDS, _SENTENCES = "#words", "#sentences"  # an entity type cannot collide: these only live beside ("type", ...)

_Key: TypeAlias = tuple[str, str]


class Split(NamedTuple):
    """Indices of the sentences of each part, in file order."""

    train: list[int]
    dev: list[int]
    test: list[int]


class Plan(NamedTuple):
    """A split, and notes on what it had to give up."""

    split: Split
    notes: tuple[Note, ...]


def split(sentences: Sequence[Sentence], fractions: Fractions = (80.0, 10.0, 10.0), seed: int = 13) -> Split:
    """Divide sentences into train, dev and test.

    Every entity type comes into every part where it stands in enough groups. Repeated sentences never stand in two
    parts, except short ones where documents are known (see the module's text).

    Args:
        sentences: The corpus, in file order.
        fractions: Shares of train, dev and test, such as ``(80, 10, 10)``; only their ratio matters.
        seed: Same seed, same split, in every process and on every machine.

    Raises:
        ValueError: If the fractions are not three non-negative numbers with a positive sum.
        DataError: If a part with a share would be empty: too few sentences.
    """
    return plan(sentences, fractions, seed).split


def plan(sentences: Sequence[Sentence], fractions: Fractions = (80.0, 10.0, 10.0), seed: int = 13) -> Plan:
    """Like :func:`split`, with notes on documents that could not be kept whole and on short repeated sentences."""
    shares = _normalise(fractions)
    groups, by_document, notes = _group(sentences, n_needed=sum(share > 0 for share in shares))
    profiles = [_profile([sentences[i] for i in group]) for group in groups]
    parts = _assign(profiles, shares, random.Random(seed))  # noqa: S311 - reproducible, not secret
    _complete(profiles, parts, shares)
    indices: tuple[list[int], ...] = tuple([] for _ in _PARTS)
    for group, part in zip(groups, parts, strict=True):
        indices[part].extend(group)
    _check_filled(indices, shares, len(sentences))
    result = Split(*map(sorted, indices))
    return Plan(result, notes + (_short_repeats(sentences, result) if by_document else ()))


def _normalise(fractions: Fractions) -> tuple[float, ...]:
    total = math.fsum(fractions)
    if len(fractions) != len(_PARTS) or not all(f >= 0 for f in fractions) or not 0 < total < math.inf:
        raise ValueError(f"expected three non-negative fractions with a positive sum, found {tuple(fractions)}")
    return tuple(f / total for f in fractions)


def _check_filled(indices: Sequence[list[int]], shares: Sequence[float], n_sentences: int) -> None:
    empty = [name for name, part, share in zip(_PARTS, indices, shares, strict=True) if share > 0 and not part]
    if empty:
        raise DataError(
            f"expected sentences for every part, found too few: {n_sentences} sentences (repeated ones count once) "
            f"leave {' and '.join(empty)} empty; give fewer parts (a share of 0) or more data"
        )


# Groups


def _group(sentences: Sequence[Sentence], n_needed: int) -> tuple[list[list[int]], bool, tuple[Note, ...]]:
    """Indices of the sentences of each group, whether documents were kept whole, and what had to be given up."""
    by_sentence = _unite(sentences, documents=False)
    documents = {s.document for s in sentences} - {None}
    if not documents:
        return by_sentence, False, ()
    by_document = _unite(sentences, documents=True)
    n_words = sum(map(len, sentences))
    tied = [g for g in by_document if len({sentences[i].document for i in g}) > 1]
    largest = max((sum(len(sentences[i]) for i in g) for g in tied), default=0)
    if largest > MAX_TIED_SHARE * n_words:
        reason = f"repeated sentences tie documents into one group of {100 * largest / n_words:.0f} % of the words"
    elif len(by_document) < min(n_needed, len(by_sentence)):
        reason = f"there are only {len(by_document)} separate groups of documents for {n_needed} parts"
    else:
        return by_document, True, ()
    return by_sentence, False, (Note("documents_split", f"documents were not kept whole: {reason}", len(documents)),)


def _unite(sentences: Sequence[Sentence], *, documents: bool) -> list[list[int]]:
    """Union-find over sentences: same words, and (on request) same document, means same group."""
    parent = list(range(len(sentences)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[object, int] = {}
    for i, sentence in enumerate(sentences):
        keys: list[object] = []
        if not documents or sentence.document is None or len(sentence) >= MIN_TYING_WORDS:
            keys.append(sentence.words)
        if documents and sentence.document is not None:
            keys.append(sentence.document)
        for key in keys:
            parent[find(i)] = find(first.setdefault(key, i))
    groups: dict[int, list[int]] = {}
    for i in range(len(sentences)):
        groups.setdefault(find(i), []).append(i)
    return list(groups.values())


def _short_repeats(sentences: Sequence[Sentence], parts: Split) -> tuple[Note, ...]:
    """A note on the short sentences that stand in more than one part."""
    places: dict[tuple[str, ...], set[int]] = {}
    for part, indices in enumerate(parts):
        for i in indices:
            if len(sentences[i]) < MIN_TYING_WORDS:
                places.setdefault(sentences[i].words, set()).add(part)
    n = sum(len(found) > 1 for found in places.values())
    if not n:
        return ()
    message = f"{n:,} repeated sentences of fewer than {MIN_TYING_WORDS} words stand in more than one part"
    return (Note("short_repeats", f"{message}, so that documents stay whole", n),)


# Assignment


def _profile(sentences: Sequence[Sentence]) -> Counter[_Key]:
    """What a group adds to a part: entities of each type, words, sentences."""
    profile: Counter[_Key] = Counter()
    for sentence in sentences:
        # The lenient reading finds the same spans whatever the scheme.
        profile.update(("type", span.label) for span in read_spans(sentence.labels or ()).spans)
    profile["size", _WORDS] = sum(map(len, sentences))
    profile["size", _SENTENCES] = len(sentences)
    return profile


def _types(profile: Iterable[_Key]) -> list[_Key]:
    return [key for key in profile if key[0] == "type"]


def _required(profile: Iterable[_Key]) -> list[_Key]:
    """What every part should have some of: each entity type, and any sentence at all."""
    return [*_types(profile), ("size", _SENTENCES)]


def _order(profiles: Sequence[Counter[_Key]], rng: random.Random) -> list[int]:
    """Groups by their rarest entity type, larger ones first, at random otherwise; groups without entities last."""
    n_groups = Counter(key for profile in profiles for key in _types(profile))
    rank = {key: i for i, key in enumerate(sorted(n_groups, key=lambda key: (n_groups[key], key)))}
    order = list(range(len(profiles)))
    rng.shuffle(order)

    def urgency(i: int) -> tuple[int, int]:
        rarest = min((rank[key] for key in _types(profiles[i])), default=len(rank))
        # Sizes by powers of two: enough to place what is large while there is room, and still random within.
        return rarest, -profiles[i]["size", _WORDS].bit_length()

    return sorted(order, key=urgency)


def _assign(profiles: Sequence[Counter[_Key]], shares: Sequence[float], rng: random.Random) -> list[int]:
    """The part of each group."""
    totals = Counter[_Key]()
    left = Counter[_Key]()  # groups still to come, by what they hold
    for profile in profiles:
        totals.update(profile)
        left.update(_required(profile))
    used = [part for part, share in enumerate(shares) if share > 0]
    # How far each part is filled, each quantity as a share of what its fraction calls for: 1.0 is full.
    filled: list[dict[_Key, float]] = [dict.fromkeys(totals, 0.0) for _ in shares]
    parts = [0] * len(profiles)
    for i in _order(profiles, rng):
        amounts = [(key, n / totals[key]) for key, n in profiles[i].items()]
        candidates = _lacking(_required(profiles[i]), left, filled, used) or used
        part = min(candidates, key=lambda j: _cost(amounts, filled[j], shares[j]))
        for key, amount in amounts:
            filled[part][key] += amount / shares[part]
        left.subtract(_required(profiles[i]))
        parts[i] = part
    return parts


def _lacking(
    types: Sequence[_Key], left: Counter[_Key], filled: Sequence[dict[_Key, float]], used: list[int]
) -> list[int]:
    """Parts that must have this group, because too few others like it are left for them."""
    for key in sorted(types, key=lambda key: (left[key], key)):
        lacking = [part for part in used if not filled[part][key]]
        if lacking and left[key] <= len(lacking):
            return lacking
    return []


def _cost(amounts: Iterable[tuple[_Key, float]], filled: dict[_Key, float], share: float) -> float:
    """What adding the amounts to a part changes in the sum over quantities of (held - wanted)^2 / wanted."""
    # fsum, because sum() rounds differently from Python 3.12 on and a split must not depend on the version.
    return math.fsum(amount * (amount / share + 2 * (filled[key] - 1)) for key, amount in amounts)


def _complete(profiles: Sequence[Counter[_Key]], parts: list[int], shares: Sequence[float]) -> None:
    """Move single groups so that parts still without some entity type get it, if no part loses its last of another."""
    used = [part for part, share in enumerate(shares) if share > 0]
    holders: dict[_Key, list[int]] = {}
    for i, profile in enumerate(profiles):
        for key in _required(profile):
            holders.setdefault(key, []).append(i)
    held = Counter((parts[i], key) for key, groups in holders.items() for i in groups)
    for key in sorted(holders, key=lambda key: (len(holders[key]), key)):
        for part in used:
            if held[part, key]:
                continue
            spare = [i for i in holders[key] if all(held[parts[i], other] > 1 for other in _required(profiles[i]))]
            if not spare:
                continue
            moved = min(spare, key=lambda i: (profiles[i]["size", _WORDS], i))
            for other in _required(profiles[moved]):
                held[parts[moved], other] -= 1
                held[part, other] += 1
            parts[moved] = part
