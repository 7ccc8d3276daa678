"""Repeated sentences: within a part, in two parts, and with other entities than before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from nomina.data.audit.records import Example, Finding, Thresholds, finding
from nomina.data.audit.view import View, count
from nomina.data.cleaning import find_repeats, find_shared
from nomina.data.splitting import MIN_TYING_WORDS

__all__ = ["find_repeat_faults"]

_Place = tuple[int, int]  # part, sentence


def find_repeat_faults(parts: Sequence[View], thresholds: Thresholds) -> list[Finding]:
    """Repeats within each part, sentences that two parts share, and repeats that are labelled differently."""
    found = [fault for part in parts for fault in _repeats(part, thresholds)]
    for first, second in combinations(parts, 2):
        found += _shared(first, second, thresholds)
    return found + _conflicts(parts, thresholds)


def _repeats(part: View, thresholds: Thresholds) -> list[Finding]:
    repeats = find_repeats(part.corpus.sentences)
    if not repeats:
        return []
    n_short = sum(len(part.corpus[i]) < MIN_TYING_WORDS for i in repeats)
    message = f"{count(len(repeats), 'sentence')} with the words of an earlier one"
    if n_short:
        message += f", {n_short:,} of fewer than {MIN_TYING_WORDS} words"
    return [
        finding("repeated_sentences", message, len(repeats), part.name, _pairs(part, part, repeats, thresholds)),
    ]


def _pairs(part: View, other: View, pairs: Mapping[int, int], thresholds: Thresholds) -> list[Example]:
    return [
        part.example(i, remark=f"as {other.place(first)}") for i, first in list(pairs.items())[: thresholds.n_examples]
    ]


def _shared(first: View, second: View, thresholds: Thresholds) -> list[Finding]:
    everything = find_shared(first.corpus.sentences, second.corpus.sentences, min_words=1)
    long = {i: j for i, j in everything.items() if len(second.corpus[i]) >= MIN_TYING_WORDS}
    short = {i: j for i, j in everything.items() if i not in long}
    found = []
    if long:
        kind = "leak" if first.name == "train" else "dev_test_overlap"
        message = f"{count(len(long), 'sentence')} of {MIN_TYING_WORDS} words or more in the {first.name} part too"
        found.append(finding(kind, message, len(long), second.name, _pairs(second, first, long, thresholds)))
    if short:
        message = f"{count(len(short), 'sentence')} of fewer than {MIN_TYING_WORDS} words in the {first.name} part too"
        found.append(finding("short_leak", message, len(short), second.name))
    return found


def _conflicts(parts: Sequence[View], thresholds: Thresholds) -> list[Finding]:
    """Sentences whose entities differ from those of the first sentence with the same words, in any part."""
    firsts: dict[tuple[str, ...], _Place] = {}
    conflicts: dict[bool, list[tuple[_Place, _Place]]] = {True: [], False: []}
    for p, part in enumerate(parts):
        for i, sentence in enumerate(part.corpus.sentences):
            if sentence.labels is None:
                continue
            q, j = firsts.setdefault(sentence.words, (p, i))
            if (q, j) != (p, i) and list(parts[q].spans[j]) != list(part.spans[i]):
                conflicts[len(sentence) >= MIN_TYING_WORDS].append(((p, i), (q, j)))
    found = []
    for kind, pairs in (("conflicting_labels", conflicts[True]), ("conflicting_short", conflicts[False])):
        if pairs:
            size = (
                f"{MIN_TYING_WORDS} words or more" if kind == "conflicting_labels" else f"under {MIN_TYING_WORDS} words"
            )
            message = (
                f"{count(len(pairs), 'sentence')} of {size} with other entities than an earlier one of the same words"
            )
            examples = [_conflict_example(parts, *pair) for pair in pairs[: thresholds.n_examples]]
            found.append(finding(kind, message, len(pairs), None, examples))
    return found


def _conflict_example(parts: Sequence[View], place: _Place, first: _Place) -> Example:
    """Where the two labellings part, in both of them."""
    part, other = parts[place[0]], parts[first[0]]
    mine, theirs = ({(s.start, s.end, s.label) for s in p.spans[i]} for p, i in ((part, place[1]), (other, first[1])))
    start, end, _ = min(mine ^ theirs)
    there = other.example(first[1], start, end)
    here = part.example(place[1], start, end)
    return Example(here.place, f"{here.text} | {there.place}: {there.text}")
