"""Entities of one sentence, as seqeval's default mode reads them; whole corpora are read by :mod:`.spans`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nomina.data.tags import read_spans

__all__ = ["Chunk", "default_chunks"]


class Chunk(NamedTuple):
    """An entity: its type, first word and the word after its last, 0-based."""

    label: str
    start: int
    end: int


def default_chunks(tags: Sequence[str]) -> set[Chunk]:
    """One sentence's entities in seqeval's default mode.

    Args:
        tags: One tag per word, of any scheme.

    Raises:
        TagError: On a tag that is none.
    """
    return {Chunk(span.label, span.start, span.end) for span in read_spans(tags).spans}
