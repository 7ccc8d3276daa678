"""Heads: from word vectors to label scores, and from scores and gold labels to a loss."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

__all__ = ["LinearHead"]

IGNORED = -100


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
        self, scores: torch.Tensor, labels: torch.Tensor, n_items: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Cross-entropy over words with a known label.

        Args:
            scores: ``[B, W, n_labels]``.
            labels: int64 ``[B, W]``; -100 is skipped.
            n_items: What to divide the sum by; the number of labelled words of this batch where ``None``. Gradient
                accumulation passes the number over all its batches, so that every word counts alike.

        Returns:
            Scalar.
        """
        flat_scores, flat_labels = scores.flatten(0, 1).float(), labels.flatten()
        if n_items is None:
            n_items = flat_labels.ne(IGNORED).sum().clamp(min=1)  # a batch without any labelled word has loss 0
        return functional.cross_entropy(flat_scores, flat_labels, reduction="sum") / n_items
