"""Mend what can be mended without a guess: invalid tags, wrong characters, repeated and leaked sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from nomina.data.audit.characters import mend
from nomina.data.audit.view import View
from nomina.data.cleaning import clean, find_repeats, find_shared
from nomina.data.corpus import Corpus
from nomina.data.records import Sentence, Span
from nomina.data.tags import RepairPolicy, Scheme, read_spans, write_tags

__all__ = ["Change", "Fixed", "fix"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was changed.

    Attributes:
        kind: ``"tag"``, ``"word"``, ``"empty_word"``, ``"empty_sentence"``, ``"repeat"`` or ``"leak"``.
        part: The part it stood in.
        place: ``file:line`` of what was read.
        before: What it was.
        after: What it is; empty where it was dropped.
        reason: Why, where the kind does not say it.
    """

    kind: str
    part: str
    place: str
    before: str
    after: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Mended parts, and every change that was made.

    Attributes:
        parts: By name, in the scheme they were read in.
        changes: In the order in which they were made.
    """

    parts: Mapping[str, Corpus]
    changes: tuple[Change, ...]


def fix(parts: Mapping[str, Corpus], *, scheme: Scheme | None = None, repair: RepairPolicy = "conlleval") -> Fixed:
    """Mend the parts of a corpus. No label is guessed, and nothing is changed that is not listed.

    Invalid tags are read as ``repair`` says and written again. Characters are mended as
    :func:`nomina.data.audit.characters.mend` does; a word of which nothing is left is dropped, and an entity goes on
    with the words that it keeps. Of repeated sentences the first stays. What stands in two parts stays in the one that
    scores: test before dev before train (4 words or more; shorter sentences stand in every corpus).

    Args:
        parts: By name, as read.
        scheme: What all tags are read by; each part's own if not given.
        repair: What becomes of invalid tags.

    Raises:
        TagError: If ``repair="error"`` and a sequence is invalid.
    """
    changes: list[Change] = []
    fixed: dict[str, Corpus] = {}
    for name, corpus in parts.items():
        mended = _mend_tags(View.of(name, corpus, scheme), repair, changes)
        mended = _mend_words(View.of(name, mended), changes)
        part = View.of(name, mended)
        fixed[name] = _drop(part, _repeats(part), "repeat", changes)
    for first, second in combinations(list(fixed), 2):
        here, there = View.of(first, fixed[first]), View.of(second, fixed[second])
        shared = find_shared(there.corpus.sentences, here.corpus.sentences)
        reasons = {i: f"stands at {there.place(j)} of the {second} part" for i, j in shared.items()}
        fixed[first] = _drop(here, reasons, "leak", changes)
    return Fixed(fixed, tuple(changes))


def _mend_tags(part: View, repair: RepairPolicy, changes: list[Change]) -> Corpus:
    if part.scheme is None:
        return part.corpus
    if not part.repairs:
        return replace(part.corpus, scheme=part.scheme)
    cleaned = clean(part.corpus, scheme=part.scheme, target=part.scheme, repair=repair, control="ignore").corpus
    for i in part.repairs:
        before, after = part.corpus[i], cleaned[i]
        for j, (old, new) in enumerate(zip(before.labels or (), after.labels or (), strict=True)):
            if old != new:
                word = before.words[j]
                changes.append(Change("tag", part.name, part.place(i, j), f"{word} {old}", f"{word} {new}"))
    return replace(cleaned, notes=part.corpus.notes)


def _mend_words(part: View, changes: list[Change]) -> Corpus:
    odd = {word: better for word in part.words if (better := mend(word)) != word}
    if not odd:
        return part.corpus
    sentences: list[Sentence] = []
    for i, sentence in enumerate(part.corpus.sentences):
        places = [j for j, word in enumerate(sentence.words) if word in odd]
        for j in places:
            word = sentence.words[j]
            kind = "word" if odd[word] else "empty_word"
            changes.append(Change(kind, part.name, part.place(i, j), word, odd[word]))
        mended = _with_words(sentence, odd, part.scheme) if places else sentence
        if mended.words:
            sentences.append(mended)
        else:
            before = " ".join(sentence.words)
            changes.append(Change("empty_sentence", part.name, part.place(i), before, reason="no word is left"))
    return replace(part.corpus, sentences=tuple(sentences))


def _with_words(sentence: Sentence, mended: Mapping[str, str], scheme: Scheme | None) -> Sentence:
    words = [mended.get(word, word) for word in sentence.words]
    kept = [j for j, word in enumerate(words) if word]
    lines = None if sentence.lines is None else tuple(sentence.lines[j] for j in kept)
    return replace(
        sentence,
        words=tuple(words[j] for j in kept),
        features={name: tuple(values[j] for j in kept) for name, values in sentence.features.items()},
        labels=_kept_labels(sentence, kept, scheme),
        line=lines[0] if lines else sentence.line,
        lines=lines,
        text=_with_text(sentence, words),
    )


def _kept_labels(sentence: Sentence, kept: Sequence[int], scheme: Scheme | None) -> tuple[str, ...] | None:
    """Tags of the words that stay: an entity goes on without those that do not."""
    if sentence.labels is None or scheme is None or len(kept) == len(sentence):
        return sentence.labels
    spans = []
    for span in read_spans(sentence.labels, scheme).spans:
        inside = [new for new, old in enumerate(kept) if span.start <= old < span.end]
        if inside:
            spans.append(Span(span.label, inside[0], inside[-1] + 1))
    return write_tags(spans, len(kept), scheme)


def _with_text(sentence: Sentence, words: Sequence[str]) -> str | None:
    """The text with the new words in the old ones' places; unknown where they cannot be found in it."""
    offsets = sentence.offsets()
    if sentence.text is None or offsets is None:
        return None
    pieces: list[str] = []
    end = 0
    for word, (start, next_end) in zip(words, offsets, strict=True):
        pieces += [sentence.text[end:start], word]
        end = next_end
    return "".join([*pieces, sentence.text[end:]])


def _repeats(part: View) -> dict[int, str]:
    """Why each repeated sentence goes."""
    return {i: f"as {part.place(first)}" for i, first in find_repeats(part.corpus.sentences).items()}


def _drop(part: View, reasons: Mapping[int, str], kind: str, changes: list[Change]) -> Corpus:
    for i, reason in reasons.items():
        before = " ".join(part.corpus[i].words)
        changes.append(Change(kind, part.name, part.place(i), before, reason=reason))
    kept = tuple(sentence for i, sentence in enumerate(part.corpus.sentences) if i not in reasons)
    return replace(part.corpus, sentences=kept)
