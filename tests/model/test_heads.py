"""The CRF's loss against all labellings, written out."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from nomina.model.heads import BEGINS, ENDS, IGNORED, CRFHead, LinearHead


def chains(known: list[bool], borders: list[int]) -> list[list[int]]:
    """Runs of known words without a sentence's beginning inside."""
    runs: list[list[int]] = []
    for t, is_known in enumerate(known):
        if is_known and (t == 0 or not known[t - 1] or borders[t] & BEGINS):
            runs.append([])
        if is_known:
            runs[-1].append(t)
    return runs


def score(
    path: tuple[int, ...], words: list[int], scores: torch.Tensor, borders: list[int], table: torch.Tensor
) -> float:
    scores, table = scores.detach(), table.detach()
    total = sum(float(scores[t, label]) for t, label in zip(words, path, strict=True))
    total += sum(float(table[a, b]) for a, b in itertools.pairwise(path))
    if borders[words[0]] & BEGINS:
        total += float(table[-1, path[0]])
    if borders[words[-1]] & ENDS:
        total += float(table[path[-1], -1])
    return total


@given(data=st.data(), n_labels=st.integers(1, 4), shape=st.tuples(st.integers(1, 3), st.integers(1, 5)))
@settings(max_examples=60, deadline=None)
def test_loss_is_that_of_all_labellings(data: st.DataObject, n_labels: int, shape: tuple[int, int]) -> None:
    n_rows, n_words = shape
    torch.manual_seed(data.draw(st.integers(0, 1000)))
    head = CRFHead(input_dim=3, n_labels=n_labels, dropout=0.0)
    torch.nn.init.normal_(head.borders, std=2.0)
    scores = 2 * torch.randn(n_rows, n_words, n_labels)
    labels = torch.tensor(
        [[data.draw(st.sampled_from([IGNORED, *range(n_labels)])) for _ in range(n_words)] for _ in range(n_rows)]
    )
    borders = torch.tensor([[data.draw(st.integers(0, 3)) for _ in range(n_words)] for _ in range(n_rows)])
    expected = 0.0
    for row in range(n_rows):
        known, row_borders = (labels[row] != IGNORED).tolist(), borders[row].tolist()
        for words in chains(known, row_borders):
            paths = list(itertools.product(range(n_labels), repeat=len(words)))
            of_all = [score(path, words, scores[row], row_borders, head.borders) for path in paths]
            gold = tuple(labels[row, words].tolist())
            expected += float(torch.tensor(of_all).logsumexp(0)) - of_all[paths.index(gold)]
    # A word that ends a sentence but is followed by a word of the same chain is no border between sentences.
    inside = (labels[:, 1:] != IGNORED) & (labels[:, :-1] != IGNORED) & (borders[:, 1:] & BEGINS == 0)
    if (inside & (borders[:, :-1] & ENDS > 0)).any():
        return
    loss = head.loss(scores, labels, 1, borders)
    assert float(loss.detach()) == pytest.approx(expected, abs=1e-4)


def test_without_border_scores_the_loss_is_cross_entropy() -> None:
    torch.manual_seed(0)
    scores, labels = torch.randn(3, 6, 5), torch.randint(0, 5, (3, 6))
    labels[1, 4:] = IGNORED
    crf, linear = (head(input_dim=2, n_labels=5, dropout=0.0) for head in (CRFHead, LinearHead))
    expected = functional.cross_entropy(scores.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
    torch.testing.assert_close(linear.loss(scores, labels), expected)
    torch.testing.assert_close(crf.loss(scores, labels), expected)


def test_several_sentences_in_a_row_count_as_each_in_its_own() -> None:
    torch.manual_seed(0)
    head = CRFHead(input_dim=2, n_labels=4, dropout=0.0)
    torch.nn.init.normal_(head.borders)
    scores, labels = torch.randn(1, 9, 4), torch.randint(0, 4, (1, 9))
    borders = torch.tensor([[1, 0, 2, 3, 1, 0, 0, 0, 2]])
    together = head.loss(scores, labels, 1, borders)
    apart = sum(head.loss(scores[:, a:b], labels[:, a:b], 1) for a, b in ((0, 3), (3, 4), (4, 9)))
    torch.testing.assert_close(together, torch.as_tensor(apart))


def test_gradients_are_finite_and_reach_every_border_but_the_unused_corner() -> None:
    torch.manual_seed(0)
    head = CRFHead(input_dim=2, n_labels=3, dropout=0.0)
    scores = (50 * torch.randn(4, 30, 3)).requires_grad_()
    labels = torch.randint(0, 3, (4, 30))
    labels[2, 10:] = IGNORED
    labels[3] = IGNORED
    torch.autograd.backward(head.loss(scores, labels))
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert not scores.grad[3].any()
    gradient = head.borders.grad
    assert gradient is not None
    assert gradient[:-1].isfinite().all()
    assert float(gradient[-1, -1]) == 0.0
    # Each sentence begins once and ends once: what the gold takes away, the others add.
    torch.testing.assert_close(gradient[-1].sum(), torch.tensor(0.0), atol=1e-4, rtol=0)
