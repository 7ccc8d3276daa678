"""Heads: from word vectors to label scores, and from scores and gold labels to a loss."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

__all__ = ["BEGINS", "ENDS", "HEADS", "CRFHead", "LinearHead", "cross_entropy"]

IGNORED = -100
BEGINS, ENDS = 1, 2
"""Bits of ``sentence_borders``: a sentence begins, ends with this word."""


class LinearHead(nn.Module):
    """Dropout and one linear layer; each word is labelled on its own.

    Args:
        input_dim: Size of a word vector.
        n_labels: Number of labels.
        dropout: Dropout probability, in [0, 1).

    Shapes:
        - Input: ``[B, W, input_dim]``
        - Output: ``[B, W, n_labels]``, unnormalised scores (logits)
    """

    def __init__(self, *, input_dim: int, n_labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(input_dim, n_labels)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """Score the labels of every word."""
        scores: torch.Tensor = self.classifier(self.dropout(words))
        return scores

    def loss(
        self,
        scores: torch.Tensor,
        labels: torch.Tensor,
        n_items: torch.Tensor | int | None = None,
        sentence_borders: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Cross-entropy over words with a known label.

        Args:
            scores: ``[B, W, n_labels]``.
            labels: int64 ``[B, W]``; -100 is skipped.
            n_items: What to divide the sum by; the number of labelled words of this batch where ``None``. Gradient
                accumulation passes the number over all its batches, so that every word counts alike.
            sentence_borders: Not read: words are labelled on their own.

        Returns:
            Scalar.
        """
        return cross_entropy(scores, labels, n_items)


class CRFHead(LinearHead):
    """A linear-chain conditional random field (Lafferty et al. 2001) over the words of a sentence.

    The score of a labelling is the sum of its words' scores and of ``borders``: ``[i, j]`` for label j after label i,
    the last row for a sentence that begins with j, the last column for one that ends with i. Decoding is that of
    :mod:`nomina.encoding.decode`.

    Args:
        input_dim: Size of a word vector.
        n_labels: Number of labels, L.
        dropout: Dropout probability, in [0, 1).

    Shapes:
        - Input: ``[B, W, input_dim]``
        - Output: ``[B, W, L]``, scores of words
        - borders: ``[L + 1, L + 1]``
    """

    def __init__(self, *, input_dim: int, n_labels: int, dropout: float) -> None:
        super().__init__(input_dim=input_dim, n_labels=n_labels, dropout=dropout)
        self.borders = nn.Parameter(torch.zeros(n_labels + 1, n_labels + 1))

    def loss(
        self,
        scores: torch.Tensor,
        labels: torch.Tensor,
        n_items: torch.Tensor | int | None = None,
        sentence_borders: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Negative log-likelihood of the known labels, a chain for each unbroken run of them in a sentence.

        Args:
            scores: ``[B, W, L]``.
            labels: int64 ``[B, W]``; words with -100 are left out.
            n_items: What to divide the sum by, as for :meth:`LinearHead.loss`.
            sentence_borders: int64 ``[B, W]``: :data:`BEGINS` on a sentence's first word plus :data:`ENDS` on its last.
                Where ``None``, each row's known words are one sentence.

        Returns:
            Scalar.
        """
        scores = scores.float()
        known = labels.ne(IGNORED)
        if sentence_borders is None:
            sentence_borders = _rows_as_sentences(known)
        begins, ends = sentence_borders & BEGINS > 0, sentence_borders & ENDS > 0
        follows = torch.zeros_like(known)  # whether the chain goes on here
        follows[:, 1:] = known[:, 1:] & known[:, :-1] & ~begins[:, 1:]
        gold = self._gold(scores, labels.clamp(min=0), known, follows, begins, ends)
        if n_items is None:
            n_items = known.sum().clamp(min=1)
        return (self._log_partition(scores, known, follows, begins, ends) - gold) / n_items

    def _gold(
        self,
        scores: torch.Tensor,
        labels: torch.Tensor,
        known: torch.Tensor,
        follows: torch.Tensor,
        begins: torch.Tensor,
        ends: torch.Tensor,
    ) -> torch.Tensor:
        """Score of the gold labels of all chains together."""
        borders = self.borders.float()
        total = (scores.gather(-1, labels.unsqueeze(-1)).squeeze(-1) * known).sum()
        total = total + (borders[labels[:, :-1], labels[:, 1:]] * follows[:, 1:]).sum()
        total = total + (borders[-1, labels] * (known & begins)).sum()
        return total + (borders[labels, -1] * (known & ends)).sum()

    def _log_partition(
        self,
        scores: torch.Tensor,
        known: torch.Tensor,
        follows: torch.Tensor,
        begins: torch.Tensor,
        ends: torch.Tensor,
    ) -> torch.Tensor:
        """Log of the summed exponential scores of all labellings, over all chains together."""
        borders = self.borders.float()
        step, first, last = borders[:-1, :-1], borders[-1, :-1], borders[:-1, -1]
        # By label: of all labellings up to here. Before the first word there is one, of weight 1.
        sums = torch.full_like(scores[:, 0], -1e4)
        sums[:, 0] = 0.0
        for t in range(scores.shape[1]):
            on = torch.logsumexp(sums.unsqueeze(-1) + step, dim=1)
            anew = torch.logsumexp(sums, dim=-1, keepdim=True) + first * begins[:, t, None]
            at_word = torch.where(follows[:, t, None], on, anew) + scores[:, t] + last * ends[:, t, None]
            sums = torch.where(known[:, t, None], at_word, sums)
        return torch.logsumexp(sums, dim=-1).sum()


def cross_entropy(
    scores: torch.Tensor, labels: torch.Tensor, n_items: torch.Tensor | int | None = None
) -> torch.Tensor:
    """Summed cross-entropy of words with a label, divided by ``n_items`` or by their number; the rest as above."""
    flat_scores, flat_labels = scores.flatten(0, 1).float(), labels.flatten()
    if n_items is None:
        n_items = flat_labels.ne(IGNORED).sum().clamp(min=1)  # a batch without any labelled word has loss 0
    return functional.cross_entropy(flat_scores, flat_labels, reduction="sum") / n_items


def _rows_as_sentences(known: torch.Tensor) -> torch.Tensor:
    """Borders of sentences, int64 ``[B, W]``, where each row's known words are one."""
    counts = known.cumsum(1)
    is_first, is_last = known & (counts == 1), known & (counts == counts[:, -1:])
    return is_first.long() * BEGINS + is_last.long() * ENDS


HEADS: dict[str, type[LinearHead]] = {"linear": LinearHead, "crf": CRFHead}
"""Heads by the name they have in settings."""
