"""``Windows``: a corpus as flat arrays, and the slices of it that an encoder reads at a time.

Every word has one label position, its first word piece, and is predicted exactly once. A window shows one sentence, or
with document context all the sentences of a document, one after another without special pieces between them. What is
longer than the encoder's limit becomes overlapping windows; each of its words belongs to the window that shows most
context around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from nomina.data.records import Sentence
from nomina.data.shapes import SHAPE, word_shape
from nomina.encoding.vocabulary import Vocabulary
from nomina.encoding.word_pieces import WordPieces

__all__ = ["IGNORE", "Windows", "encode", "window_borders"]

IGNORE = -100
"""Label id of words without a known label; torch's cross-entropy skips it."""

Ints = npt.NDArray[np.int64]
Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Windows:
    """An encoded corpus, columnar: no Python object per word or piece.

    Word indices run over the whole corpus; ``n_words`` words hold ``n_pieces`` word pieces (special pieces are not
    stored, batches add them).

    Attributes:
        pieces: Word-piece ids, int32 [n_pieces].
        piece_offsets: Where each word's pieces start, int64 [n_words + 1].
        sentence_offsets: Where each sentence's words start, int64 [n_sentences + 1].
        spans: One row per window, int64 [n_windows, 4]: the words it shows (start, end) and, within them, the words
            that are predicted from it (start, end). The latter split the corpus: each word is in exactly one.
        features: Token-feature ids, int32 [n_words, n_features]; 0 is unknown.
        labels: Label ids, int32 [n_words], :data:`IGNORE` where unknown.
        prefix: Special pieces before each window.
        suffix: Special pieces after it.
        pad_id: Piece that fills up batches.
        n_cut_words: Words longer than a window, of which only the beginning is shown.
    """

    pieces: Ids
    piece_offsets: Ints
    sentence_offsets: Ints
    spans: Ints
    features: Ids
    labels: Ids
    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    pad_id: int
    n_cut_words: int = 0

    def __len__(self) -> int:
        return len(self.spans)

    @property
    def used_pieces(self) -> Ids:
        """Every piece that a batch can show, once, in ascending order, int32 [n]."""
        return np.unique(np.concatenate([self.pieces, np.array([*self.prefix, *self.suffix, self.pad_id], np.int32)]))

    @property
    def n_words(self) -> int:
        """Number of words."""
        return len(self.piece_offsets) - 1

    @property
    def n_sentences(self) -> int:
        """Number of sentences."""
        return len(self.sentence_offsets) - 1

    @cached_property
    def sentence_borders(self) -> npt.NDArray[np.int8]:
        """1 on the first word of each sentence, plus 2 on its last, int8 [n_words]."""
        borders = np.zeros(self.n_words, dtype=np.int8)
        filled = np.diff(self.sentence_offsets) > 0
        borders[self.sentence_offsets[:-1][filled]] += 1
        borders[self.sentence_offsets[1:][filled] - 1] += 2
        return borders

    @cached_property
    def lengths(self) -> Ints:
        """Pieces of each window with its special pieces, int64 [n_windows]."""
        shown = self.piece_offsets[self.spans[:, 1]] - self.piece_offsets[self.spans[:, 0]]
        return shown + len(self.prefix) + len(self.suffix)


def encode(
    sentences: Sequence[Sentence],
    word_pieces: WordPieces,
    *,
    max_pieces: int,
    features: Mapping[str, Vocabulary] | None = None,
    labels: Vocabulary | None = None,
    document_context: bool = False,
) -> Windows:
    """Encode sentences.

    Args:
        sentences: What to encode; sentences without words are allowed and get no window.
        word_pieces: Cuts words into pieces.
        max_pieces: The most pieces of a window, special pieces included.
        features: Vocabulary of each token feature, in the model's order. A sentence that lacks a feature gets the
            unknown value throughout. The feature ``shape`` is computed from the words.
        labels: Label vocabulary; without it, or for sentences without labels, every label is :data:`IGNORE`.
        document_context: Whether neighbouring sentences of one document share a window; a sentence without a document
            is one by itself.

    Raises:
        ValueError: If ``max_pieces`` leaves no room for a word between the special pieces.
    """
    room = max_pieces - len(word_pieces.prefix) - len(word_pieces.suffix)
    if room < 1:
        raise ValueError(f"max_pieces must be at least {max_pieces - room + 1}, got {max_pieces}")
    pieces, piece_offsets = word_pieces([word for sentence in sentences for word in sentence.words])
    pieces, piece_offsets, n_cut = _cut_long_words(pieces, piece_offsets, room)
    sizes = np.fromiter(map(len, sentences), dtype=np.int64, count=len(sentences))
    sentence_offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    unit_offsets = _document_offsets(sentences, sentence_offsets) if document_context else sentence_offsets
    return Windows(
        pieces=pieces,
        piece_offsets=piece_offsets,
        sentence_offsets=sentence_offsets,
        spans=_window_spans(piece_offsets, unit_offsets, room),
        features=_feature_ids(sentences, features or {}),
        labels=_label_ids(sentences, labels),
        prefix=word_pieces.prefix,
        suffix=word_pieces.suffix,
        pad_id=word_pieces.pad_id,
        n_cut_words=n_cut,
    )


