"""How the embeddings of token features join the encoder's output.

Each fusion takes the words' vectors and those of their features, one tensor a feature; without features it returns the
words as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

__all__ = ["FUSIONS", "AddFusion", "AttentionFusion", "ConcatFusion", "GateFusion", "make_fusion"]


class ConcatFusion(nn.Module):
    """Word and feature vectors side by side, as in taggers before BERT (Collobert et al. 2011, section 6.3).

    Args:
        hidden_dim: Size of the encoder's output, H.
        feature_dims: Size of each feature's embedding; empty without features.

    Shapes:
        - words: ``[B, W, H]``
        - features: F tensors ``[B, W, dim]``
        - Output: ``[B, W, output_dim]`` with ``output_dim = H + sum(feature_dims)``
    """

    def __init__(self, *, hidden_dim: int, feature_dims: Sequence[int]) -> None:
        super().__init__()
        self.output_dim = hidden_dim + sum(feature_dims)

    def forward(self, words: torch.Tensor, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Join them."""
        return torch.cat([words, *features], dim=-1) if features else words


class AddFusion(nn.Module):
    """Features projected to the encoder's width, added, and the sum layer-normalised.

    So BERT joins the embeddings of pieces, positions and segments (Devlin et al. 2019, section 3.2).

    Args:
        hidden_dim: Size of the encoder's output, H.
        feature_dims: Size of each feature's embedding.

    Shapes:
        - words: ``[B, W, H]``
        - features: F tensors ``[B, W, dim]``
        - Output: ``[B, W, H]``
    """

    def __init__(self, *, hidden_dim: int, feature_dims: Sequence[int]) -> None:
        super().__init__()
        self.output_dim = hidden_dim
        self.projection = nn.Linear(sum(feature_dims), hidden_dim)
        self.norm = nn.LayerNorm(hidden_dim)

    def forward(self, words: torch.Tensor, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Join them."""
        joined: torch.Tensor = self.norm(words + self.projection(torch.cat([*features], dim=-1)))
        return joined


class GateFusion(nn.Module):
    """As :class:`AddFusion`, with a gate that decides for each word and dimension how much of the features counts.

    The gate sees word and features, as in gated multimodal units (Arevalo et al. 2017, arXiv 1702.01992), but lets the
    word pass whole, as the adaptation gate of Rahman et al. (2020, arXiv 1908.05787).

    Args:
        hidden_dim: Size of the encoder's output, H.
        feature_dims: Size of each feature's embedding.

    Shapes:
        - words: ``[B, W, H]``
        - features: F tensors ``[B, W, dim]``
        - Output: ``[B, W, H]``
    """

    def __init__(self, *, hidden_dim: int, feature_dims: Sequence[int]) -> None:
        super().__init__()
        self.output_dim = hidden_dim
        self.projection = nn.Linear(sum(feature_dims), hidden_dim)
        self.gate = nn.Linear(hidden_dim + sum(feature_dims), hidden_dim)
        self.norm = nn.LayerNorm(hidden_dim)

    def forward(self, words: torch.Tensor, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Join them."""
        gate = torch.sigmoid(self.gate(torch.cat([words, *features], dim=-1)))
        joined: torch.Tensor = self.norm(words + gate * self.projection(torch.cat([*features], dim=-1)))
        return joined


class AttentionFusion(nn.Module):
    """Each word attends to its own features; what it finds is added, and the sum layer-normalised.

    Scaled dot-product attention with one head (Vaswani et al. 2017, section 3.2.1). Besides the features there is an
    empty slot with a learned key and the value 0, by which a word can disregard them all.

    Args:
        hidden_dim: Size of the encoder's output, H.
        feature_dims: Size of each feature's embedding.

    Shapes:
        - words: ``[B, W, H]``
        - features: F tensors ``[B, W, dim]``
        - Output: ``[B, W, H]``
    """

    def __init__(self, *, hidden_dim: int, feature_dims: Sequence[int]) -> None:
        super().__init__()
        self.output_dim = hidden_dim
        key_dim = max(feature_dims)
        self.scale = key_dim**-0.5
        self.query = nn.Linear(hidden_dim, key_dim)
        self.keys = nn.ModuleList(nn.Linear(dim, key_dim) for dim in feature_dims)
        self.values = nn.ModuleList(nn.Linear(dim, hidden_dim) for dim in feature_dims)
        self.empty_key = nn.Parameter(torch.zeros(key_dim))
        self.norm = nn.LayerNorm(hidden_dim)

    def forward(self, words: torch.Tensor, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Join them."""
        query = self.query(words)
        keys = [key(feature) for key, feature in zip(self.keys, features, strict=True)]
        keys.append(self.empty_key.to(query.dtype).expand_as(query))
        weights = torch.stack([(query * key).sum(-1) * self.scale for key in keys], dim=-1).softmax(-1)
        found = sum(
            weights[..., i : i + 1] * value(feature)
            for i, (value, feature) in enumerate(zip(self.values, features, strict=True))
        )
        joined: torch.Tensor = self.norm(words + found)
        return joined


FUSIONS: dict[str, Callable[..., nn.Module]] = {
    "concat": ConcatFusion,
    "add": AddFusion,
    "gate": GateFusion,
    "attention": AttentionFusion,
}
"""Fusions by the name they have in settings."""


def make_fusion(name: str, *, hidden_dim: int, feature_dims: Sequence[int]) -> nn.Module:
    """A fusion by name; without features, the one that returns the words as they are.

    Raises:
        KeyError: If there is no fusion of that name.
    """
    fusion = FUSIONS[name] if feature_dims else ConcatFusion
    return fusion(hidden_dim=hidden_dim, feature_dims=feature_dims)
