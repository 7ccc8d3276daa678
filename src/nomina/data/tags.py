"""The one state machine between entity tags and spans, for IOB1, IOB2, BIOES and BILOU.

Every reading of a tag sequence goes through :func:`read_spans`; every writing through :func:`write_tags`.
The lenient reading is that of the CoNLL-2000 shared task's ``conlleval`` script (Tjong Kim Sang and Buchholz 2000),
which seqeval's default mode follows: a tag that cannot continue the open chunk starts a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import Literal, NamedTuple

from nomina.data.records import Span
from nomina.errors import TagError

__all__ = [
    "OUTSIDE",
    "Reading",
    "RepairPolicy",
    "Scheme",
    "allowed_borders",
    "detect_scheme",
    "read_spans",
    "retag",
    "split_tag",
    "write_tags",
]

OUTSIDE = "O"

RepairPolicy = Literal["conlleval", "discard", "error"]
"""What becomes of an invalid tag: read as ``conlleval`` does, ``discard`` the chunk, or raise an ``error``."""


class Scheme(str, Enum):
    """How tags mark the borders of entities.

    IOB1 writes ``B-`` only between touching entities of one type, IOB2 at every start; BIOES adds ``E-`` (end) and
    ``S-`` (single word), BILOU calls those ``L-`` and ``U-``.
    """

    IOB1 = "IOB1"
    IOB2 = "IOB2"
    BIOES = "BIOES"
    BILOU = "BILOU"


class Reading(NamedTuple):
    """What a tag sequence says: its spans, and how many places were not valid in the scheme."""

    spans: list[Span]
    n_repairs: int


@lru_cache(maxsize=65_536)
def split_tag(tag: str) -> tuple[str, str]:
    """Split ``"B-per"`` into ``("B", "per")`` and ``"O"`` into ``("O", "")``; ``L`` reads as ``E``, ``U`` as ``S``.

    Raises:
        TagError: If the tag is neither ``O`` nor a known prefix, a hyphen and a type.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, hyphen, label = tag.partition("-")
    if hyphen and label and prefix in _CANONICAL:
        return _CANONICAL[prefix], label
    raise TagError(
        f"expected an entity tag such as 'O', 'B-per' or 'I-per', found {tag!r}; "
        "if this is another column, name the columns (--columns word,pos,label)"
    )


_CANONICAL = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S"}


def read_spans(tags: Sequence[str], scheme: Scheme = Scheme.IOB2, policy: RepairPolicy = "conlleval") -> Reading:
    """Read one sentence's tags.

    Args:
        tags: One tag per word.
        scheme: What counts as valid. The spans of a valid sequence do not depend on the policy.
        policy: ``"conlleval"`` reads an invalid place as a start or an end, whichever it must be; ``"discard"`` drops
            every chunk that does not begin, go on and end as the scheme says (a valid chunk before an invalid one
            stays); ``"error"`` raises.

    Returns:
        Spans from left to right, and the number of borders between words that the scheme does not allow.

    Raises:
        TagError: On a tag that is none, or on an invalid place under ``"error"``.
    """
    spans: list[Span] = []
    n_repairs = 0
    previous, previous_label, start, sound = OUTSIDE, "", 0, True
    # One more O after the last word closes what is open.
    for i in range(len(tags) + 1):
        prefix, label = split_tag(tags[i]) if i < len(tags) else (OUTSIDE, "")
        border = _border(previous, previous_label, prefix, label, scheme)
        if not border.valid:
            n_repairs += 1
            if policy == "error":
                found = " ".join(tags[max(0, i - 2) : i + 2])
                raise TagError(
                    f"expected valid {scheme.value} tags, found {found!r} at word {i + 1}; choose a repair policy"
                )
        if border.closes and (policy == "conlleval" or (sound and border.valid_close)):
            spans.append(Span(previous_label, start, i))
        if border.opens:
            start, sound = i, border.valid_open
        elif not border.valid_open:
            sound = False
        previous, previous_label = prefix, label
    return Reading(spans, n_repairs)


class _Border(NamedTuple):
    closes: bool
    opens: bool
    valid_close: bool
    valid_open: bool

    @property
    def valid(self) -> bool:
        return self.valid_close and self.valid_open


