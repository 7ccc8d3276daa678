"""Cleaning: one tag scheme, repaired sequences, duplicates and control characters, all of it counted."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, NamedTuple

from nomina.data.corpus import Corpus
from nomina.data.records import Note, Sentence
from nomina.data.splitting import MIN_TYING_WORDS
from nomina.data.tags import RepairPolicy, Scheme, detect_scheme, read_spans, retag
from nomina.errors import TagError

__all__ = ["Cleaned", "CleaningReport", "clean", "conflict", "find_repeats", "find_shared"]

_N_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class CleaningReport:
    """What cleaning found and did.

    Attributes:
        n_sentences: Sentences before.
        n_sentences_after: Sentences after.
        n_words: Words before.
        n_words_after: Words after.
        n_blank: Rows without a word, dropped in reading.
        n_missing_tags: Rows without an entity tag, dropped in reading.
        n_duplicates: Sentences whose words stood before, in the same order.
        n_conflicting: Duplicates whose entities differ from those of the first such sentence.
        n_dropped: Duplicates that were dropped.
        n_repairs: Places in tag sequences that the source scheme does not allow.
        n_repaired_sentences: Sentences with such places.
        n_control: Words that hold control, format (zero-width) or replacement characters.
        n_control_only: Words of which nothing else is left; most encoders have no word piece for them.
        policy: How invalid places were read.
        source_scheme: Scheme of the labels before, or ``None`` without labels.
        target_scheme: Scheme of the labels after, or ``None`` without labels.
        duplicate_lines: First source lines of duplicates.
        repair_lines: First source lines of repaired sentences.
        control_lines: First source lines of sentences that hold such words.
    """

    n_sentences: int
    n_sentences_after: int
    n_words: int
    n_words_after: int
    n_blank: int = 0
    n_missing_tags: int = 0
    n_duplicates: int = 0
    n_conflicting: int = 0
    n_dropped: int = 0
    n_repairs: int = 0
    n_repaired_sentences: int = 0
    n_control: int = 0
    n_control_only: int = 0
    policy: RepairPolicy = "conlleval"
    source_scheme: Scheme | None = None
    target_scheme: Scheme | None = None
    duplicate_lines: tuple[int, ...] = ()
    repair_lines: tuple[int, ...] = ()
    control_lines: tuple[int, ...] = ()

    def notes(self) -> tuple[Note, ...]:
        """What cleaning found, in plain words; what reading found is in the corpus's own notes already."""
        notes = []
        if (
            self.source_scheme is not None
            and self.target_scheme is not None
            and self.source_scheme != self.target_scheme
        ):
            message = f"tags converted from {self.source_scheme.value} to {self.target_scheme.value}"
            notes.append(Note("converted", message, self.n_sentences_after))
        if self.n_repairs:
            message = (
                f"{_count(self.n_repairs, 'invalid place')} in the tags of "
                f"{_count(self.n_repaired_sentences, 'sentence')}, "
                f"repaired by the policy {self.policy!r}{_where(self.repair_lines)}"
            )
            notes.append(Note("repairs", message, self.n_repairs, self.repair_lines))
        if self.n_duplicates:
            what = "dropped" if self.n_dropped else "kept"
            message = (
                f"{_count(self.n_duplicates, 'repeated sentence')} {what}, {self.n_conflicting:,} of them tagged "
                f"differently from the first{_where(self.duplicate_lines)}"
            )
            notes.append(Note("duplicates", message, self.n_duplicates, self.duplicate_lines))
        if self.n_control:
            message = (
                f"{_count(self.n_control, 'word')} with control or zero-width characters kept, {self.n_control_only:,} "
                f"of them made of nothing else; is the encoding right?{_where(self.control_lines)}"
            )
            notes.append(Note("control", message, self.n_control, self.control_lines))
        return tuple(notes)


class Cleaned(NamedTuple):
    """A clean corpus, and what was done to it."""

    corpus: Corpus
    report: CleaningReport


def clean(
    corpus: Corpus,
    *,
    scheme: Scheme | None = None,
    target: Scheme = Scheme.IOB2,
    repair: RepairPolicy = "conlleval",
    drop_duplicates: bool = False,
    control: Literal["report", "ignore"] = "report",
) -> Cleaned:
    """Bring a corpus to one tag scheme and look for what commonly goes wrong.

    Args:
        corpus: As read.
        scheme: Scheme of its labels, if not ``corpus.scheme``; where neither is given, it is detected.
        target: Scheme of the labels afterwards.
        repair: What becomes of invalid tag sequences; see :data:`nomina.data.tags.RepairPolicy`.
        drop_duplicates: Whether to drop sentences whose words, in this order, stood before.
        control: Whether to look for words with control characters. They are never dropped or changed.

    Returns:
        The corpus with the notes of cleaning added, and the report. Sentences without labels pass through.

    Raises:
        TagError: If ``repair="error"`` and a sequence is invalid; carries the file and the line of its sentence.
    """
    source = scheme or corpus.scheme or _detect(corpus)
    controls = _find_controls(corpus) if control == "report" else _Controls(0, 0, ())
    retagged = _retag_all(corpus, source, target, repair)
    sentences = retagged.sentences
    repeats = find_repeats(sentences)
    kept = tuple(s for i, s in enumerate(sentences) if i not in repeats) if drop_duplicates else tuple(sentences)
    cleaned = replace(corpus, sentences=kept, scheme=None if source is None else target)
    report = replace(
        _compare(corpus, cleaned),
        n_duplicates=len(repeats),
        n_conflicting=sum(conflict(sentences[first], sentences[i], target) for i, first in repeats.items()),
        n_repairs=retagged.n_repairs,
        n_repaired_sentences=len(retagged.repaired),
        n_control=controls.n_words,
        n_control_only=controls.n_only,
        policy=repair,
        source_scheme=source,
        duplicate_lines=_first_lines(sentences[i] for i in repeats),
        repair_lines=_first_lines(retagged.repaired),
        control_lines=controls.lines,
    )
    return Cleaned(replace(cleaned, notes=corpus.notes + report.notes()), report)


