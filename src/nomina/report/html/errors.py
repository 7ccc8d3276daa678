"""The browser of errors: its data in a compact form, its frame in the page, and links that set its filters.

Links may stand anywhere in the page: ``#errors?kind=type&gold=per&pred=org``. Every key may be repeated (any of its
values will do), and different keys hold together, for one and the same error:

- ``kind``: ``type``, ``boundary``, ``both``, ``missed`` or ``spurious``;
- ``gold``, ``pred``: entity types;
- ``slice.NAME``: values of a slice of the data, such as ``slice.length=11-20``;
- ``q``: text in the sentence, upper and lower case alike;
- ``sort``: ``confident`` (the surest mistake first), ``unsure``, ``long`` or ``short``; else as in the file;
- ``page``: from 1 on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from nomina.report.html.markup import fill
from nomina.report.html.page import Section
from nomina.scoring.chunks import Chunk
from nomina.scoring.pairs import KINDS, Kind, Pair

__all__ = ["ErrorSentence", "error_payload", "errors_link", "errors_section"]

_ID: Final = "errors"
_KIND_NAMES: Mapping[Kind, str] = {
    "correct": "correct",
    "type": "wrong type",
    "boundary": "wrong boundary",
    "both": "type and boundary",
    "missed": "missed",
    "spurious": "spurious",
}
_CONFIDENCE_STEPS = 10_000
# Longer lists are cut short in the page, so the values with the most errors come first in them.
_MAX_IN_ORDER = 12


@dataclass(frozen=True, slots=True)
class ErrorSentence:
    """A sentence with what was right and wrong in it.

    Attributes:
        words: Its words.
        pos: A part-of-speech tag per word, or ``None``.
        pairs: Its gold and predicted entities, set against each other, the correct ones too.
        confidence: Per pair the model's confidence in the predicted entity, in [0, 1]; ``None`` where there is none.
        document: Its document, or ``None``.
        place: Where it stands, ``"file:line"``; may be empty.
        slices: Values by the name of a slice of the data; a sentence may have several (``{"length": ("11-20",)}``).

    Raises:
        ValueError: If something has not one value per word or pair, or an entity leaves the sentence.
    """

    words: tuple[str, ...]
    pos: tuple[str, ...] | None
    pairs: tuple[Pair, ...]
    confidence: tuple[float | None, ...]
    document: str | None
    place: str
    slices: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        n_words = len(self.words)
        if self.pos is not None and len(self.pos) != n_words:
            raise ValueError(f"{len(self.pos)} part-of-speech tags for {n_words} words")
        if len(self.confidence) != len(self.pairs):
            raise ValueError(f"{len(self.confidence)} confidences for {len(self.pairs)} pairs")
        for chunk in (chunk for pair in self.pairs for chunk in pair if chunk is not None):
            if not 0 <= chunk.start < chunk.end <= n_words:
                raise ValueError(f"the entity {chunk} is not within the {n_words} words of its sentence")

    @property
    def n_errors(self) -> int:
        """Pairs that are not correct."""
        return sum(pair.kind != "correct" for pair in self.pairs)


def errors_section(sentences: Sequence[ErrorSentence], *, n_sentences: int, title: str = "Errors") -> Section:
    """The frame that the page's scripts fill, with ``error_payload(sentences)`` as the page's payload ``errors``.

    Args:
        sentences: The sentences of the payload.
        n_sentences: How many sentences were evaluated.
        title: Heading of the section.
    """
    n_wrong = sum(sentence.n_errors > 0 for sentence in sentences)
    n_errors = sum(sentence.n_errors for sentence in sentences)
    return Section(_ID, title, fill("errors", n_wrong=n_wrong, n_errors=n_errors, n_sentences=n_sentences))


def errors_link(
    *,
    kinds: Collection[Kind] = (),
    gold: Collection[str] = (),
    predicted: Collection[str] = (),
    slices: Mapping[str, Collection[str]] = {},
) -> str:
    """Address within the page that shows the errors of these kinds, types and slices; see the module for its form.

    Without any it shows all errors, where the mere ``#errors`` leaves the filters as they are.
    """
    pairs: list[tuple[str, str]] = [("kind", kind) for kind in kinds]
    pairs += [("gold", label) for label in gold]
    pairs += [("pred", label) for label in predicted]
    pairs += [(f"slice.{name}", value) for name, values in slices.items() for value in values]
    return f"#{_ID}?{urlencode(pairs)}"


def error_payload(sentences: Iterable[ErrorSentence]) -> dict[str, Any]:
    """The sentences with at least one error, for ``render_page(..., payload={"errors": ...})``.

    Words, tags, types and documents are numbers into lists, the frequent words the small ones, so that 20,000 sentences
    take a few megabytes. A sentence is ``[words, tags or 0, pairs, document or -1, place, values by slice]``. A pair is
    eight numbers: kind, gold type, first word, end, predicted type, first word, end, confidence times 10,000, with -1
    for what is absent. Sentences without an error are left out.
    """
    wrong = [sentence for sentence in sentences if sentence.n_errors]
    words = _Index(word for sentence in wrong for word in sentence.words)
    tags = _Index(tag for sentence in wrong for tag in sentence.pos or ())
    types = _Index(sorted({c.label for s in wrong for pair in s.pairs for c in pair if c is not None}))
    documents = _Index(sentence.document for sentence in wrong if sentence.document is not None)
    slices = _slices(wrong)

    def record(sentence: ErrorSentence) -> list[Any]:
        return [
            words.numbers(sentence.words),
            0 if sentence.pos is None else tags.numbers(sentence.pos),
            [
                n
                for pair, sure in zip(sentence.pairs, sentence.confidence, strict=True)
                for n in _pair(pair, sure, types)
            ],
            -1 if sentence.document is None else documents[sentence.document],
            sentence.place,
            [index.numbers(sentence.slices.get(name, ())) for name, index in slices.items()],
        ]

    return {
        "kinds": [[kind, _KIND_NAMES[kind]] for kind in KINDS],
        "words": words.values,
        "tags": tags.values,
        "types": types.values,
        "documents": documents.values,
        "slices": [[name, index.values] for name, index in slices.items()],
        "sentences": [record(sentence) for sentence in wrong],
    }


class _Index:
    """Numbers for values, the most frequent first; the order of the input decides between equals."""

    def __init__(self, values: Iterable[str]) -> None:
        self.values = [value for value, _ in Counter(values).most_common()]
        self._numbers = {value: number for number, value in enumerate(self.values)}

    def __getitem__(self, value: str) -> int:
        return self._numbers[value]

    def numbers(self, values: Iterable[str]) -> list[int]:
        return [self._numbers[value] for value in values]


def _pair(pair: Pair, confidence: float | None, types: _Index) -> tuple[int, ...]:
    sure = -1 if confidence is None else round(confidence * _CONFIDENCE_STEPS)
    return KINDS.index(pair.kind), *_chunk(pair.gold, types), *_chunk(pair.predicted, types), sure


def _chunk(chunk: Chunk | None, types: _Index) -> tuple[int, int, int]:
    return (-1, -1, -1) if chunk is None else (types[chunk.label], chunk.start, chunk.end)


def _slices(sentences: Sequence[ErrorSentence]) -> dict[str, _Index]:
    """The values of each slice: a few in their natural order (2 before 10), many by their number of errors."""
    found: dict[str, Counter[str]] = {}
    for sentence in sentences:
        for name, values in sentence.slices.items():
            counter = found.setdefault(name, Counter())
            for value in values:
                counter[value] += sentence.n_errors
    return {name: _Index(_in_order(counter)) for name, counter in found.items()}


def _in_order(counter: Counter[str]) -> list[str]:
    natural = sorted(counter, key=_natural)
    return natural if len(natural) <= _MAX_IN_ORDER else sorted(natural, key=lambda value: -counter[value])


def _natural(value: str) -> list[tuple[bool, int, str]]:
    return [
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", value) if part
    ]
