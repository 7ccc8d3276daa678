"""The arrays of one batch, padded; :mod:`nomina.encoding.batches` makes tensors of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from nomina.encoding.windows import IGNORE, Windows

__all__ = ["BatchArrays", "batch_arrays"]

Ints = npt.NDArray[np.int64]


class BatchArrays(TypedDict):
    """Arrays of one batch; B windows, P pieces, W words, F token features.

    Keys:
        input_ids: int64 [B, P], padded on the right.
        attention_mask: int64 [B, P]; 1 on pieces, 0 on padding.
        first_pieces: int64 [B, W]; position of each word's first piece, 0 on padding.
        feature_ids: int64 [B, W, F]; 0 is unknown and padding.
        labels: int64 [B, W]; -100 on padding and on words that another window predicts.
        sentence_borders: int64 [B, W]; 1 on the first word of a sentence, plus 2 on its last; 0 on padding.
    """

    input_ids: Ints
    attention_mask: Ints
    first_pieces: Ints
    feature_ids: Ints
    labels: Ints
    sentence_borders: Ints


def batch_arrays(windows: Windows, indices: Sequence[int] | Ints) -> BatchArrays:
    """Build the arrays of one batch.

    Args:
        windows: The encoded corpus.
        indices: Which windows, b of them.
    """
    rows = np.asarray(indices, dtype=np.int64)
    start, end, keep_start, keep_end = (column[:, None] for column in windows.spans[rows].T)
    n_prefix, n_suffix = len(windows.prefix), len(windows.suffix)
    first_piece, lengths = windows.piece_offsets[start], windows.lengths[rows][:, None]

    # Position i of a row shows piece i of its window, the special pieces before it included; likewise for words.
    piece = np.arange(int(lengths.max()))
    is_shown = (piece >= n_prefix) & (piece < lengths - n_suffix)
    input_ids = np.full(is_shown.shape, windows.pad_id, dtype=np.int64)
    input_ids[:, :n_prefix] = windows.prefix
    input_ids[is_shown] = windows.pieces[(first_piece - n_prefix + piece)[is_shown]]
    input_ids[np.arange(len(rows))[:, None], lengths - n_suffix + np.arange(n_suffix)] = windows.suffix

    word = start + np.arange(int((end - start).max()))
    is_word = word < end
    is_kept = (word >= keep_start) & (word < keep_end)
    first_pieces = np.zeros(is_word.shape, dtype=np.int64)
    first_pieces[is_word] = (windows.piece_offsets[np.where(is_word, word, 0)] - first_piece + n_prefix)[is_word]
    feature_ids = np.zeros((*is_word.shape, windows.features.shape[1]), dtype=np.int64)
    feature_ids[is_word] = windows.features[word[is_word]]
    labels = np.full(is_word.shape, IGNORE, dtype=np.int64)
    labels[is_kept] = windows.labels[word[is_kept]]
    sentence_borders = np.zeros(is_word.shape, dtype=np.int64)
    sentence_borders[is_word] = windows.sentence_borders[word[is_word]]
    return BatchArrays(
        input_ids=input_ids,
        attention_mask=(piece < lengths).astype(np.int64),
        first_pieces=first_pieces,
        feature_ids=feature_ids,
        labels=labels,
        sentence_borders=sentence_borders,
    )
