"""``Tagger``: encoder, token-feature embeddings, fusion and head as one ``PreTrainedModel``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForTokenClassification, PreTrainedModel
from transformers.modeling_outputs import TokenClassifierOutput

from nomina.model.config import TaggerConfig
from nomina.model.features import ConcatFusion, FeatureEmbeddings
from nomina.model.heads import LinearHead
from nomina.model.quiet import quiet_transformers

__all__ = ["Tagger"]


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
                dropout=config.feature_dropout,
            )
        feature_dim = 0 if self.features is None else self.features.dim
        self.fusion = ConcatFusion(hidden_dim=hidden_dim, feature_dim=feature_dim)
        self.head = LinearHead(input_dim=self.fusion.output_dim, n_labels=len(config.labels), dropout=config.dropout)
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
        num_items_in_batch: torch.Tensor | int | None = None,
        return_dict: bool | None = None,
    ) -> TokenClassifierOutput | tuple[torch.Tensor, ...]:
        """Score the labels of every word.

        Args:
            input_ids: Word pieces, int64 ``[B, P]``.
            attention_mask: ``[B, P]``, 1 on pieces and 0 on padding.
            first_pieces: Position of each word's first piece, int64 ``[B, W]``. Where ``None``, every piece counts as a
                word (W = P), as transformers' own pipelines expect.
            feature_ids: Token features, int64 ``[B, W, F]``; unknown throughout where ``None``.
            labels: int64 ``[B, W]``; -100 is skipped.
            inputs_embeds: In place of ``input_ids``, ``[B, P, H]``.
            token_type_ids: Passed to the encoder where given.
            position_ids: Passed to the encoder where given.
            num_items_in_batch: Number of labelled words to divide the loss by, across accumulated batches.
            return_dict: ``False`` for a tuple.

        Returns:
            ``logits`` ``[B, W, L]`` and, with labels, ``loss`` (mean cross-entropy over labelled words).
        """
        optional = {"inputs_embeds": inputs_embeds, "token_type_ids": token_type_ids, "position_ids": position_ids}
        given = {name: value for name, value in optional.items() if value is not None}
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **given).last_hidden_state
        if first_pieces is not None:
            hidden = hidden.gather(1, first_pieces.unsqueeze(-1).expand(-1, -1, hidden.shape[-1]))
        features = None
        if self.features is not None:
            if feature_ids is None:
                feature_ids = torch.zeros(
                    (*hidden.shape[:2], len(self.config.features)), dtype=torch.long, device=hidden.device
                )
            features = self.features(feature_ids)
        scores = self.head(self.fusion(hidden, features))
        loss = None if labels is None else self.head.loss(scores, labels, num_items_in_batch)
        if return_dict is False:
            return (scores,) if loss is None else (loss, scores)
        return TokenClassifierOutput(loss=loss, logits=scores)


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
