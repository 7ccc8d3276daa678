"""Dropout and attention as a CPU does them fast.

Torch draws one random number after another for each element of a dropout mask: 4.5 ns each, a tenth of a training step
(``benchmarks/profile.md``). Here one 64-bit number decides over eight elements. And torch's fused attention is made for
long sequences: on sentences of 27 pieces, three plain operations are faster.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

__all__ = ["ByteDropout", "attention", "byte_dropout", "cpu_attention", "cpu_kernels"]

ATTENTION = "nomina_plain"


class _ByteDropout(torch.autograd.Function):
    """Forward ``x * keep * scale``, backward the same on the gradient.

    ``keep`` holds 0 and 1 in the type of ``x``: multiplying by numbers of the same type is several times faster than by
    booleans, and a comparison of signed bytes than one of unsigned ones.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, n_dropped: int) -> torch.Tensor:
        n = x.numel()
        words = torch.empty(-(-n // 8), dtype=torch.int64).random_(-(2**63), None)
        keep = torch.ge(words.view(torch.int8)[:n].view(x.shape), n_dropped - 128, out=torch.empty_like(x))
        ctx.save_for_backward(keep)
        ctx.scale = 256 / (256 - n_dropped)
        return (x * keep).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (keep,) = ctx.saved_tensors
        return (gradient * keep).mul_(ctx.scale), None


def byte_dropout(x: torch.Tensor, p: float) -> torch.Tensor:
    """Dropout (Srivastava et al. 2014) with one random byte per element, from torch's global generator.

    Args:
        x: On the CPU, any shape.
        p: Probability of an element to be dropped, in [0, 1); rounded to a 256th, 0.1 to 0.1016. What is kept is scaled
            by the rounded value, so that the expectation is exactly ``x``.

    Returns:
        Shape of ``x``.
    """
    n_dropped = min(round(p * 256), 255)
    return _ByteDropout.apply(x.contiguous(), n_dropped) if n_dropped else x  # type: ignore[no-untyped-call]


class ByteDropout(nn.Dropout):
    """:func:`byte_dropout` as a module.

    Shapes:
        - Input, output: any
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - as the class above names it
        """Drop elements in training, do nothing in evaluation."""
        return byte_dropout(input, self.p) if self.training else input


def attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Scaled dot-product attention (Vaswani et al. 2017), for transformers' ``AttentionInterface``.

    Args:
        module: The layer that asks.
        query: ``[B, heads, P, D]``.
        key: ``[B, heads, P, D]``.
        value: ``[B, heads, P, D]``.
        attention_mask: Broadcast to ``[B, heads, P, P]``: false where a piece must not be seen, or numbers to add.
        scaling: Factor of the scores, ``D ** -0.5`` where ``None``.
        dropout: Probability of dropping a weight; 0 outside training.
        kwargs: What other kernels may want. With grouped keys, a position bias, a soft cap or a causal mask that is
            not spelled out, transformers' own kernel takes over.

    Returns:
        ``[B, P, heads, D]``, and no weights.
    """
    # As transformers' kernel reads it: a decoder leaves out its mask where that would be the plain triangle.
    is_causal = kwargs.get("is_causal")
    implied_mask = attention_mask is None and (getattr(module, "is_causal", True) if is_causal is None else is_causal)
    other = any(kwargs.get(name) is not None for name in ("position_bias", "softcap"))
    if query.shape[1] != key.shape[1] or implied_mask or other:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = torch.matmul(query * scaling, key.transpose(2, 3))
    if attention_mask is not None and attention_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    elif attention_mask is not None:
        scores = scores + attention_mask
    weights = byte_dropout(scores.softmax(-1), dropout)
    return torch.matmul(weights.to(value.dtype), value).transpose(1, 2).contiguous(), None


AttentionInterface.register(ATTENTION, attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


@contextmanager
def cpu_attention(model: PreTrainedModel) -> Iterator[None]:
    """Within, a model that lies on the CPU uses the attention above, where its own is torch's."""
    encoder: Any = model.base_model
    own = encoder.config._attn_implementation
    if own != "sdpa" or model.device.type != "cpu":
        yield
        return
    encoder.set_attn_implementation(ATTENTION)
    try:
        yield
    finally:
        encoder.set_attn_implementation(own)


@contextmanager
def cpu_kernels(model: PreTrainedModel) -> Iterator[None]:
    """Within, a model on the CPU uses these kernels, where its own are torch's."""
    # oneDNN keeps what it compiled for the last 1,024 shapes, half a gigabyte of batches of all lengths; a step needs
    # some 20. It reads this at its first product, and so not at all if there has been one.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
    replaced = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Dropout
    ]
    for parent, name, child in replaced:
        setattr(parent, name, ByteDropout(child.p))
        getattr(parent, name).train(child.training)
    try:
        with cpu_attention(model):
            yield
    finally:
        for parent, name, child in replaced:
            child.train(getattr(parent, name).training)
            setattr(parent, name, child)
