"""Entity tags: scheme, invalid sequences, types that are rare or missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from nomina.data.audit.records import Example, Finding, Thresholds, finding
from nomina.data.audit.view import View, count
from nomina.data.tags import OUTSIDE, Scheme, allowed_borders

__all__ = ["find_tag_faults", "find_type_faults", "first_invalid"]


def find_tag_faults(parts: Sequence[View], thresholds: Thresholds) -> list[Finding]:
    """Missing labels, schemes, and sequences that the scheme does not allow."""
    found = [fault for part in parts for fault in (*_unlabelled(part, thresholds), *_invalid(part, thresholds))]
    schemes = {part.name: part.scheme for part in parts if part.scheme is not None}
    found += [finding("scheme", f"the tags are read as {s.value}", part=name) for name, s in schemes.items()]
    if len(set(schemes.values())) > 1:
        listing = ", ".join(f"{name} {scheme.value}" for name, scheme in schemes.items())
        message = f"the parts are read by different schemes: {listing}; name one with --scheme if they have the same"
        found.append(finding("mixed_schemes", message, len(set(schemes.values()))))
    return found


def _unlabelled(part: View, thresholds: Thresholds) -> list[Finding]:
    bare = [i for i, sentence in enumerate(part.corpus) if sentence.labels is None]
    if bare:
        message = f"{count(len(bare), 'sentence')} of {len(part.corpus):,} without entity tags"
        examples = [part.example(i) for i in bare[: thresholds.n_examples]]
        return [finding("unlabelled", message, len(bare), part.name, examples)]
    if not any(part.spans):
        return [finding("no_entities", f"every word is {OUTSIDE}", part.corpus.n_words, part.name)]
    return []


def _invalid(part: View, thresholds: Thresholds) -> list[Finding]:
    if not part.repairs or part.scheme is None:
        return []
    n = sum(part.repairs.values())
    first = list(part.repairs)[: thresholds.n_examples]
    examples = [part.example(i, first_invalid(part.corpus[i].labels or (), part.scheme)) for i in first]
    message = f"{count(n, 'place')} in {count(len(part.repairs), 'sentence')} not valid in {part.scheme.value}"
    return [finding("invalid_tags", message, n, part.name, examples)]


def first_invalid(labels: Sequence[str], scheme: Scheme) -> int:
    """Index of the word before which the scheme does not allow the border; the last word where only the end is wrong.

    Raises:
        ValueError: If the tags are valid.
    """
    for i, (before, now) in enumerate(pairwise([OUTSIDE, *labels, OUTSIDE])):
        if not allowed_borders((before, now), scheme)[0][1]:
            return min(i, len(labels) - 1)
    raise ValueError(f"expected tags that are not valid {scheme.value}, found {' '.join(labels)}")


def find_type_faults(parts: Sequence[View], thresholds: Thresholds) -> list[Finding]:
    """Types that are rare in the training part, missing from another part, or only there."""
    types = {part.name: Counter(span.label for spans in part.spans for span in spans) for part in parts}
    train = types.get("train", Counter())
    found = []
    rare = {label: n for label, n in train.items() if n < thresholds.rare_type}
    if rare:
        message = f"{_listing(rare)}: fewer than {thresholds.rare_type} mentions to learn from"
        found.append(finding("rare_type", message, len(rare), "train", _first_places(parts, "train", rare, thresholds)))
    for name in [other for other in types if other != "train"] if train else []:
        new = {label: n for label, n in types[name].items() if label not in train}
        if new:
            message = f"{_listing(new)}: not in the training part"
            places = _first_places(parts, name, new, thresholds)
            found.append(finding("type_not_in_train", message, len(new), name, places))
        missing = {label: n for label, n in train.items() if label not in types[name]}
        if missing and types[name]:
            message = f"no mention of {', '.join(sorted(missing))}, which the training part has"
            found.append(finding("type_missing", message, len(missing), name))
    return found


def _listing(types: dict[str, int]) -> str:
    return ", ".join(f"{label} ({n:,})" for label, n in sorted(types.items(), key=lambda item: (item[1], item[0])))


def _first_places(parts: Sequence[View], name: str, types: dict[str, int], thresholds: Thresholds) -> list[Example]:
    """The first mention of each type."""
    examples: dict[str, Example] = {}
    part = next(part for part in parts if part.name == name)
    for i, spans in enumerate(part.spans):
        for span in spans:
            if span.label in types and span.label not in examples:
                examples[span.label] = part.example(i, span.start, span.end)
    return list(examples.values())[: thresholds.n_examples]
