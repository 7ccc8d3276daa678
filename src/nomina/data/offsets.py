"""From spans of characters to tags of words, and back.

Offsets count Unicode code points from 0, ends are exclusive, as Python's strings do. A span of characters seldom fits
words exactly: it may reach into a word, lie inside another span, or cover nothing but blanks. What becomes of such
spans is a named policy, and each of them is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from nomina.data.records import Sentence, Span
from nomina.data.tags import write_tags
from nomina.errors import DataError

__all__ = [
    "CutPolicy",
    "Located",
    "OverlapPolicy",
    "Problem",
    "Snapped",
    "located",
    "resolve_overlaps",
    "snap",
    "spans_to_labels",
]

CutPolicy = Literal["expand", "shrink", "drop", "error"]
"""What becomes of a span that cuts through a word: it takes the whole words that it touches (``expand``), or only the
words that lie inside it as a whole (``shrink``; a span without any is dropped), or it is dropped (``drop``), or reading
ends (``error``)."""

OverlapPolicy = Literal["outermost", "innermost", "error"]
"""Which of two spans that share words is kept: the longer (``outermost``) or the shorter (``innermost``), the first in
the text if they are equally long, or reading ends (``error``). Lengths count words."""


class Problem(NamedTuple):
    """A span that did not fit.

    Attributes:
        kind: ``"span_expanded"``, ``"span_shrunk"``, ``"span_dropped"``, ``"span_wordless"`` or ``"span_overlap"``.
        number: Its place in the sequence that was given, from 0.
    """

    kind: str
    number: int


class Snapped(NamedTuple):
    """Tags of words (IOB2) that say what spans of characters said, and the spans that did not fit."""

    labels: tuple[str, ...]
    problems: tuple[Problem, ...]


def spans_to_labels(
    spans: Sequence[tuple[int, int, str]],
    words: Sequence[tuple[int, int]],
    *,
    cut: CutPolicy = "expand",
    overlaps: OverlapPolicy = "outermost",
) -> Snapped:
    """Tag words with the spans of characters that cover them.

    Args:
        spans: First character, character after the last, and entity type of each.
        words: First character and character after the last of each word, from left to right, without overlap.
        cut: What becomes of a span that cuts through a word.
        overlaps: Which of two spans that share words is kept. Words count after snapping, so that two spans within one
            word overlap too.

    Raises:
        DataError: If a span does not fit and its policy is ``"error"``; the message begins with the characters.
    """
    problems: list[Problem] = []
    snapped: list[tuple[int, Span]] = []
    for i, (start, end, label) in enumerate(spans):
        place, kind = snap(start, end, words, cut)
        if kind and cut == "error" and kind != "span_wordless":
            raise DataError(
                f"characters {start}-{end} ({label}): expected whole words, found a span that cuts through one; mend "
                "it, or choose what becomes of such spans (--cut-spans expand, cut_spans='expand')"
            )
        if kind:
            problems.append(Problem(kind, i))
        if place is not None:
            snapped.append((i, Span(label, *place)))
    kept, dropped = resolve_overlaps([span for _, span in snapped], overlaps)
    if dropped and overlaps == "error":
        start, end, label = spans[snapped[dropped[0]][0]]
        raise DataError(
            f"characters {start}-{end} ({label}): expected spans that share no word, found one that overlaps another; "
            "mend it, or choose which is kept (--overlaps outermost, overlaps='outermost')"
        )
    problems += [Problem("span_overlap", snapped[i][0]) for i in dropped]
    return Snapped(write_tags(kept, len(words)), tuple(problems))


def snap(
    start: int, end: int, words: Sequence[tuple[int, int]], cut: CutPolicy
) -> tuple[tuple[int, int] | None, str | None]:
    """The words of one span, and what was done to it.

    Returns:
        First word and word after the last, ``None`` where the span is dropped; and the kind of :class:`Problem`,
        ``None`` where the span begins and ends with words.
    """
    touched = [i for i, (first, last) in enumerate(words) if first < end and start < last]
    if not touched:
        return None, "span_wordless"
    whole = [i for i in touched if start <= words[i][0] and words[i][1] <= end]
    if len(whole) == len(touched):
        return (touched[0], touched[-1] + 1), None
    if cut == "expand":
        return (touched[0], touched[-1] + 1), "span_expanded"
    if cut == "shrink" and whole:
        return (whole[0], whole[-1] + 1), "span_shrunk"
    return None, "span_dropped"


def resolve_overlaps(spans: Sequence[Span], policy: OverlapPolicy) -> tuple[list[Span], list[int]]:
    """Keep spans that share no word.

    Spans are taken from the longest to the shortest, or the other way round under ``"innermost"``, those of one length
    from left to right and in the order given; each is kept if it shares no word with one that was taken before.

    Returns:
        Spans that are kept, from left to right, and the places of the others in ``spans``, in the order given.
    """
    sign = 1 if policy == "innermost" else -1
    order = sorted(range(len(spans)), key=lambda i: (sign * (spans[i].end - spans[i].start), spans[i].start))
    taken: set[int] = set()
    kept, dropped = [], []
    for i in order:
        covered = range(spans[i].start, spans[i].end)
        if taken.isdisjoint(covered):
            taken.update(covered)
            kept.append(spans[i])
        else:
            dropped.append(i)
    return sorted(kept, key=lambda span: span.start), sorted(dropped)


class Located(NamedTuple):
    """A text and where its words stand in it.

    Attributes:
        text: The sentence's own text, or its words joined with spaces.
        words: First character and character after the last of each word.
    """

    text: str
    words: tuple[tuple[int, int], ...]

    def characters(self, spans: Iterable[Span]) -> list[tuple[int, int, str]]:
        """Spans of words as spans of characters with their types."""
        return [(self.words[span.start][0], self.words[span.end - 1][1], span.label) for span in spans]


def located(sentence: Sentence) -> Located:
    """A text that holds all words of a sentence in order: its own, else the words joined with spaces."""
    offsets = sentence.offsets()
    if sentence.text is not None and offsets is not None:
        return Located(sentence.text, offsets)
    pairs, position = [], 0
    for word in sentence.words:
        pairs.append((position, position + len(word)))
        position += len(word) + 1
    return Located(" ".join(sentence.words), tuple(pairs))
