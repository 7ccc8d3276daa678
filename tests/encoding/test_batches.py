from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nomina.data.formats import read
from nomina.encoding.batches import LengthBatches, collate, sorted_batches
from nomina.encoding.tokenizers import WordPieces
from nomina.encoding.vocabulary import Vocabulary
from nomina.encoding.windows import IGNORE, Windows, encode

Ints = npt.NDArray[np.int64]
LENGTHS = st.lists(st.integers(3, 512), max_size=200).map(np.array)


def padding(lengths: Ints, batches: Iterable[Sequence[int] | Ints]) -> float:
    """Share of padding among all pieces."""
    n_cells = sum(len(batch) * int(lengths[batch].max()) for batch in map(np.asarray, batches))
    return 1 - float(lengths.sum()) / n_cells


@given(lengths=LENGTHS, size=st.integers(1, 40), pool=st.integers(1, 5), seed=st.integers(0, 99))
def test_every_window_once_an_epoch(lengths: Ints, size: int, pool: int, seed: int) -> None:
    batches = LengthBatches(lengths, size, seed=seed, pool=pool)
    for epoch in range(2):
        batches.set_epoch(epoch)
        drawn = list(batches)
        assert sorted(chain(*drawn)) == list(range(len(lengths)))
        assert len(batches) == len(drawn)
        assert sorted(map(len, drawn))[1:] == [size] * (len(drawn) - 1)
        assert all(type(i) is int for batch in drawn for i in batch)


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


@pytest.mark.parametrize("n", [1_000, 5_000, 40_000])
def test_little_padding(n: int) -> None:
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(np.log(22) - 0.45**2 / 2, 0.45, n) * 1.2 + 2, 3, 512).astype(np.int64)
    assert padding(lengths, LengthBatches(lengths, 32, seed=0)) < 0.1
    assert padding(lengths, np.array_split(rng.permutation(n), n // 32)) > 0.4  # the lengths do differ


def test_little_padding_on_a_real_corpus(shared: Path, word_pieces: Callable[[str], WordPieces]) -> None:
    corpus = read(shared / "gmb" / "ner_dataset.csv.zip")
    windows = encode(corpus.sentences, word_pieces("minilm"), max_pieces=512)
    assert windows.n_words == corpus.n_words > 1_000_000
    assert padding(windows.lengths, LengthBatches(windows.lengths, 32, seed=0)) < 0.1
    assert padding(windows.lengths, sorted_batches(windows.lengths, 4096)) < 0.02


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
