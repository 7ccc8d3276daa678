"""Embeddings of token features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

__all__ = ["FeatureEmbeddings"]


class FeatureEmbeddings(nn.Module):
    """One embedding table per token feature.

    In training, each value is replaced by the unknown value (id 0) with the feature's dropout probability, so that the
    unknown value has a trained embedding and the tagger does not come to depend on tags that may be missing or wrong
    later (word dropout, Iyyer et al. 2015, applied to tags).

    Args:
        sizes: Number of values of each feature, 1 or more; F features.
        dims: Size of each feature's embedding, 1 or more; F of them.
        dropout: Share of each feature's values that is hidden in training, in [0, 1]; F of them.

    Shapes:
        - feature_ids: int64 ``[B, W, F]``
        - stand_ins: by feature, ``[B, W, size]``
        - Output: F tensors ``[B, W, dim]``
    """

    def __init__(self, *, sizes: Sequence[int], dims: Sequence[int], dropout: Sequence[float]) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, dim) for size, dim in zip(sizes, dims, strict=True))
        self.dims = tuple(dims)
        self.dropout = tuple(dropout)

    def forward(
        self, feature_ids: torch.Tensor, stand_ins: Mapping[int, torch.Tensor] | None = None
    ) -> list[torch.Tensor]:
        """Look up the embeddings of every word's feature values.

        Args:
            feature_ids: Values; 0 where unknown.
            stand_ins: For some features, a distribution over the values: where the value is unknown or hidden, the
                expected embedding under it takes its place (Hashimoto et al. 2017, arXiv 1611.01587, section 2.2).
        """
        if self.training and any(self.dropout):
            shares = torch.tensor(self.dropout, device=feature_ids.device)
            hidden = torch.rand(feature_ids.shape, device=feature_ids.device) < shares
            feature_ids = feature_ids.masked_fill(hidden, 0)
        embeddings = []
        for i, table in enumerate(self.tables):
            ids = feature_ids[..., i]
            embedded = table(ids)
            distribution = (stand_ins or {}).get(i)
            if distribution is not None:
                weight: Any = table.weight
                expected = (distribution.to(weight.dtype) @ weight).to(embedded.dtype)
                embedded = torch.where((ids == 0).unsqueeze(-1), expected, embedded)
            embeddings.append(embedded)
        return embeddings
