from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, combinations, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nomina.data.formats import read
from nomina.encoding.batches import LengthBatches, collate
from nomina.encoding.lengths import even_sizes, sorted_batches
from nomina.encoding.vocabulary import Vocabulary
from nomina.encoding.windows import IGNORE, Windows, encode
from nomina.encoding.word_pieces import WordPieces

Ints = npt.NDArray[np.int64]
LENGTHS = st.lists(st.integers(3, 512), max_size=200).map(np.array)


def padded_sizes(lengths: Ints, batches: Iterable[Sequence[int] | Ints]) -> Ints:
    """Pieces of each batch with its padding."""
    return np.array([len(batch) * int(lengths[batch].max()) for batch in map(np.asarray, batches)])


def padding(lengths: Ints, batches: Iterable[Sequence[int] | Ints]) -> float:
    """Pieces computed for each that there is, less one."""
    return float(padded_sizes(lengths, batches).sum() / lengths.sum()) - 1


def news(n: int, *, seed: int = 0) -> Ints:
    """Lengths as sentences of news have them."""
    lengths = np.random.default_rng(seed).lognormal(np.log(22) - 0.45**2 / 2, 0.45, n) * 1.2 + 2
    return np.clip(lengths, 3, 512).astype(np.int64)


@given(lengths=LENGTHS, size=st.integers(1, 40), pool=st.integers(1, 5), seed=st.integers(0, 99))
def test_every_window_once_an_epoch(lengths: Ints, size: int, pool: int, seed: int) -> None:
    batches = LengthBatches(lengths, size, seed=seed, pool=pool)
    for epoch in range(2):
        batches.set_epoch(epoch)
        drawn = list(batches)
        assert sorted(chain(*drawn)) == list(range(len(lengths)))
        assert len(batches) == len(drawn) == -(-len(lengths) // size)
        assert all(drawn)
        assert all(type(i) is int for batch in drawn for i in batch)


@given(lengths=LENGTHS, size=st.integers(1, 40), n_shares=st.integers(1, 5), epoch=st.integers(0, 3))
def test_processes_share_an_epoch(lengths: Ints, size: int, n_shares: int, epoch: int) -> None:
    whole = LengthBatches(lengths, size, seed=0)
    shares = [LengthBatches(lengths, size, seed=0, share=share, n_shares=n_shares) for share in range(n_shares)]
    for batches in (whole, *shares):
        batches.set_epoch(epoch)
    expected, drawn = list(whole), [list(share) for share in shares]
    assert {len(batches) for batches in drawn} == {len(share) for share in shares}  # else processes wait for ever
    together = list(chain(*zip(*drawn, strict=True)))  # as they are computed, step by step
    n_twice = -len(expected) % n_shares if expected else 0
    assert together == [expected[i % len(expected)] for i in range(len(expected) + n_twice)]


def test_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = np.arange(500) % 37 + 3

    def order(seed: int, epoch: int) -> list[list[int]]:
        batches = LengthBatches(lengths, 8, seed=seed)
        batches.set_epoch(epoch)
        return list(batches)

    torch.manual_seed(0)
    first = order(1, 2)
    torch.manual_seed(1)
    assert order(1, 2) == first
    orders = [order(0, 0), order(0, 1), order(1, 0), first]
    assert len({str(drawn) for drawn in orders}) == 4
    used = LengthBatches(lengths, 8, seed=1)
    list(used)  # an epoch that was drawn before leaves no trace
    used.set_epoch(2)
    assert list(used) == first


def test_batches_are_in_random_order_of_length() -> None:
    lengths = np.arange(3, 3 + 32 * 40)
    means = [lengths[batch].mean() for batch in LengthBatches(lengths, 32, seed=0)]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.5


def smallest_maximum(lengths: Ints, n_batches: int) -> int:
    """Padded pieces of the largest batch, in the best of all ways to cut windows into runs."""
    best = []
    for cuts in combinations(range(1, len(lengths)), n_batches - 1):
        runs = pairwise((0, *cuts, len(lengths)))
        best.append(max((end - start) * int(lengths[start:end].max()) for start, end in runs))
    return min(best)


@settings(deadline=None, max_examples=300)
@given(
    lengths=st.lists(st.integers(1, 40) | st.integers(1, 3), min_size=1, max_size=11).map(
        lambda row: np.array(sorted(row, reverse=True))
    ),
    data=st.data(),
)
def test_no_other_cut_has_a_smaller_largest_batch(lengths: Ints, data: st.DataObject) -> None:
    n_batches = data.draw(st.integers(1, len(lengths)))
    sizes = even_sizes(lengths, n_batches)
    assert len(sizes) == n_batches
    assert min(sizes) >= 1
    assert sum(sizes) == len(lengths)
    runs = np.split(np.arange(len(lengths)), np.cumsum(sizes)[:-1])
    assert padded_sizes(lengths, runs).max() == smallest_maximum(lengths, n_batches)


def check_even(lengths: Ints, batches: Sequence[Sequence[int]]) -> None:
    sizes = padded_sizes(lengths, batches)
    relative = sizes / np.median(sizes)
    assert relative.max() < 1.1
    assert (relative < 0.9).mean() < 0.02  # the last batch of a pool of 100 is what is left of it
    assert relative.min() > 0.1
    # Many short windows or a few long ones.
    means = [lengths[batch].mean() for batch in batches]
    assert np.corrcoef(means, list(map(len, batches)))[0, 1] < -0.8


@pytest.mark.parametrize("size", [32, 100])
def test_batches_are_about_equal_in_pieces(size: int) -> None:
    lengths = news(20_000)
    batches = list(LengthBatches(lengths, size, seed=0))
    check_even(lengths, batches)
    same_count = padded_sizes(lengths, np.array_split(np.argsort(lengths), len(batches)))
    assert same_count.max() > 5 * np.median(same_count)  # they would not be by themselves


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n", "most"), [(1_000, 0.045), (5_000, 0.02), (40_000, 0.015)])
def test_little_padding(n: int, most: float, seed: int) -> None:
    lengths = news(n, seed=seed)
    assert 0 < padding(lengths, LengthBatches(lengths, 32, seed=seed)) < most
    assert padding(lengths, np.array_split(np.arange(n), n // 32)) > 0.7  # the lengths do differ


def test_little_padding_on_a_real_corpus(shared: Path, word_pieces: Callable[[str], WordPieces]) -> None:
    corpus = read(shared / "gmb" / "ner_dataset.csv.zip")
    windows = encode(corpus.sentences, word_pieces("minilm"), max_pieces=512)
    assert windows.n_words == corpus.n_words > 1_000_000
    batches = list(LengthBatches(windows.lengths, 32, seed=0))
    assert padding(windows.lengths, batches) < 0.02
    assert padding(windows.lengths, sorted_batches(windows.lengths, 4096)) < 0.02
    check_even(windows.lengths, batches)


@given(lengths=LENGTHS, budget=st.integers(1, 4096))
def test_sorted_batches_keep_to_the_budget(lengths: Ints, budget: int) -> None:
    batches = list(sorted_batches(lengths, budget))
    order = [i for batch in batches for i in batch.tolist()]
    assert sorted(order) == list(range(len(lengths)))
    assert lengths[order].tolist() == sorted(lengths.tolist(), reverse=True)
    for i, batch in enumerate(batches):
        longest = int(lengths[batch].max())
        assert len(batch) == 1 or len(batch) * longest <= budget
        assert i == len(batches) - 1 or (len(batch) + 1) * longest > budget  # no batch is smaller than it need be


@given(lengths=LENGTHS, budget=st.integers(1, 4096), n_threads=st.integers(2, 5))
def test_few_sorted_batches_keep_all_threads_at_work(lengths: Ints, budget: int, n_threads: int) -> None:
    one, several = (list(sorted_batches(lengths, budget, n_threads=n)) for n in (1, n_threads))
    assert [i for batch in several for i in batch.tolist()] == [i for batch in one for i in batch.tolist()]
    sizes = padded_sizes(lengths, several).tolist()
    assert max(sizes, default=0) <= max(budget, *lengths, 0), "what the longest window needs, others may need, too"
    if len(one) <= 4 * n_threads:
        assert len(several) % n_threads == 0 or len(several) == len(lengths)
        assert max(sizes, default=0) <= max(padded_sizes(lengths, one), default=0)
    else:
        assert len(several) == len(one)


def test_without_windows_there_are_no_batches() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert list(sorted_batches(nothing, 4096)) == list(LengthBatches(nothing, 32, seed=0)) == []
    assert len(LengthBatches(nothing, 32, seed=0)) == 0


def collate_slowly(windows: Windows, indices: Sequence[int]) -> dict[str, list[list[object]]]:
    rows: dict[str, list[list[object]]] = {}
    for i in indices:
        start, end, first, last = windows.spans[i].tolist()
        ids, first_pieces = list(windows.prefix), []
        for word in range(start, end):
            first_pieces.append(len(ids))
            ids += windows.pieces[windows.piece_offsets[word] : windows.piece_offsets[word + 1]].tolist()
        ids += windows.suffix
        row = {
            "input_ids": ids,
            "attention_mask": [1] * len(ids),
            "first_pieces": first_pieces,
            "feature_ids": [windows.features[word].tolist() for word in range(start, end)],
            "labels": [int(windows.labels[w]) if first <= w < last else IGNORE for w in range(start, end)],
            "sentence_borders": [
                (w in windows.sentence_offsets[:-1]) + 2 * (w + 1 in windows.sentence_offsets[1:])
                for w in range(start, end)
            ],
        }
        for key, values in row.items():
            rows.setdefault(key, []).append(values)
    fill: dict[str, object] = {"input_ids": windows.pad_id, "labels": IGNORE}
    fill["feature_ids"] = [0] * windows.features.shape[1]
    for key, lists in rows.items():
        width = max(map(len, lists))
        rows[key] = [values + [fill.get(key, 0)] * (width - len(values)) for values in lists]
    return rows


@pytest.mark.parametrize("architecture", ["bert-cased", "roberta", "modernbert"])  # padding ids 0, 1 and 3
@pytest.mark.parametrize("max_pieces", [12, 512])
@pytest.mark.parametrize("with_features", [True, False])
def test_collate_against_plain_python(
    architecture: str, max_pieces: int, with_features: bool, word_pieces: Callable[[str], WordPieces]
) -> None:
    sentences = read("sample")[:40].sentences
    features = {"pos": Vocabulary.of_feature(s.features["pos"] for s in sentences)} if with_features else {}
    labels = Vocabulary(tuple(dict.fromkeys(label for s in sentences for label in s.labels or ())))
    windows = encode(sentences, word_pieces(architecture), max_pieces=max_pieces, features=features, labels=labels)
    for indices in LengthBatches(windows.lengths, 7, seed=0):
        batch, expected = collate(windows, indices), collate_slowly(windows, indices)
        assert batch.keys() == expected.keys()
        for key, value in batch.items():
            assert isinstance(value, torch.Tensor)
            assert value.dtype == torch.int64
            assert value.tolist() == expected[key], key
