"""Group windows of similar length, and turn a group into tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Sampler

from nomina.encoding.windows import IGNORE, Windows

__all__ = ["Batch", "LengthBatches", "collate", "sorted_batches"]

Ints = npt.NDArray[np.int64]


class Batch(TypedDict):
    """Tensors of one batch; B windows, P pieces, W words, F token features.

    Keys:
        input_ids: int64 [B, P], padded on the right.
        attention_mask: int64 [B, P]; 1 on pieces, 0 on padding.
        first_pieces: int64 [B, W]; position of each word's first piece, 0 on padding.
        feature_ids: int64 [B, W, F]; 0 is unknown and padding.
        labels: int64 [B, W]; -100 on padding and on words that another window predicts.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    first_pieces: torch.Tensor
    feature_ids: torch.Tensor
    labels: torch.Tensor


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
            sizes = _even_sizes(self.lengths[pool], -(-len(pool) // self.batch_size))
            batches += np.split(pool, np.cumsum(sizes)[:-1])
        shuffled = np.resize(rng.permutation(len(batches)), len(self) * self.n_shares)
        for i in shuffled[self.share :: self.n_shares]:
            yield batches[i].tolist()


def _even_sizes(lengths: Ints, n_batches: int) -> list[int]:
    """Cut windows, longest first, into exactly ``n_batches`` runs so that the largest is as small as can be.

    Args:
        lengths: In descending order, int [n] with n of at least ``n_batches``.
        n_batches: 1 or more.

    Returns:
        Windows of each run.
    """
    low, high = int(lengths[0]), int(lengths[0]) * len(lengths)
    while low < high:  # the least budget that makes do with n_batches
        middle = (low + high) // 2
        low, high = (low, middle) if len(_greedy_sizes(lengths, middle)) <= n_batches else (middle + 1, high)
    sizes = _greedy_sizes(lengths, low)
    while len(sizes) < n_batches:
        largest = int(np.argmax(sizes))
        size = sizes[largest]
        sizes[largest : largest + 1] = [size // 2, size - size // 2]
    return sizes


def _greedy_sizes(lengths: Ints, budget: int) -> list[int]:
    """Sizes of runs that fill a budget of pieces, padding included; at least one window each."""
    sizes: list[int] = []
    start = 0
    while start < len(lengths):
        sizes.append(min(max(1, budget // int(lengths[start])), len(lengths) - start))
        start += sizes[-1]
    return sizes


def sorted_batches(lengths: Ints, max_pieces: int) -> Iterator[Ints]:
    """Batches for prediction: longest first, at most ``max_pieces`` pieces each with padding, at least one window.

    Args:
        lengths: Pieces of each window, int [n_windows].
        max_pieces: Budget of one batch, padding included.

    Yields:
        Indices of the windows of a batch, int64 [b].
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    if len(order):
        yield from np.split(order, np.cumsum(_greedy_sizes(np.asarray(lengths)[order], max_pieces))[:-1])


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
    for row, (start, end, keep_start, keep_end) in enumerate(spans.tolist()):
        piece_start, piece_end = windows.piece_offsets[start], windows.piece_offsets[end]
        length = int(n_pieces[row])
        input_ids[row, :n_prefix] = windows.prefix
        input_ids[row, n_prefix : length - n_suffix] = windows.pieces[piece_start:piece_end]
        input_ids[row, length - n_suffix : length] = windows.suffix
        first_pieces[row, : end - start] = windows.piece_offsets[start:end] - piece_start + n_prefix
        feature_ids[row, : end - start] = windows.features[start:end]
        labels[row, keep_start - start : keep_end - start] = windows.labels[keep_start:keep_end]
    return Batch(
        input_ids=torch.from_numpy(input_ids),
        attention_mask=torch.from_numpy(attention_mask),
        first_pieces=torch.from_numpy(first_pieces),
        feature_ids=torch.from_numpy(feature_ids),
        labels=torch.from_numpy(labels),
    )