def _compare(before: Corpus, after: Corpus) -> CleaningReport:
    """The part of the report that the two corpora tell by themselves."""
    return CleaningReport(
        n_sentences=len(before),
        n_sentences_after=len(after),
        n_words=before.n_words,
        n_words_after=after.n_words,
        n_blank=_noted(before.notes, "blank_word"),
        n_missing_tags=_noted(before.notes, "missing_tag"),
        n_dropped=len(before) - len(after),
        target_scheme=after.scheme,
    )


def _detect(corpus: Corpus) -> Scheme | None:
    labelled = [s.labels for s in corpus if s.labels is not None]
    return detect_scheme(labelled) if labelled else None


class _Retagged(NamedTuple):
    sentences: list[Sentence]
    n_repairs: int
    repaired: list[Sentence]


def _retag_all(corpus: Corpus, source: Scheme | None, target: Scheme, policy: RepairPolicy) -> _Retagged:
    result: list[Sentence] = []
    repaired: list[Sentence] = []
    n_repairs = 0
    for sentence in corpus:
        if sentence.labels is None or source is None:
            result.append(sentence)
            continue
        try:
            labels, n = retag(sentence.labels, source, target, policy)
        except TagError as error:
            path = sentence.source or corpus.source
            message = f"in the sentence that starts here: {error}"
            raise TagError(message, path=path, line=sentence.line) from error
        if n:
            n_repairs += n
            repaired.append(sentence)
        result.append(sentence if labels == sentence.labels else replace(sentence, labels=labels))
    return _Retagged(result, n_repairs, repaired)


def find_repeats(sentences: Sequence[Sentence]) -> dict[int, int]:
    """Index of every sentence whose words, in this order, stood before, and of the first sentence with them."""
    firsts: dict[tuple[str, ...], int] = {}
    first_of = {i: firsts.setdefault(sentence.words, i) for i, sentence in enumerate(sentences)}
    return {i: first for i, first in first_of.items() if i != first}


def find_shared(
    known: Sequence[Sentence], sentences: Sequence[Sentence], *, min_words: int = MIN_TYING_WORDS
) -> dict[int, int]:
    """Index of every sentence whose words stand in another part, and of the first sentence there.

    Args:
        known: The other part.
        sentences: Where to look.
        min_words: Shorter sentences ("Yes .") are left out.
    """
    places: dict[tuple[str, ...], int] = {}
    for i, sentence in enumerate(known):
        places.setdefault(sentence.words, i)
    return {i: places[s.words] for i, s in enumerate(sentences) if len(s) >= min_words and s.words in places}


def conflict(a: Sentence, b: Sentence, scheme: Scheme) -> bool:
    """Whether two sentences with the same words are labelled with different entities."""
    if a.labels is None or b.labels is None:
        return False
    return read_spans(a.labels, scheme).spans != read_spans(b.labels, scheme).spans


class _Controls(NamedTuple):
    n_words: int
    n_only: int
    lines: tuple[int, ...]


def _find_controls(corpus: Corpus) -> _Controls:
    n_words = n_only = 0
    found = []
    for sentence in corpus:
        kinds = [kind for word in sentence.words if (kind := _control_kind(word))]
        if kinds:
            n_words += len(kinds)
            n_only += kinds.count("only")
            found.append(sentence)
    return _Controls(n_words, n_only, _first_lines(found))


@lru_cache(maxsize=262_144)
def _control_kind(word: str) -> Literal["", "some", "only"]:
    """Whether some or all of a word's characters are control (Cc), format (Cf: zero-width ones) or U+FFFD."""
    # str.isprintable is false for all of them, and quick for the many words without any.
    if word.isprintable() and "\ufffd" not in word:
        return ""
    n_control = sum(unicodedata.category(c) in ("Cc", "Cf") or c == "\ufffd" for c in word)
    return "" if not n_control else "only" if n_control == len(word) else "some"


def _noted(notes: Iterable[Note], kind: str) -> int:
    return sum(note.count for note in notes if note.kind == kind)


def _first_lines(sentences: Iterable[Sentence]) -> tuple[int, ...]:
    lines = []
    for sentence in sentences:
        if sentence.line is not None:
            lines.append(sentence.line)
        if len(lines) == _N_EXAMPLES:
            break
    return tuple(lines)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _where(lines: tuple[int, ...]) -> str:
    if not lines:
        return ""
    return f" (first at {'line' if len(lines) == 1 else 'lines'} {', '.join(map(str, lines))})"
