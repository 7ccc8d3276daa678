"""Columns in each other's place, and part-of-speech tags that are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from itertools import chain, islice

from nomina.data.audit.records import Example, Finding, Thresholds, finding
from nomina.data.audit.view import View, count, visible
from nomina.data.records import MISSING
from nomina.data.tags import OUTSIDE, split_tag
from nomina.data.tagsets import PENN, POS, TAG_SETS, UPOS, differ, tag_set
from nomina.errors import TagError

__all__ = ["find_column_faults", "find_pos_faults"]

_MIN_WORDS = 20
"""Words below which a column's shares say nothing."""

_MIN_WORDS_OUTSIDE = 200
_LEAST_OUTSIDE = 0.1
_HALF = 0.5
_MOST = 0.9
_MANY_POS = 150
"""More different tags than any tag set of parts of speech alone has; morphological ones have more."""

_CHUNKS = frozenset({"ADJP", "ADVP", "CONJP", "INTJ", "LST", "NP", "PP", "PRT", "SBAR", "UCP", "VP"})
"""Phrases of CoNLL-2000 (Tjong Kim Sang and Buchholz 2000)."""


def find_column_faults(parts: Sequence[View], thresholds: Thresholds) -> list[Finding]:
    """Columns that look like another one."""
    found = []
    for part in parts:
        if part.corpus.n_words < _MIN_WORDS:
            continue
        found += _word_column(part)
        found += _label_column(part, thresholds)
        found += _feature_columns(part, thresholds)
    return found


def _share(values: Counter[str], test: Callable[[str], bool]) -> float:
    """Share of words whose value passes a test."""
    return sum(n for value, n in values.items() if test(value)) / max(sum(values.values()), 1)


def _is_entity_tag(value: str) -> bool:
    try:
        return split_tag(value)[0] != OUTSIDE
    except TagError:
        return False


def _is_number(value: str) -> bool:
    return value.isdecimal()


def _is_pos_tag(value: str) -> bool:
    # Punctuation is its own tag, and I is a word.
    return len(value) > 1 and value.isalpha() and (value in PENN or value in UPOS)


def _word_column(part: View) -> list[Finding]:
    if (
        part.words[OUTSIDE] + sum(n for word, n in part.words.items() if _is_entity_tag(word))
        > _HALF * part.words.total()
    ):
        reason = "most words are entity tags"
    elif _share(part.words, _is_number) > _HALF:
        reason = "most words are whole numbers, as indices are"
    elif _share(part.words, _is_pos_tag) > _HALF:
        reason = "most words are part-of-speech tags"
    elif (top := part.words.most_common(1)[0])[1] > _HALF * part.words.total():
        reason = f"more than half of the words are {visible(top[0])!r}"
    else:
        return []
    examples = [part.example(0)]
    return [
        finding("word_column", f"{reason}; name the columns with --columns", part.corpus.n_words, part.name, examples)
    ]


def _label_column(part: View, thresholds: Thresholds) -> list[Finding]:
    labels = Counter(chain.from_iterable(s.labels or () for s in part.corpus))
    n = sum(labels.values())
    types = {span.label for spans in part.spans for span in spans}
    first = next((part.example(i, spans[0].start, spans[0].end) for i, spans in enumerate(part.spans) if spans), None)
    examples = [first] if first is not None else []
    if len(types) > 1 and types <= _CHUNKS:
        message = f"the types are phrases ({', '.join(sorted(types))}): the tags are those of chunks"
        return [finding("label_column", message, len(types), part.name, examples)]
    if len(types) > 3 and any(types <= tags for tags in TAG_SETS.values()):
        message = f"the types are parts of speech ({', '.join(sorted(types)[:8])} …)"
        return [finding("label_column", message, len(types), part.name, examples)]
    if n >= _MIN_WORDS_OUTSIDE and labels[OUTSIDE] < _LEAST_OUTSIDE * n:
        message = f"only {labels[OUTSIDE]:,} of {n:,} words ({labels[OUTSIDE] / n:.1%}) are {OUTSIDE}"
        return [finding("few_outside", message, labels[OUTSIDE], part.name, examples)]
    return []


