"""Low-rank adaptation (Hu et al. 2021, arXiv 2106.09685) through PEFT: fewer weights to keep gradients and moments of.

It saves memory, not time: the forward and the backward pass go through the whole encoder all the same.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nomina.errors import MissingExtraError
from nomina.model import Tagger

__all__ = ["check_lora", "lora"]


def check_lora(rank: int) -> None:
    """Check that PEFT is there if it is needed.

    Args:
        rank: Rank of the additions, 0 for none.

    Raises:
        MissingExtraError: If it is not.
    """
    if rank and importlib.util.find_spec("peft") is None:
        raise MissingExtraError("peft", "lora")


@contextmanager
def lora(model: Tagger, rank: int) -> Iterator[None]:
    """Within, the encoder is frozen and learns additions to its matrices; afterwards they are part of its weights.

    Each linear layer of the encoder computes ``W x + 2 B A x``: ``W`` ``[out, in]`` is frozen, ``A`` ``[rank, in]``
    starts from random numbers and ``B`` ``[out, rank]`` from zeros. (The factor is ``alpha / rank``, with an alpha of
    twice the rank.) Embeddings, biases and norms are frozen. What is not the encoder learns as always.

    The state dict has other names within, but the same ones as before afterwards.

    Args:
        model: A tagger.
        rank: 1 or more, or 0: then the model is left as it is.

    Raises:
        MissingExtraError: If PEFT is not there.
    """
    check_lora(rank)
    if not rank:
        yield
        return
    from peft import LoraConfig, LoraModel

    encoder: Any = model.encoder
    learning = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
    additions = LoraModel(encoder, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear"), "default")
    try:
        yield
    finally:
        additions.merge_and_unload()
        for parameter in learning:
            parameter.requires_grad_(True)