def window_borders(windows: Windows) -> list[tuple[int, ...]]:
    """Where within each sentence one window's words end and the next one's begin.

    Words near such a border are shown with less context than the sentence, or the document, has.

    Args:
        windows: An encoded corpus.

    Returns:
        For each sentence, ascending indices of the first word behind a border. 0 and the number of words occur where
        windows show documents: a border between two sentences is one of both. Empty where the whole sentence, and with
        documents what is around it, is shown at once.
    """
    borders: list[tuple[int, ...]] = [()] * windows.n_sentences
    before, after, offsets = windows.spans[:-1], windows.spans[1:], windows.sentence_offsets
    words = after[:, 2]
    rows, last_rows = (np.searchsorted(offsets, w, side="right") - 1 for w in (words, words - 1))
    is_inside = rows == last_rows
    # Between sentences, a border is one only if they are of one document, whose windows overlap.
    is_border = is_inside | (before[:, 1] > before[:, 3]) | (after[:, 0] < words)
    for word, row, last_row in np.stack([words, rows, last_rows], axis=1)[is_border].tolist():
        if row != last_row:
            borders[last_row] += (word - int(offsets[last_row]),)
        borders[row] += (word - int(offsets[row]),)
    return borders


def _cut_long_words(pieces: Ids, offsets: Ints, room: int) -> tuple[Ids, Ints, int]:
    sizes = np.diff(offsets)
    too_long = sizes > room
    if not too_long.any():
        return pieces, offsets, 0
    position = np.arange(len(pieces)) - np.repeat(offsets[:-1], sizes)
    kept = np.concatenate([[0], np.cumsum(np.minimum(sizes, room))])
    return pieces[position < room], kept, int(too_long.sum())


def _document_offsets(sentences: Sequence[Sentence], sentence_offsets: Ints) -> Ints:
    """Where each document's words start: a run of sentences with the same document of the same file."""
    starts = [
        before.document is None or (before.document, before.source) != (now.document, now.source)
        for before, now in pairwise(sentences)
    ]
    offsets: Ints = sentence_offsets[np.array([*[True, *starts][: len(sentences)], True])]
    return offsets


def _window_spans(piece_offsets: Ints, unit_offsets: Ints, room: int) -> Ints:
    """Windows over units, sentences or documents, that start at the given words."""
    starts, ends = unit_offsets[:-1], unit_offsets[1:]
    fits = piece_offsets[ends] - piece_offsets[starts] <= room
    whole = np.stack([starts, ends, starts, ends], axis=1)[fits & (ends > starts)]
    long = [_split(piece_offsets, int(starts[i]), int(ends[i]), room) for i in np.flatnonzero(~fits)]
    if not long:
        return whole
    spans = np.concatenate([whole, *long])
    return spans[np.argsort(spans[:, 2], kind="stable")]


def _split(piece_offsets: Ints, first: int, last: int, room: int) -> Ints:
    """Cover the words ``first`` to ``last`` (exclusive) with windows of at most ``room`` pieces.

    Neighbours overlap by as many whole words as fit in a quarter of ``room``, fewer where the next word is so long that
    the window would not reach past its neighbour's end.
    """
    shown: list[tuple[int, int]] = []
    start = first
    while True:
        end = int(np.searchsorted(piece_offsets, piece_offsets[start] + room, side="right")) - 1
        end = min(end, last)
        shown.append((start, end))
        if end == last:
            break
        earliest = max(piece_offsets[end] - room // 4, piece_offsets[end + 1] - room)
        start = int(np.searchsorted(piece_offsets, earliest, side="left"))
    # A word in the overlap goes to the window that shows more on the word's shorter side: that of its half of the
    # overlap, by the word's middle.
    borders = [first]
    for (_, end), (start, _) in pairwise(shown):
        twice_middle = piece_offsets[start:end] + piece_offsets[start + 1 : end + 1]
        twice_border = piece_offsets[start] + piece_offsets[end]
        borders.append(start + int(np.searchsorted(twice_middle, twice_border, side="right")))
    borders.append(last)
    rows = [(s, e, a, b) for (s, e), (a, b) in zip(shown, pairwise(borders), strict=True) if a < b]
    return np.array(rows, dtype=np.int64)


def _feature_ids(sentences: Sequence[Sentence], features: Mapping[str, Vocabulary]) -> Ids:
    n_words = sum(map(len, sentences))
    ids = np.zeros((n_words, len(features)), dtype=np.int32)
    for column, (name, vocabulary) in enumerate(features.items()):
        if name == SHAPE:
            columns: list[Sequence[str | None]] = [[word_shape(word) for word in s.words] for s in sentences]
        else:
            columns = [s.features.get(name) or [None] * len(s) for s in sentences]
        ids[:, column] = _ids_or(vocabulary, columns, vocabulary.unknown or 0)
    return ids


def _label_ids(sentences: Sequence[Sentence], labels: Vocabulary | None) -> Ids:
    n_words = sum(map(len, sentences))
    if labels is None:
        return np.full(n_words, IGNORE, dtype=np.int32)
    return _ids_or(labels, [[None] * len(s) if s.labels is None else s.labels for s in sentences], IGNORE)


def _ids_or(vocabulary: Vocabulary, columns: Sequence[Sequence[str | None]], default: int) -> Ids:
    return vocabulary.ids((value for column in columns for value in column), default=default)  # type: ignore[misc]
