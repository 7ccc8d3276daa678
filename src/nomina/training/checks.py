"""What settings ask of this machine and of a corpus, checked before anything is trained."""

from __future__ import annotations

import torch

from nomina.data.corpus import Corpus
from nomina.data.shapes import SHAPE
from nomina.data.tagsets import POS, SPACY
from nomina.errors import ConfigError, MissingExtraError
from nomina.inference import tag_source
from nomina.inference.torch_network import choose_device
from nomina.training.compute import GPU_KERNELS
from nomina.training.config import ModelConfig, TrainingConfig
from nomina.training.loggers import check_loggers
from nomina.training.lora import check_lora
from nomina.training.trainer import has_fast_bf16

__all__ = ["check_training", "resolve_features"]


def check_training(config: TrainingConfig, model: ModelConfig | None = None) -> list[str]:
    """Faults of settings that depend on this machine: absent extras, a precision or a kernel that it does not have.

    Args:
        config: How to train.
        model: What to train, where its settings are to be checked too.
    """
    faults = []
    try:
        check_loggers(config.report_to)
    except MissingExtraError as error:
        faults.append(f"[training] report_to: {error}")
    try:
        check_lora(config.lora_rank)
    except MissingExtraError as error:
        faults.append(f"[training] lora_rank: {error}")
    if config.precision == "fp16" and (config.device == "cpu" or not torch.cuda.is_available()):
        faults.append("[training] precision: fp16 needs a GPU; choose auto, fp32 or bf16")
    if model is None:
        return faults
    try:
        tag_source(model.pos_source)
    except ConfigError as error:
        faults += error.faults
    except MissingExtraError as error:
        faults.append(f"[model] pos_source: {error}")
    return [*faults, *_check_attention(model.attention, config)]


def _check_attention(attention: str, config: TrainingConfig) -> list[str]:
    device = choose_device(config.device).type
    if attention in GPU_KERNELS and device != "cuda":
        return [f"[model] attention: {attention} trains on a GPU only, found {device!r}; choose auto, sdpa or eager"]
    is_half = config.precision in ("bf16", "fp16") or (config.precision == "auto" and has_fast_bf16(use_cpu=False))
    if attention == "flash_attention_2" and not is_half:
        return ["[model] attention: flash_attention_2 computes in bf16 or fp16, found fp32; choose another precision"]
    return []


def resolve_features(config: ModelConfig, corpus: Corpus) -> tuple[str, ...]:
    """Names of the token features to read, checked against what the corpus has.

    Raises:
        ConfigError: If a feature was named that the corpus does not have, a source of tags that no feature reads, or
            document context without documents.
    """
    found = corpus.feature_names
    can_tag = config.pos_source.startswith(SPACY)
    names = config.feature_names
    if names is None:
        names = (POS,) if POS in found or can_tag else ()
    absent = [name for name in names if name not in found and name != SHAPE and not (name == POS and can_tag)]
    faults = []
    if absent:
        faults.append(
            f"[model] features: expected columns of {corpus.source}, which has: {', '.join(found) or 'none'} "
            f"({SHAPE} is computed); found {', '.join(absent)}"
        )
    if config.pos_source != "none" and POS not in names:
        faults.append(
            f"[model] pos_source: {config.pos_source} finds tags for the feature {POS!r}, which is not read; "
            f"features are: {', '.join(names) or 'none'}"
        )
    if config.context == "document" and all(sentence.document is None for sentence in corpus):
        faults.append(
            f"[model] context: expected marks of documents in {corpus.source} (-DOCSTART-, # newdoc, a document "
            "column), found none; choose --context sentence"
        )
    if faults:
        raise ConfigError(faults)
    return names
