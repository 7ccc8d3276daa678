"""Group windows of similar length, and turn a group into tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Sampler

from nomina.encoding.arrays import batch_arrays
from nomina.encoding.lengths import even_sizes
from nomina.encoding.windows import Windows

__all__ = ["Batch", "LengthBatches", "collate"]

Ints = npt.NDArray[np.int64]


class Batch(TypedDict):
    """Tensors of one batch, by the names and shapes of :class:`~nomina.encoding.arrays.BatchArrays`."""

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
    arrays = batch_arrays(windows, indices)
    return Batch(
        input_ids=torch.from_numpy(arrays["input_ids"]),
        attention_mask=torch.from_numpy(arrays["attention_mask"]),
        first_pieces=torch.from_numpy(arrays["first_pieces"]),
        feature_ids=torch.from_numpy(arrays["feature_ids"]),
        labels=torch.from_numpy(arrays["labels"]),
        sentence_borders=torch.from_numpy(arrays["sentence_borders"]),
    )
