"""What seqeval reads in a tag sequence, in its default and in its strict mode.

seqeval decides what an entity is; this module only spares it repeated work. No chunk crosses an ``O``, and neither
reading looks past one, so each stretch of words between two ``O`` can be read by itself. A corpus holds few different
stretches, so each is read once and remembered: the same chunks as seqeval finds, without its cost per word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from nomina.data.tags import OUTSIDE, Scheme, read_spans, split_tag
from nomina.errors import TagError

__all__ = ["Chunk", "Chunks", "default_chunks", "read_chunks"]


class Chunk(NamedTuple):
    """An entity: its type, first word and the word after its last, 0-based."""

    label: str
    start: int
    end: int


class Chunks(NamedTuple):
    """One sentence's entities in both of seqeval's modes, and whether its tags are valid in the scheme."""

    default: set[Chunk]
    strict: set[Chunk]
    is_valid: bool


def read_chunks(tags: Sequence[str], scheme: Scheme) -> Chunks:
    """Read one sentence's tags as seqeval does.

    Args:
        tags: One tag per word.
        scheme: Scheme for the strict reading. In the default reading ``L-`` and ``U-`` of BILOU, which seqeval does
            not know there, count as ``E-`` and ``S-``.

    Raises:
        TagError: On a tag that is none, or whose prefix the scheme does not have.
    """
    default: set[Chunk] = set()
    strict: set[Chunk] = set()
    is_valid = True
    for offset, stretch in _stretches(tags):
        reading = _read_stretch(stretch, scheme)
        default.update(Chunk(label, start + offset, end + offset) for label, start, end in reading.default)
        strict.update(Chunk(label, start + offset, end + offset) for label, start, end in reading.strict)
        is_valid = is_valid and reading.is_valid
    return Chunks(default, strict, is_valid)


def default_chunks(tags: Sequence[str]) -> set[Chunk]:
    """One sentence's entities in seqeval's default mode alone, which takes a fraction of the time.

    Args:
        tags: One tag per word, of any scheme.

    Raises:
        TagError: On a tag that is none.
    """
    return {
        Chunk(label, start + offset, end + offset)
        for offset, stretch in _stretches(tags)
        for label, start, end in _read_default(stretch)
    }


def _stretches(tags: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Longest stretches without an ``O``, each with the index of its first word."""
    start: int | None = None
    for i, tag in enumerate(tags):
        if tag == OUTSIDE:
            if start is not None:
                yield start, tuple(tags[start:i])
                start = None
        elif start is None:
            start = i
    if start is not None:
        yield start, tuple(tags[start:])


@lru_cache(maxsize=65_536)
def _read_default(tags: tuple[str, ...]) -> set[Chunk]:
    from seqeval.metrics.sequence_labeling import get_entities

    canonical = ["-".join(split_tag(tag)) for tag in tags]
    return {Chunk(label, start, last + 1) for label, start, last in get_entities(canonical)}


@lru_cache(maxsize=65_536)
def _read_stretch(tags: tuple[str, ...], scheme: Scheme) -> Chunks:
    from seqeval.scheme import Entities

    is_valid = read_spans(tags, scheme).n_repairs == 0
    default = _read_default(tags)
    try:
        (entities,) = Entities([list(tags)], _seqeval_scheme(scheme)).entities
    except ValueError as fault:
        raise TagError(
            f"expected tags of the scheme {scheme.value}, found {' '.join(tags)!r}; "
            "name the scheme that the tags are in, or convert them (nomina.data.tags.retag)"
        ) from fault
    return Chunks(default, {Chunk(entity.tag, entity.start, entity.end) for entity in entities}, is_valid)


def _seqeval_scheme(scheme: Scheme) -> Any:
    from seqeval.scheme import BILOU, IOB1, IOB2, IOBES

    return {Scheme.IOB1: IOB1, Scheme.IOB2: IOB2, Scheme.BIOES: IOBES, Scheme.BILOU: BILOU}[scheme]
