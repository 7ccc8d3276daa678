"""Cut a list of lengths into runs that are about equally large, padding included."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["even_sizes", "sorted_batches"]

Ints = npt.NDArray[np.int64]

_FEW = 4  # rounds of batches: one more or less does not count beyond that


def even_sizes(lengths: Ints, n_batches: int) -> list[int]:
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


def sorted_batches(lengths: Ints, max_pieces: int, *, n_threads: int = 1) -> Iterator[Ints]:
    """Batches for prediction: longest first, at most ``max_pieces`` pieces each with padding, at least one window.

    Args:
        lengths: Pieces of each window, int [n_windows].
        max_pieces: Budget of one batch, padding included.
        n_threads: How many batches are worked on at a time: few windows are cut so that all threads end together.

    Yields:
        Indices of the windows of a batch, int64 [b].
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    if not len(order):
        return
    descending = np.asarray(lengths)[order]
    sizes = _greedy_sizes(descending, max_pieces)
    if n_threads > 1 and len(sizes) <= _FEW * n_threads:
        sizes = even_sizes(descending, min(math.ceil(len(sizes) / n_threads) * n_threads, len(order)))
    yield from np.split(order, np.cumsum(sizes)[:-1])
