"""Other ways to compute the same: another attention kernel, activations that are computed twice and not kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import TrainingArguments

from nomina.errors import EncoderError
from nomina.model import Tagger, quiet_transformers

__all__ = ["GPU_KERNELS", "attention_kernel", "cpu_threads", "in_fp32", "recomputing", "recomputing_arguments"]

GPU_KERNELS = ("flash_attention_2", "flex_attention")
_ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout")  # as BERT's and DistilBERT's kin name it


@contextmanager
def cpu_threads(number: int | None) -> Iterator[None]:
    """Within, torch computes with so many threads: sums that are cut in other places differ in their last bits.

    Args:
        number: 1 or more; ``None`` for as many as before.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def attention_kernel(model: Tagger, name: str) -> Iterator[None]:
    """Within, the encoder computes attention with a kernel; afterwards with its own again.

    The way back matters: the flash kernel does not compute in fp32, but what is judged and shipped does.

    Args:
        model: A tagger.
        name: As transformers names it (``"sdpa"``), or ``"auto"``: then the model is left as it is.

    Raises:
        EncoderError: If this encoder or this machine does not have the kernel.
    """
    if name == "auto":
        yield
        return
    encoder: Any = model.encoder
    own = encoder.config._attn_implementation
    kind = type(encoder).__name__
    try:
        try:
            with quiet_transformers():
                encoder.set_attn_implementation(name)
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise _refusal(f"{name} to be at hand for {kind}", str(error)) from error
        # Encoders with an attention of their own, such as DeBERTa, only warn and leave it as it is.
        if name != own and encoder.config._attn_implementation == own:
            raise _refusal(f"an encoder that computes with {name}", f"{kind}, which has an attention of its own")
        share = max(getattr(encoder.config, key, None) or 0.0 for key in _ATTENTION_DROPOUT)
        if name == "flex_attention" and share:
            raise _refusal("no dropout on attention weights, which flex_attention lacks", f"{share:g} in {kind}")
        yield
    finally:
        encoder.set_attn_implementation(own)


def _refusal(expected: str, found: str) -> EncoderError:
    return EncoderError(f"[model] attention: expected {expected}; found: {found}; choose attention = auto")


@contextmanager
def in_fp32(model: Tagger) -> Iterator[None]:
    """Within, a model that is trained in mixed precision computes in fp32, as it will when it is in use: what is
    scored in training is what is chosen, and judged again, by those scores.

    Args:
        model: A tagger that accelerate may have prepared.
    """
    # Accelerate puts a forward pass of its own into the instance, and keeps the first one beside it.
    own = model.__dict__
    first, wrapped = own.get("_original_forward"), own.get("forward")
    encoder: Any = model.encoder
    is_flash = encoder.config._attn_implementation == "flash_attention_2"  # which does not compute in fp32
    with attention_kernel(model, "sdpa" if is_flash else "auto"):
        if first is None or wrapped is None:
            yield
            return
        own["forward"] = first
        try:
            yield
        finally:
            own["forward"] = wrapped


def recomputing_arguments(wanted: bool) -> dict[str, Any]:
    """Arguments that have transformers' trainer recompute activations in the backward pass (Chen et al. 2016, arXiv
    1604.06174); none where that is not wanted.
    """
    if not wanted:
        return {}
    known = {field.name for field in dataclasses.fields(TrainingArguments)}
    # Renamed within version 5, where the old name came to warn.
    name = next(name for name in ("activation_checkpointing", "gradient_checkpointing") if name in known)
    return {name: True, f"{name}_kwargs": {"use_reentrant": False}}


@contextmanager
def recomputing(model: Tagger, wanted: bool) -> Iterator[None]:
    """Within, the trainer may have the model recompute activations; afterwards it keeps them again.

    Args:
        model: A tagger.
        wanted: Whether it will recompute any; else the model is left as it is.

    Raises:
        EncoderError: If the encoder cannot.
    """
    if wanted and not any(hasattr(module, "gradient_checkpointing") for module in model.encoder.modules()):
        kind = type(model.encoder).__name__
        raise EncoderError(
            "[training] gradient_checkpointing: expected an encoder that can recompute its activations, "
            f"found {kind}, which cannot; leave it out, or lower batch_size and raise accumulation"
        )
    try:
        yield
    finally:
        if wanted:
            disable: Any = getattr(model, "activation_checkpointing_disable", model.gradient_checkpointing_disable)
            disable()
            model.disable_input_require_grads()  # type: ignore[no-untyped-call]  # the hooks that came with it
