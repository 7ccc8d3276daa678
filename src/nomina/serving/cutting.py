"""What a request asks for, as sentences and as units of work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import NamedTuple

from nomina.data.raw import stream_sentences
from nomina.data.records import MISSING, Sentence
from nomina.data.tagsets import POS, differ
from nomina.inference import Predictor, TagUse, with_tags
from nomina.serving.batching import Unit
from nomina.serving.errors import RequestError
from nomina.serving.schema import BatchRequest, TextItem, TextRequest, WordsItem, WordsRequest

__all__ = ["CutItem", "Work", "cut_request"]

_CHARS_A_PIECE = 5  # of English words by the vocabularies of BERT; a batch need not be exact
_DOCUMENTS = count()

Offsets = Sequence[tuple[int, int]]


class CutItem(NamedTuple):
    """One item as sentences.

    Attributes:
        text: Where it was text.
        sentences: Its sentences.
        offsets: Start and end of each word in the text, in code points, for each sentence; ``None`` for words.
    """

    text: str | None
    sentences: Sequence[Sentence]
    offsets: Sequence[Offsets] | None


class Work(NamedTuple):
    """One request, ready for the queue.

    Attributes:
        items: Its items.
        units: All sentences of all items, in order.
        tags: Which tags the predictor shall read.
    """

    items: Sequence[CutItem]
    units: Sequence[Unit]
    tags: TagUse

    @property
    def n_words(self) -> int:
        """What counts against the limits."""
        return sum(unit.n_words for unit in self.units)


def cut_request(
    request: TextRequest | WordsRequest | BatchRequest,
    predictor: Predictor,
    *,
    tags: TagUse,
    language: str,
    max_words: int,
) -> Work:
    """Cut the texts of a request into sentences and words, and check its words and tags.

    Args:
        request: What was asked.
        predictor: Who is to label it.
        tags: Which part-of-speech tags to read.
        language: Of texts.
        max_words: The most words.

    Raises:
        RequestError: 413 for too many words, 422 for tags that do not fit the words or the model.
    """
    inputs = request.inputs if isinstance(request, BatchRequest) else [request]
    # Blanks part words in most scripts: what has too many of these is not worth cutting.
    _check_size(sum(_least_words(item) for item in inputs), max_words)
    items: list[CutItem] = []
    n_words = 0
    for i, item in enumerate(inputs):
        if isinstance(item, TextItem):
            items.append(_cut_text(item.text, language, n_words, max_words))
        else:
            items.append(_sentence(item, i, predictor))
        n_words += sum(map(len, items[-1].sentences))
    if tags != "auto":
        items = [item._replace(sentences=[with_tags(s, None) for s in item.sentences]) for item in items]
    # Without a source of its own, a model reads sentences without tags as it is asked to: they share batches.
    has_source = predictor.pos_source not in ("none", "joint")
    whole = predictor.settings.context == "document"
    units = [unit for item in items for unit in _units(item, whole)]
    work = Work(items, units, "none" if tags == "none" and has_source else "auto")
    _check_size(work.n_words, max_words)
    return work


def _least_words(item: TextItem | WordsItem) -> int:
    return len(item.words) if isinstance(item, WordsItem) else len(item.text.split())


def _check_size(n_words: int, max_words: int) -> None:
    if n_words > max_words:
        raise RequestError(
            413, "too_many_words", f"expected at most {max_words:,} words, found {n_words:,} or more; send less at once"
        )


def _sentence(item: WordsItem, index: int, predictor: Predictor) -> CutItem:
    features = {}
    if item.pos is not None:
        _check_tags(item.words, item.pos, index, predictor)
        features = {POS: tuple(item.pos)}
    return CutItem(None, [Sentence(tuple(item.words), features)], None)


def _cut_text(text: str, language: str, n_before: int, max_words: int) -> CutItem:
    found, n_words = [], 0
    for sentence in stream_sentences((text,), language=language):
        n_words += len(sentence)
        _check_size(n_words + n_before, max_words)  # cutting takes time, too
        found.append(sentence)
    offsets = [[sentence.in_whole(pair) for pair in sentence.offsets() or ()] for sentence in found]
    return CutItem(text, found, offsets)


def _check_tags(words: Sequence[str], pos: Sequence[str], index: int, predictor: Predictor) -> None:
    """Each item is checked by itself: what else is asked, and by whom, changes nothing."""
    if len(pos) != len(words):
        raise RequestError(
            422, "wrong_tags", f"item {index}: expected {len(words):,} tags in pos, one per word, found {len(pos):,}"
        )
    if POS in predictor.features:
        known, found = predictor.features[POS].values[1:], set(pos) - {MISSING}
        if differ(known, found):
            raise RequestError(
                422,
                "wrong_tags",
                f"item {index}: expected part-of-speech tags of the model's tag set, such as {', '.join(known[:5])}, "
                'found those of another; leave pos out, or ask with "tags": "source" or "none"',
            )


def _units(item: CutItem, whole: bool) -> Iterator[Unit]:
    if whole and item.text is not None and item.sentences:
        document = str(next(_DOCUMENTS))
        yield _unit([replace(sentence, document=document) for sentence in item.sentences])
    else:
        yield from (_unit([sentence]) for sentence in item.sentences)


def _unit(together: Sequence[Sentence]) -> Unit:
    n_words = sum(map(len, together))
    n_pieces = sum(1 + len(word) // _CHARS_A_PIECE for sentence in together for word in sentence.words)
    return Unit(tuple(together), max(n_words, 1), n_pieces + 2)
