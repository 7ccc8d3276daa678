"""Embeddings of token features, and how they join the encoder's output."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

__all__ = ["ConcatFusion", "FeatureEmbeddings"]


class FeatureEmbeddings(nn.Module):
    """One embedding table per token feature; their outputs stand side by side.

    In training, each value is replaced by the unknown value (id 0) with probability ``dropout``, so that the unknown
    value has a trained embedding and the tagger does not come to depend on tags that may be missing or wrong later
    (word dropout, Iyyer et al. 2015, applied to tags).

    Args:
        sizes: Number of values of each feature, 1 or more; F features.
        dims: Size of each feature's embedding, 1 or more; F of them.
        dropout: Share of values hidden in training, in [0, 1].

    Shapes:
        - Input: int64 ``[B, W, F]``
        - Output: ``[B, W, sum(dims)]``
    """

    def __init__(self, *, sizes: Sequence[int], dims: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, dim) for size, dim in zip(sizes, dims, strict=True))
        self.dim = sum(dims)
        self.dropout = dropout

    def forward(self, feature_ids: torch.Tensor) -> torch.Tensor:
        """Look up the embeddings of every word's feature values."""
        if self.training and self.dropout > 0:
            hidden = torch.rand(feature_ids.shape, device=feature_ids.device) < self.dropout
            feature_ids = feature_ids.masked_fill(hidden, 0)
        return torch.cat([table(feature_ids[..., i]) for i, table in enumerate(self.tables)], dim=-1)


class ConcatFusion(nn.Module):
    """Word vector and feature vector side by side.

    Args:
        hidden_dim: Size of the encoder's output.
        feature_dim: Size of all feature embeddings together, 0 without features.

    Shapes:
        - words: ``[B, W, hidden_dim]``
        - features: ``[B, W, feature_dim]``, or ``None`` where ``feature_dim`` is 0
        - Output: ``[B, W, output_dim]`` with ``output_dim = hidden_dim + feature_dim``
    """

    def __init__(self, *, hidden_dim: int, feature_dim: int) -> None:
        super().__init__()
        self.output_dim = hidden_dim + feature_dim

    def forward(self, words: torch.Tensor, features: torch.Tensor | None) -> torch.Tensor:
        """Join them."""
        return words if features is None else torch.cat([words, features], dim=-1)
