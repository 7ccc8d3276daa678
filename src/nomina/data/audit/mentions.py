"""Entity mentions: labelled here and forgotten there, and unseen in training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nomina.data.audit.records import Example, Finding, Thresholds, Unseen, finding
from nomina.data.audit.view import View, count, visible
from nomina.data.tags import OUTSIDE

__all__ = ["count_unseen", "find_mention_faults", "find_unseen"]

_Words = tuple[str, ...]


@dataclass
class _Mention:
    """How often some words are labelled as one entity, and where not one of them is."""

    types: Counter[str] = field(default_factory=Counter)
    missed: list[tuple[int, int, int]] = field(default_factory=list)  # part, sentence, first word

    @property
    def rate(self) -> float:
        n = sum(self.types.values())
        return n / (n + len(self.missed))


def find_mention_faults(parts: Sequence[View], thresholds: Thresholds) -> list[Finding]:
    """Words that are nearly always labelled as one entity, where they are not labelled at all.

    Only places where all words have ``O`` count as missed: within a longer entity, or with a border elsewhere, the
    words may well mean something else. Left out, since too many of them are common words: mentions without a letter or
    without a capital (where the script has them), and the beginnings of sentences and quotations, where the word stands
    in lower case elsewhere (May I ...).
    """
    mentions = _labelled(parts, thresholds.min_mentions)
    _find_missed(parts, mentions)
    doubtful = {
        words: mention for words, mention in mentions.items() if mention.missed and mention.rate >= thresholds.min_rate
    }
    if not doubtful:
        return []
    n = sum(len(mention.missed) for mention in doubtful.values())
    ordered = sorted(doubtful.items(), key=lambda item: (-len(item[1].missed), item[0]))
    message = (
        f"{count(n, 'place')} without any label for {count(len(doubtful), 'mention')} that "
        f"{'is' if len(doubtful) == 1 else 'are'} labelled on {thresholds.min_rate:.0%} or more of all occurrences"
    )
    examples = [_missed_example(parts, words, mention) for words, mention in ordered[: thresholds.n_examples]]
    return [finding("inconsistent_mentions", message, n, None, examples)]


def _labelled(parts: Sequence[View], least: int) -> dict[_Words, _Mention]:
    counts: dict[_Words, Counter[str]] = {}
    for part in parts:
        for i, spans in enumerate(part.spans):
            for span in spans:
                counts.setdefault(part.mention(i, span), Counter())[span.label] += 1
    return {
        words: _Mention(types) for words, types in counts.items() if sum(types.values()) >= least and _is_name(words)
    }


def _is_name(words: _Words) -> bool:
    text = " ".join(words)
    return any(map(str.isalpha, text)) and not text.islower()


def _find_missed(parts: Sequence[View], mentions: Mapping[_Words, _Mention]) -> None:
    """Look up each unlabelled word as the first of a mention, the longest mention first."""
    common = {word for part in parts for word in part.words if word.islower()}
    by_first: dict[str, list[_Words]] = {}
    for words in sorted(mentions, key=len, reverse=True):
        by_first.setdefault(words[0], []).append(words)
    for p, part in enumerate(parts):
        for i, sentence in enumerate(part.corpus.sentences):
            labels = sentence.labels
            if labels is None or by_first.keys().isdisjoint(sentence.words):
                continue
            for j, words in _matches(sentence.words, labels, by_first):
                if not (words[0].lower() in common and len(words) == 1 and _begins(sentence.words, j)):
                    mentions[words].missed.append((p, i, j))


def _begins(words: _Words, index: int) -> bool:
    """Whether a word would be written with a capital whatever it is: after nothing, or after punctuation."""
    return index == 0 or not any(map(str.isalnum, words[index - 1]))


def _matches(words: _Words, labels: _Words, by_first: Mapping[str, list[_Words]]) -> list[tuple[int, _Words]]:
    found, j = [], 0
    while j < len(words):
        candidates = by_first.get(words[j], ()) if labels[j] == OUTSIDE else ()
        step = 1
        for mention in candidates:
            n = len(mention)
            if words[j : j + n] == mention and labels[j : j + n] == (OUTSIDE,) * n:
                found.append((j, mention))
                step = n
                break
        j += step
    return found


def _missed_example(parts: Sequence[View], words: _Words, mention: _Mention) -> Example:
    n_labelled = sum(mention.types.values())
    label = mention.types.most_common(1)[0][0]
    n = n_labelled + len(mention.missed)
    remark = f"{visible(' '.join(words))} is {label} in {n_labelled:,} of {n:,} places, not here"
    p, i, j = mention.missed[0]
    return parts[p].example(i, j, j + len(words), remark=remark)


def count_unseen(parts: Sequence[View]) -> dict[str, dict[str, Unseen]]:
    """Of every part but the training part: by type, mentions that no training mention of that type equals."""
    train = next((part for part in parts if part.name == "train"), None)
    if train is None:
        return {}
    seen = {(span.label, train.mention(i, span)) for i, spans in enumerate(train.spans) for span in spans}
    result = {}
    for part in parts:
        if part is train:
            continue
        n, unseen = Counter[str](), Counter[str]()
        for i, spans in enumerate(part.spans):
            for span in spans:
                n[span.label] += 1
                unseen[span.label] += (span.label, part.mention(i, span)) not in seen
        result[part.name] = {label: Unseen(unseen[label], n[label]) for label in sorted(n)}
    return result


def find_unseen(unseen: Mapping[str, Mapping[str, Unseen]]) -> list[Finding]:
    """One finding for each part, with the share of each type."""
    found = []
    for name, by_type in unseen.items():
        n, n_unseen = sum(u.n_mentions for u in by_type.values()), sum(u.n_unseen for u in by_type.values())
        if n_unseen:
            ordered = sorted(by_type.items(), key=lambda item: (-item[1].share, item[0]))
            listing = ", ".join(f"{label} {u.share:.0%}" for label, u in ordered)
            message = f"{n_unseen:,} of {n:,} mentions ({n_unseen / n:.1%}) are not in the training part: {listing}"
            found.append(finding("unseen_entities", message, n_unseen, name))
    return found