def _feature_columns(part: View, thresholds: Thresholds) -> list[Finding]:
    found = []
    for name in part.corpus.feature_names:
        if any(part.spans) and all(s.features[name] == s.labels for s in part.corpus):
            found.append(finding("feature_is_label", f"{name} is the entity tag on every word", 1, part.name))
        elif name == POS and (reason := _pos_fault(part)):
            examples = [_pos_example(part, i, 0) for i in range(min(1, len(part.corpus)))]
            message = f"{reason}; name the columns with --columns"
            found.append(finding("pos_column", message, part.corpus.n_words, part.name, examples))
    return found


def _pos_fault(part: View) -> str | None:
    values = part.values(POS)
    if _share(values, _is_entity_tag) + values[OUTSIDE] / max(values.total(), 1) > _HALF:
        return "most tags are entity tags"
    if _share(values, _is_number) > _HALF:
        return "most tags are whole numbers"
    n_letters = n_same = 0
    for sentence in part.corpus:
        pairs = [(w, p) for w, p in zip(sentence.words, sentence.features[POS], strict=True) if w.isalpha()]
        n_letters += len(pairs)
        n_same += sum(word.lower() == tag.lower() for word, tag in pairs)
    if n_letters and n_same > _HALF * n_letters:
        return "most tags are the word itself"
    if len(values) > _MANY_POS and len(values) > _HALF * len(part.words):
        return f"there are {len(values):,} different tags for {len(part.words):,} different words"
    return None


def _pos_example(part: View, sentence: int, word: int) -> Example:
    found = part.corpus[sentence]
    text = " ".join(
        f"{visible(w)}/{visible(p)}"
        for w, p in islice(zip(found.words, found.features[POS], strict=True), max(0, word - 2), word + 3)
    )
    return Example(part.place(sentence, word), text)


def find_pos_faults(parts: Sequence[View], thresholds: Thresholds) -> list[Finding]:
    """Tags seen once, outside their tag set, all the same, or of another tag set than in another part."""
    counts = {part.name: part.values(POS) for part in parts if any(POS in s.features for s in part.corpus)}
    for values in counts.values():
        del values[MISSING]
    found = []
    for part in parts:
        if counts.get(part.name):
            found += _pos_values(part, counts[part.name], thresholds)
    first, *others = counts.items() or [("", Counter[str]())]
    for name, values in others:
        if values and first[1] and differ(first[1], values):
            message = (
                f"the tags are not those of the {first[0]} part ({tag_set(first[1]) or 'no known set'}): "
                f"{', '.join(sorted(values)[:8])} … ({tag_set(values) or 'no known set'})"
            )
            found.append(finding("pos_sets_differ", message, len(values.keys() - first[1].keys()), name))
    return found


def _pos_values(part: View, values: Counter[str], thresholds: Thresholds) -> list[Finding]:
    found = []
    if len(values) == 1 and values.total() >= _MIN_WORDS:
        message = f"every part-of-speech tag is {visible(next(iter(values)))!r}"
        found.append(finding("pos_constant", message, values.total(), part.name))
    known = TAG_SETS.get(tag_set(values) or "", frozenset())
    outside = {value for value in values if known and value not in known}
    if outside:
        n = sum(values[value] for value in outside)
        message = f"{count(n, 'tag')} outside the tag set ({tag_set(values)}): {_listing(outside, values)}"
        found.append(finding("pos_outside", message, n, part.name, _pos_places(part, outside, thresholds)))
    once = {value for value, n in values.items() if n == 1} - outside
    if once and values.total() >= _MIN_WORDS:
        message = f"{count(len(once), 'part-of-speech tag')} seen once: {_listing(once, values)}"
        found.append(finding("pos_once", message, len(once), part.name, _pos_places(part, once, thresholds)))
    return found


def _listing(tags: Collection[str], values: Counter[str]) -> str:
    ordered = sorted(tags, key=lambda tag: (-values[tag], tag))
    return ", ".join(f"{visible(tag)} ({values[tag]:,})" for tag in ordered[:8]) + (" …" if len(ordered) > 8 else "")


def _pos_places(part: View, tags: Collection[str], thresholds: Thresholds) -> list[Example]:
    wanted = set(tags)
    places = (
        (i, j)
        for i, sentence in enumerate(part.corpus)
        if not wanted.isdisjoint(sentence.features.get(POS, ()))
        for j, tag in enumerate(sentence.features[POS])
        if tag in wanted
    )
    return [_pos_example(part, i, j) for i, j in islice(places, thresholds.n_examples)]
