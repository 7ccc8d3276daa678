"""Scaled dot-product attention that never waits for the device.

Before every forward pass, transformers looks whether a batch has any padding, to leave the mask out if not. On a GPU
the host then waits until all queued work is done, and the device runs dry at every step. Nearly every batch has some
padding, so here the mask is always made. (With one, torch takes its memory-efficient kernel.)
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

__all__ = ["SDPA_WITHOUT_WAITING"]

SDPA_WITHOUT_WAITING = "nomina_sdpa"
"""Its name for ``set_attn_implementation``."""


def _mask(*args: Any, **kwargs: Any) -> torch.Tensor | None:
    return sdpa_mask(*args, **(kwargs | {"allow_is_bidirectional_skip": False}))


AttentionInterface.register(SDPA_WITHOUT_WAITING, sdpa_attention_forward)
AttentionMaskInterface.register(SDPA_WITHOUT_WAITING, _mask)