@lru_cache(maxsize=65_536)
def _border(previous: str, previous_label: str, prefix: str, label: str, scheme: Scheme) -> _Border:
    """What happens between two words: conlleval's endOfChunk and startOfChunk, and whether the scheme allows it."""
    inside_before, inside_now = previous != OUTSIDE, prefix != OUTSIDE
    cut = previous in "ES" or prefix in "BS" or previous_label != label
    closes = inside_before and (cut or not inside_now)
    opens = inside_now and (cut or not inside_before)
    if scheme in (Scheme.BIOES, Scheme.BILOU):
        return _Border(closes, opens, not closes or previous in "ES", not opens or prefix in "BS")
    if scheme is Scheme.IOB2:
        starts_well = not opens or prefix == "B"
    else:
        # B only where it is needed: directly after a chunk of the same type.
        starts_well = not opens or prefix == "I" or (inside_before and previous_label == label)
    return _Border(closes, opens, True, starts_well and prefix in "OBI")


def allowed_borders(tags: Sequence[str], scheme: Scheme) -> list[list[bool]]:
    """Which tag may follow which.

    Args:
        tags: L tags.
        scheme: What is valid.

    Returns:
        L + 1 rows and columns: ``[i][j]`` says whether ``tags[j]`` may follow ``tags[i]``. The last row stands for the
        beginning of a sentence, the last column for its end.

    Raises:
        TagError: On a tag that is none.
    """
    parts = [*map(split_tag, tags), split_tag(OUTSIDE)]  # a border of a sentence is like one to an O
    return [[_border(*before, *now, scheme).valid for now in parts] for before in parts]


def write_tags(spans: Iterable[Span], n_words: int, scheme: Scheme = Scheme.IOB2) -> tuple[str, ...]:
    """Write spans as one tag per word.

    Raises:
        ValueError: If spans overlap or leave the sentence.
    """
    tags = [OUTSIDE] * n_words
    last = None
    for span in sorted(spans, key=lambda s: s.start):
        if not 0 <= span.start < span.end <= n_words or (last is not None and span.start < last.end):
            raise ValueError(f"span {span} overlaps another or leaves the sentence of {n_words} words")
        inside = ["I"] * (span.end - span.start)
        if scheme is Scheme.IOB1:
            inside[0] = "B" if last is not None and (last.end, last.label) == (span.start, span.label) else "I"
        elif scheme is Scheme.IOB2 or len(inside) > 1:
            inside[0] = "B"
        if scheme in (Scheme.BIOES, Scheme.BILOU):
            end, single = ("E", "S") if scheme is Scheme.BIOES else ("L", "U")
            inside[-1] = end if len(inside) > 1 else single
        tags[span.start : span.end] = [f"{prefix}-{span.label}" for prefix in inside]
        last = span
    return tuple(tags)


def retag(
    tags: Sequence[str], source: Scheme, target: Scheme, policy: RepairPolicy = "conlleval"
) -> tuple[tuple[str, ...], int]:
    """Convert one sentence from one scheme to another; also repairs within one scheme.

    Returns:
        The new tags, valid in ``target``, and the number of repaired places.
    """
    reading = read_spans(tags, source, policy)
    return write_tags(reading.spans, len(tags), target), reading.n_repairs


def detect_scheme(sequences: Iterable[Sequence[str]]) -> Scheme:
    """Tell the scheme from all tag sequences of a corpus.

    ``E-``/``S-`` mean BIOES and ``L-``/``U-`` mean BILOU. With ``B-`` and ``I-`` alone, the scheme with fewer invalid
    places wins, IOB2 where both fit.

    Raises:
        TagError: If a tag is none, or prefixes of both four-letter schemes occur.
    """
    borders: dict[tuple[str, str], int] = {}
    for tags in sequences:
        previous = OUTSIDE
        for tag in tags:
            borders[previous, tag] = borders.get((previous, tag), 0) + 1
            previous = tag
    prefixes = {tag.partition("-")[0] for _, tag in borders}
    is_bioes, is_bilou = bool(prefixes & {"E", "S"}), bool(prefixes & {"L", "U"})
    if is_bioes and is_bilou:
        raise TagError(
            "expected one tag scheme, found prefixes of BIOES (E-, S-) and of BILOU (L-, U-); convert one of them"
        )
    if is_bioes or is_bilou:
        for _, tag in borders:
            split_tag(tag)
        return Scheme.BIOES if is_bioes else Scheme.BILOU

    def n_invalid(scheme: Scheme) -> int:
        return sum(n for (a, b), n in borders.items() if not _border(*split_tag(a), *split_tag(b), scheme).valid)

    return Scheme.IOB1 if n_invalid(Scheme.IOB1) < n_invalid(Scheme.IOB2) else Scheme.IOB2
