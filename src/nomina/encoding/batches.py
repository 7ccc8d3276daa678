"""Group windows of similar length, and turn a group into tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Sampler

from nomina.encoding.lengths import even_sizes
from nomina.encoding.windows import IGNORE, Windows

__all__ = ["Batch", "LengthBatches", "collate"]

Ints = npt.NDArray[np.int64]


class Batch(TypedDict):
    """Tensors of one batch; B windows, P pieces, W words, F token features.

    Keys:
        input_ids: int64 [B, P], padded on the right.
        attention_mask: int64 [B, P]; 1 on pieces, 0 on padding.
        first_pieces: int64 [B, W]; position of each word's first piece, 0 on padding.
        feature_ids: int64 [B, W, F]; 0 is unknown and padding.
        labels: int64 [B, W]; -100 on padding and on words that another window predicts.
        sentence_borders: int64 [B, W]; 1 on the first word of a sentence, plus 2 on its last; 0 on padding.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    first_pieces: torch.Tensor
    feature_ids: torch.Tensor
    labels: torch.Tensor
    sentence_borders: torch.Tensor


class LengthBatches(Sampler[list[int]]):
    """Batches of windows of similar length and about equal size, in an order that depends on seed and epoch alone.

    Windows are shuffled, cut into pools of ``pool`` batches, sorted by length within a pool and cut into batches that
    are all about as large in word pieces: many short windows or a few long ones. So there is little padding, each word
    weighs the same in the mean loss of its batch, and no batch of long windows takes more memory than the others. Then
    the batches are shuffled. Large pools leave less padding, small ones more randomness.

    Args:
        lengths: Pieces of each window, int [n_windows].
        batch_size: Windows per batch on average.
        seed: Seed of the order, 0 or more.
        pool: Batches that are sorted together.
        share: Which share of the batches this process takes, from 0.
        n_shares: Processes that share the batches out among them. All get equally many: where that does not come out
            even, the epoch's first batches come twice.
    """

    def __init__(
        self, lengths: Ints, batch_size: int, *, seed: int, pool: int = 100, share: int = 0, n_shares: int = 1
    ) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.pool = pool
        self.share = share
        self.n_shares = n_shares
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next iteration."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self._n_batches // self.n_shares)

    @property
    def _n_batches(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        order = rng.permutation(len(self.lengths))
        step = self.pool * self.batch_size
        batches: list[Ints] = []
        for start in range(0, len(order), step):
            pool = order[start : start + step]
            pool = pool[np.argsort(-self.lengths[pool], kind="stable")]
            sizes = even_sizes(self.lengths[pool], -(-len(pool) // self.batch_size))
            batches += np.split(pool, np.cumsum(sizes)[:-1])
        shuffled = np.resize(rng.permutation(len(batches)), len(self) * self.n_shares)
        for i in shuffled[self.share :: self.n_shares]:
            yield batches[i].tolist()


def collate(windows: Windows, indices: Sequence[int] | Ints) -> Batch:
    """Build the tensors of one batch.

    Args:
        windows: The encoded corpus.
        indices: Which windows, b of them.
    """
    spans = windows.spans[np.asarray(indices, dtype=np.int64)]
    n_pieces = windows.lengths[np.asarray(indices, dtype=np.int64)]
    n_words = spans[:, 1] - spans[:, 0]
    b, p, w = len(spans), int(n_pieces.max()), int(n_words.max())
    n_prefix, n_suffix = len(windows.prefix), len(windows.suffix)

    input_ids = np.full((b, p), windows.pad_id, dtype=np.int64)
    attention_mask = (np.arange(p) < n_pieces[:, None]).astype(np.int64)
    first_pieces = np.zeros((b, w), dtype=np.int64)
    feature_ids = np.zeros((b, w, windows.features.shape[1]), dtype=np.int64)
    labels = np.full((b, w), IGNORE, dtype=np.int64)
    sentence_borders = np.zeros((b, w), dtype=np.int64)
    for row, (start, end, keep_start, keep_end) in enumerate(spans.tolist()):
        piece_start, piece_end = windows.piece_offsets[start], windows.piece_offsets[end]
        length = int(n_pieces[row])
        input_ids[row, :n_prefix] = windows.prefix
        input_ids[row, n_prefix : length - n_suffix] = windows.pieces[piece_start:piece_end]
        input_ids[row, length - n_suffix : length] = windows.suffix
        first_pieces[row, : end - start] = windows.piece_offsets[start:end] - piece_start + n_prefix
        feature_ids[row, : end - start] = windows.features[start:end]
        labels[row, keep_start - start : keep_end - start] = windows.labels[keep_start:keep_end]
        sentence_borders[row, : end - start] = windows.sentence_borders[start:end]
    return Batch(
        input_ids=torch.from_numpy(input_ids),
        attention_mask=torch.from_numpy(attention_mask),
        first_pieces=torch.from_numpy(first_pieces),
        feature_ids=torch.from_numpy(feature_ids),
        labels=torch.from_numpy(labels),
        sentence_borders=torch.from_numpy(sentence_borders),
    )
