"""Small encoder folders with random weights and trained tokenizers: the published ones in all but size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForMaskedLM,
    BertConfig,
    BertForPreTraining,
    BertTokenizer,
    DebertaV2Config,
    DebertaV2Tokenizer,
    DistilBertConfig,
    DistilBertTokenizer,
    ModernBertConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaTokenizer,
)

from nomina.data.formats import read

__all__ = ["ARCHITECTURES", "MakeEncoder", "make_encoder"]

MakeEncoder = Callable[[str], Path]

_INIT: dict[str, Any] = {"initializer_range": 0.2}  # wide enough for scores that depend on the words
_SIZE: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
_SIZE |= _INIT
_BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_ROBERTA_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]


def make_encoder(architecture: str, folder: Path) -> Path:
    """Write an encoder folder.

    Args:
        architecture: One of :data:`ARCHITECTURES`.
        folder: Where to; created.

    Returns:
        The folder, for ``AutoModel.from_pretrained`` and ``AutoTokenizer.from_pretrained``.
    """
    tokenizer, config = ARCHITECTURES[architecture]()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model: PreTrainedModel
        # With the heads that the published folders have: an encoder must load from among them.
        if isinstance(config, BertConfig) and not isinstance(config, RobertaConfig):
            model = BertForPreTraining(config)
        else:
            model = AutoModelForMaskedLM.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _texts() -> list[str]:
    return [" ".join(sentence.words) for sentence in read("sample")[:40]]


def _word_pieces(lowercase: bool) -> dict[str, int]:
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=_BERT_SPECIALS, show_progress=False)
    backend.train_from_iterator(_texts(), trainer)
    return backend.get_vocab()


def _byte_pieces(specials: list[str]) -> Tokenizer:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(_texts(), trainer)
    return backend


def _bert(lowercase: bool) -> tuple[PreTrainedTokenizerBase, PretrainedConfig]:
    vocab = _word_pieces(lowercase)
    tokenizer = BertTokenizer(vocab=vocab, do_lower_case=lowercase, model_max_length=512)
    return tokenizer, BertConfig(vocab_size=len(vocab), max_position_embeddings=512, **_SIZE)


def _distilbert() -> tuple[PreTrainedTokenizerBase, PretrainedConfig]:
    vocab = _word_pieces(True)
    tokenizer = DistilBertTokenizer(vocab=vocab, do_lower_case=True, model_max_length=512)
    config = DistilBertConfig(
        vocab_size=len(vocab), dim=32, n_layers=2, n_heads=2, hidden_dim=64, max_position_embeddings=512, **_INIT
    )
    return tokenizer, config


def _roberta() -> tuple[PreTrainedTokenizerBase, PretrainedConfig]:
    model = _model_state(_byte_pieces(_ROBERTA_SPECIALS))
    vocab = {**model["vocab"], "<mask>": len(model["vocab"])}
    merges: Any = [tuple(merge) for merge in model["merges"]]
    tokenizer = RobertaTokenizer(vocab=vocab, merges=merges, model_max_length=512)
    config = RobertaConfig(
        vocab_size=len(vocab),
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        **_SIZE,
    )
    return tokenizer, config


def _deberta_v3() -> tuple[PreTrainedTokenizerBase, PretrainedConfig]:
    backend = Tokenizer(models.Unigram())
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=["[PAD]", "[CLS]", "[SEP]", "[UNK]"], unk_token="[UNK]", show_progress=False
    )
    backend.train_from_iterator(_texts(), trainer)
    pieces = [(piece, score) for piece, score in _model_state(backend)["vocab"]]
    tokenizer = DebertaV2Tokenizer(vocab=[*pieces, ("[MASK]", 0.0)], model_max_length=512)
    relative: dict[str, Any] = {"position_buckets": 16, "share_att_key": True, "norm_rel_ebd": "layer_norm"}
    config = DebertaV2Config(
        vocab_size=len(pieces) + 1,
        type_vocab_size=0,
        max_position_embeddings=512,
        relative_attention=True,
        max_relative_positions=-1,
        position_biased_input=False,
        pos_att_type="p2c|c2p",
        **relative,
        **_SIZE,
    )
    return tokenizer, config


def _modernbert() -> tuple[PreTrainedTokenizerBase, PretrainedConfig]:
    backend = _byte_pieces(["[UNK]", "[CLS]", "[SEP]", "[PAD]"])
    backend.normalizer = normalizers.NFC()
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken("[MASK]", lstrip=True)])
    backend.add_tokens([AddedToken(" " * n, normalized=True) for n in range(2, 5)])
    cls, sep = backend.token_to_id("[CLS]"), backend.token_to_id("[SEP]")
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", cls), ("[SEP]", sep)],
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        mask_token="[MASK]",
        model_max_length=8192,
        model_input_names=["input_ids", "attention_mask"],
    )
    config = ModernBertConfig(
        vocab_size=backend.get_vocab_size(),
        max_position_embeddings=8192,
        local_attention=16,
        pad_token_id=backend.token_to_id("[PAD]"),
        cls_token_id=cls,
        bos_token_id=cls,
        sep_token_id=sep,
        eos_token_id=sep,
        **_SIZE,
    )
    return tokenizer, config


def _model_state(backend: Tokenizer) -> dict[str, Any]:
    import json

    state: dict[str, Any] = json.loads(backend.to_str())["model"]
    return state


ARCHITECTURES: dict[str, Callable[[], tuple[PreTrainedTokenizerBase, PretrainedConfig]]] = {
    "bert-uncased": lambda: _bert(True),
    "bert-cased": lambda: _bert(False),
    "roberta": _roberta,
    "distilbert": _distilbert,
    "deberta-v3": _deberta_v3,
    "modernbert": _modernbert,
}
