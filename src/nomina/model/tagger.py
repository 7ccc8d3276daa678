"""``Tagger``: encoder, token-feature embeddings, fusion and head as one ``PreTrainedModel``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForTokenClassification, PreTrainedModel
from transformers.modeling_outputs import TokenClassifierOutput

from nomina.model.config import TaggerConfig
from nomina.model.features import FeatureEmbeddings
from nomina.model.fusion import make_fusion
from nomina.model.heads import HEADS, IGNORED, LinearHead, cross_entropy
from nomina.model.quiet import quiet_transformers

__all__ = ["Tagger", "TaggerOutput"]


@dataclass
class TaggerOutput(TokenClassifierOutput):
    """What a tagger says of a batch.

    Attributes:
        tag_logits: Scores of the values of the joint feature, ``[B, W, V]``; ``None`` without a joint head.
    """

    tag_logits: torch.Tensor | None = None


class Tagger(PreTrainedModel):
    """Labels words from an encoder's output at their first word piece, joined with embeddings of token features.

    The first piece stands for the word, as in the BERT paper's CoNLL-2003 experiments (Devlin et al. 2019, section
    5.3). Without features the scores are those of transformers' own ``…ForTokenClassification`` at first pieces.

    Args:
        config: What to build.
        encoder: A loaded encoder to use in place of one with random weights.
    """

    config_class = TaggerConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    accepts_loss_kwargs = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True
    config: TaggerConfig

    def __init__(self, config: TaggerConfig, encoder: nn.Module | None = None) -> None:
        super().__init__(config)
        self.encoder = encoder if encoder is not None else _new_encoder(config)
        hidden_dim = int(self.encoder.config.hidden_size)  # type: ignore[union-attr, arg-type]
        self.features = None
        if config.features:
            self.features = FeatureEmbeddings(
                sizes=[len(feature["values"]) for feature in config.features],
                dims=[feature["dim"] for feature in config.features],
                dropout=[feature["dropout"] for feature in config.features],
            )
        feature_dims = () if self.features is None else self.features.dims
        fusion: Any = make_fusion(config.fusion, hidden_dim=hidden_dim, feature_dims=feature_dims)
        self.fusion = fusion
        self.head = HEADS[config.head](input_dim=fusion.output_dim, n_labels=len(config.labels), dropout=config.dropout)
        self.tag_head = None
        if config.joint_feature is not None:
            n_tags = len(config.features[config.joint_feature]["values"])
            self.tag_head = LinearHead(input_dim=hidden_dim, n_labels=n_tags, dropout=config.dropout)
        self.post_init()  # type: ignore[no-untyped-call]

    @classmethod
    def from_encoder(
        cls,
        location: str,
        *,
        labels: Sequence[str],
        features: Sequence[Mapping[str, Any]] = (),
        attn_implementation: str | None = None,
        encoder_options: Mapping[str, Any] | None = None,
        **config: Any,
    ) -> Tagger:
        """A tagger with a pretrained encoder and fresh features and head.

        Args:
            location: Folder or hub id of the encoder, for ``AutoModel.from_pretrained``.
            labels: Label names by id.
            features: As in :class:`TaggerConfig`.
            attn_implementation: Attention kernel, such as ``"sdpa"`` or ``"flash_attention_2"``; transformers' choice
                where ``None``.
            encoder_options: More options for ``from_pretrained`` (``revision``, ``trust_remote_code``).
            config: Further settings of :class:`TaggerConfig`.

        Raises:
            OSError: If there is no encoder at that location.
            ValueError: If it lacks weights; they would be random ones.
        """
        options: dict[str, Any] = dict(encoder_options or {})
        if attn_implementation is not None:
            options["attn_implementation"] = attn_implementation
        with quiet_transformers():
            encoder_config = AutoConfig.from_pretrained(location, **(encoder_options or {}))
            options |= _without_pooler(AutoModel._model_mapping[type(encoder_config)])
            encoder, loaded = AutoModel.from_pretrained(
                location, dtype=torch.float32, output_loading_info=True, **options
            )
        if loaded["missing_keys"]:
            missing = sorted(loaded["missing_keys"])
            raise ValueError(f"no weights for {len(missing)} parameters of the encoder, such as {missing[0]!r}")
        # The place it was loaded from means nothing on another machine.
        description = {k: v for k, v in encoder.config.to_dict().items() if k != "_name_or_path"}
        tagger_config = TaggerConfig(encoder=description, labels=labels, features=features, **config)
        return cls(tagger_config, encoder=encoder)

    @property
    def encoder_limit(self) -> int | None:
        """The most word pieces, special pieces included, that the encoder has positions for; ``None`` if unlimited."""
        for name, module in self.encoder.named_modules():
            if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
                # RoBERTa and its kin count positions from the padding index on.
                reserved = 0 if module.padding_idx is None else module.padding_idx + 1
                return module.num_embeddings - reserved
        limit = getattr(self.encoder.config, "max_position_embeddings", None)
        return int(limit) if limit else None

    def get_input_embeddings(self) -> nn.Module:
        """The encoder's word-piece embeddings."""
        table: nn.Module = self.encoder.get_input_embeddings()  # type: ignore[operator]
        return table

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        first_pieces: torch.Tensor | None = None,
        feature_ids: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        sentence_borders: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        return_dict: bool | None = None,
    ) -> TaggerOutput | tuple[torch.Tensor, ...]:
        """Score the labels of every word.

        Args:
            input_ids: Word pieces, int64 ``[B, P]``.
            attention_mask: ``[B, P]``, 1 on pieces and 0 on padding.
            first_pieces: Position of each word's first piece, int64 ``[B, W]``. Where ``None``, every piece counts as a
                word (W = P), as transformers' own pipelines expect.
            feature_ids: Token features, int64 ``[B, W, F]``; unknown throughout where ``None``. With a joint head, the
                expected embedding under its distribution stands in for an unknown tag.
            labels: int64 ``[B, W]``; -100 is skipped.
            inputs_embeds: In place of ``input_ids``, ``[B, P, H]``.
            token_type_ids: Passed to the encoder where given.
            position_ids: Passed to the encoder where given.
            sentence_borders: Where sentences begin and end, int64 ``[B, W]``; see :class:`~nomina.model.heads.CRFHead`.
            num_items_in_batch: Number of labelled words to divide the loss by, across accumulated batches.
            return_dict: ``False`` for a tuple.

        Returns:
            ``logits`` ``[B, W, L]``; with labels, ``loss`` (mean over labelled words of what the head makes of them,
            and of the tag head's cross-entropy by its weight); with a joint head, ``tag_logits``.
        """
        optional = {"inputs_embeds": inputs_embeds, "token_type_ids": token_type_ids, "position_ids": position_ids}
        given = {name: value for name, value in optional.items() if value is not None}
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **given).last_hidden_state
        if first_pieces is not None:
            hidden = hidden.gather(1, first_pieces.unsqueeze(-1).expand(-1, -1, hidden.shape[-1]))
        if feature_ids is None:
            feature_ids = hidden.new_zeros((*hidden.shape[:2], len(self.config.features)), dtype=torch.long)
        tag_scores = None if self.tag_head is None else self._tag_scores(hidden)
        scores = self.head(self.fusion(hidden, self._features(feature_ids, tag_scores)))
        loss = None
        if labels is not None:
            loss = self.head.loss(scores, labels, num_items_in_batch, sentence_borders)
            if tag_scores is not None:
                tags = feature_ids[..., self.config.joint_feature]
                tags = tags.masked_fill((tags == 0) | (labels == IGNORED), IGNORED)
                loss = loss + self.config.pos_loss_weight * cross_entropy(tag_scores, tags, num_items_in_batch)
        if return_dict is False:
            return (scores,) if loss is None else (loss, scores)
        return TaggerOutput(loss=loss, logits=scores, tag_logits=tag_scores)

    def _tag_scores(self, hidden: torch.Tensor) -> torch.Tensor:
        """Scores of the joint feature's values, ``[B, W, V]``; the unknown value is none of them."""
        assert self.tag_head is not None
        scores: torch.Tensor = self.tag_head(hidden).float()
        unknown = torch.zeros(scores.shape[-1], dtype=torch.bool, device=scores.device)
        unknown[0] = True
        return scores.masked_fill(unknown, torch.finfo(scores.dtype).min)

    def _features(self, feature_ids: torch.Tensor, tag_scores: torch.Tensor | None) -> list[torch.Tensor]:
        if self.features is None:
            return []
        joint = self.config.joint_feature
        stand_ins = {} if tag_scores is None or joint is None else {joint: tag_scores.softmax(-1)}
        embeddings: list[torch.Tensor] = self.features(feature_ids, stand_ins)
        return embeddings


def _new_encoder(config: TaggerConfig) -> nn.Module:
    encoder_config = config.encoder_config()
    implementation = getattr(config, "_attn_implementation", None)
    # "sdpa" stands here unless the caller chose. Encoders that support it take it anyway; DeBERTa would refuse it.
    if implementation not in (None, "sdpa"):
        encoder_config._attn_implementation = implementation
    model_class = AutoModel._model_mapping[type(encoder_config)]
    encoder: nn.Module = AutoModel.from_config(encoder_config, **_without_pooler(model_class))
    return encoder


def _without_pooler(model_class: Any) -> dict[str, bool]:
    """Leave out BERT's pooler: it is never used here, and unused weights cost optimizer time and break DDP."""
    has_switch = "add_pooling_layer" in inspect.signature(model_class.__init__).parameters
    return {"add_pooling_layer": False} if has_switch else {}


AutoConfig.register(TaggerConfig.model_type, TaggerConfig, exist_ok=True)
AutoModelForTokenClassification.register(TaggerConfig, Tagger, exist_ok=True)
