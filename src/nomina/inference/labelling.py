"""Labels of encoded words: every batch through the network, then the best label of each word or path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from nomina.data.tags import Scheme, allowed_borders
from nomina.encoding.arrays import batch_arrays
from nomina.encoding.decode import best_paths, path_marginals, softmax
from nomina.encoding.lengths import sorted_batches
from nomina.encoding.windows import Windows
from nomina.inference.network import Network, WordScores

__all__ = ["Labelled", "label_words"]

Ints = npt.NDArray[np.int64]
Item = TypeVar("Item")
Result = TypeVar("Result")


class Labelled(NamedTuple):
    """Labels of an encoded corpus.

    Attributes:
        ids: Best label of each word, int64 [n_words].
        probabilities: Its probability, float32 [n_words]: softmax over the word's labels, or with a CRF the marginal
            over all paths through the sentence.
        tag_ids: The joint head's best tag of each word, int64 [n_words]; ``None`` without such a head.
    """

    ids: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    tag_ids: npt.NDArray[np.int64] | None


def label_words(
    network: Network,
    windows: Windows,
    *,
    labels: Sequence[str],
    scheme: Scheme,
    batch_pieces: int,
    progress: bool = False,
) -> Labelled:
    """Best label of every word.

    Args:
        network: The network.
        windows: What to label, encoded for it.
        labels: Label names by id.
        scheme: Their scheme.
        batch_pieces: Word pieces per batch, padding included; 1 or more.
        progress: Whether to draw a progress bar (on a terminal).
    """
    borders = _borders(network, labels, scheme)
    # Paths go through whole sentences, whichever windows their words are in: these wait until all scores are there.
    scores = np.zeros((windows.n_words if borders is not None else 0, len(labels)), dtype=np.float32)
    ids = np.zeros(windows.n_words, dtype=np.int64)
    probabilities = np.zeros(windows.n_words, dtype=np.float32)
    tag_ids = np.zeros(windows.n_words, dtype=np.int64) if network.has_tag_head else None
    batches = list(sorted_batches(windows.lengths, batch_pieces, n_threads=network.n_threads))
    n_threads = min(network.n_threads, max(len(batches), 1))
    bar = tqdm(total=windows.n_words, unit=" words", desc="predict", disable=None if progress else True, leave=False)
    with bar, network.at_work(n_threads), _side_by_side(n_threads) as run:
        scored = run(lambda indices: network.score(batch_arrays(windows, indices)), batches)
        for words, logits, tags in map(_of_words, [windows] * len(batches), batches, scored):
            if borders is not None:
                scores[words] = logits
            else:
                shares = softmax(logits)
                ids[words] = shares.argmax(-1)
                probabilities[words] = shares.max(-1)
            if tag_ids is not None and tags is not None:
                tag_ids[words] = tags
            bar.update(len(words))
    if borders is not None:
        ids = best_paths(scores, borders, windows.sentence_offsets)
        has_chain = network.borders is not None
        shares = path_marginals(scores, borders, windows.sentence_offsets) if has_chain else softmax(scores)
        probabilities = np.take_along_axis(shares, ids[:, None], axis=1)[:, 0]
    return Labelled(ids, probabilities, tag_ids)


@contextmanager
def _side_by_side(n_threads: int) -> Iterator[Callable[[Callable[[Item], Result], Sequence[Item]], Iterator[Result]]]:
    """A ``map`` that works on several items at once and gives results in their order."""
    if n_threads == 1:
        yield map
        return
    with ThreadPoolExecutor(n_threads) as threads:
        try:
            yield threads.map
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def _of_words(windows: Windows, indices: Ints, scored: WordScores) -> tuple[Ints, npt.NDArray[np.float32], Ints | None]:
    """The words that are predicted from a batch, int64 [n], with their scores [n, L] and tags [n]."""
    spans = windows.spans[indices]
    kept = spans[:, 2:] - spans[:, :1]
    position = np.arange(scored.logits.shape[1])
    mask = (position >= kept[:, :1]) & (position < kept[:, 1:])
    words: Ints = (spans[:, :1] + position)[mask]
    return words, scored.logits[mask], None if scored.tags is None else scored.tags[mask]


def _borders(network: Network, labels: Sequence[str], scheme: Scheme) -> npt.NDArray[np.float32] | None:
    """Scores of labels that follow one another, [L + 1, L + 1]; ``None`` where words are labelled on their own."""
    learned = network.borders
    if not network.settings.constrained:
        return learned
    allowed = np.array(allowed_borders(labels, scheme))
    base = np.zeros(allowed.shape, dtype=np.float32) if learned is None else learned
    borders: npt.NDArray[np.float32] = np.where(allowed, base, np.float32(-np.inf))
    return borders
