"""Look-ahead windows over a stream: as much at a time as is well sorted by length, and no more than that in memory."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from nomina.data.records import Sentence

__all__ = ["LOOK_AHEAD", "heap_trimmer", "look_ahead"]

LOOK_AHEAD = 32_768
"""Words of a look-ahead window: some twenty batches, so that each holds sentences of nearly one length."""

_LONGEST_DOCUMENT = 8
"""Look-ahead windows that one document may fill before it is cut."""

Record = TypeVar("Record")


def look_ahead(
    records: Iterable[Sentence | Record], *, n_words: int = LOOK_AHEAD, keeps_documents: bool = False
) -> Iterator[list[Sentence | Record]]:
    """Cut a stream into runs of records.

    Where the stream fails, what came before is handed over first, and the error raised when the next run is asked for.

    Args:
        records: Sentences, and whatever else shall keep its place among them.
        n_words: Words of a run, 1 or more; a run ends with the record that reaches it.
        keeps_documents: Whether a run ends only where a document does, unless that one fills eight runs by itself.

    Yields:
        Runs of one record or more, in order.
    """
    run: list[Sentence | Record] = []
    n, last = 0, None
    try:
        for record in records:
            if isinstance(record, Sentence):
                goes_on = keeps_documents and record.document is not None and _document(record) == last
                if n >= n_words and not (goes_on and n < _LONGEST_DOCUMENT * n_words):
                    yield run
                    run, n = [], 0
                last = _document(record)
            run.append(record)
            n += len(record) if isinstance(record, Sentence) else 1
    except Exception:
        if run:
            yield run
        raise
    if run:
        yield run


def heap_trimmer() -> Callable[[int], int] | None:
    """The C library's ``malloc_trim``, called with 0; ``None`` where it is not glibc.

    Batches of many lengths leave holes in the heap that no later batch fills.
    """
    try:
        trim: Callable[[int], int] = ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):
        return None
    return trim


def _document(sentence: Sentence) -> tuple[str | None, str | None]:
    return sentence.source, sentence.document
