"""``TaggerConfig``: everything that is needed to build a tagger and to feed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import AutoConfig, PretrainedConfig

__all__ = ["TaggerConfig"]


class TaggerConfig(PretrainedConfig):
    """Configuration of a :class:`~nomina.model.tagger.Tagger`; ``config.json`` of a model folder.

    Args:
        encoder: The encoder's own configuration as a dictionary with its ``model_type``.
        encoder_name: What the user called the encoder (a hub id, a folder, ``"minilm"``), for information.
        features: Token features in the order of ``feature_ids``: ``name``, ``values`` (id 0 is the unknown value),
            ``dim``, the size of the embedding (1 or more), and ``dropout``, the share of values replaced by the unknown
            one in training, in [0, 1]. Empty for a tagger that reads words alone.
        labels: Label names by id, at least one.
        scheme: Tag scheme of the labels.
        fusion: How features join the encoder's output: ``"concat"``, ``"add"``, ``"gate"`` or ``"attention"``.
        head: ``"linear"`` or ``"crf"``.
        constrained: Whether decoding forbids labels that may not follow one another in the scheme.
        dropout: Dropout before the classifier, in [0, 1).
        feature_dropout: Dropout of features that name none of their own, in [0, 1].
        pos_source: Where the tags of the feature ``pos`` come from if the input has none: ``"none"``, ``"joint"`` (a
            second head on the encoder) or ``"spacy:PIPELINE"``, with ``:coarse`` at its end for universal tags.
        trained_on_source: Whether training read the source's tags in place of the corpus's own.
        pos_loss_weight: Weight of the tag head's loss beside that of the entities, 0 or more.
        context: What a window shows: one ``"sentence"``, or as much of the ``"document"`` as fits.
        max_pieces: The most word pieces of a window, special pieces included; 0 means the encoder's limit.
        span_temperature: What the log-odds of span scores are divided by, above 0; 1 leaves them as they are.
        kwargs: Passed on to ``PretrainedConfig``.
    """

    model_type = "nomina-tagger"

    def __init__(
        self,
        encoder: Mapping[str, Any] | None = None,
        encoder_name: str = "",
        features: Sequence[Mapping[str, Any]] = (),
        labels: Sequence[str] | None = None,
        scheme: str = "IOB2",
        fusion: str = "concat",
        head: str = "linear",
        constrained: bool = False,
        dropout: float = 0.1,
        feature_dropout: float = 0.1,
        pos_source: str = "none",
        trained_on_source: bool = False,
        pos_loss_weight: float = 0.3,
        context: str = "sentence",
        max_pieces: int = 0,
        span_temperature: float = 1.0,
        **kwargs: Any,
    ) -> None:
        if labels is not None:
            kwargs["id2label"] = dict(enumerate(labels))
            kwargs["label2id"] = {label: i for i, label in enumerate(labels)}
        self.encoder = dict(encoder) if encoder is not None else {"model_type": "bert"}
        self.encoder_name = encoder_name
        self.features = [{"dropout": feature_dropout, **feature} for feature in features]
        self.scheme = scheme
        self.fusion = fusion
        self.head = head
        self.constrained = constrained
        self.dropout = dropout
        self.feature_dropout = feature_dropout
        self.pos_source = pos_source
        self.trained_on_source = trained_on_source
        self.pos_loss_weight = pos_loss_weight
        self.context = context
        self.max_pieces = max_pieces
        if not isinstance(span_temperature, int | float) or not 0 < span_temperature < float("inf"):
            raise ValueError(f"span_temperature: expected a number above 0, found {span_temperature!r}")
        self.span_temperature = float(span_temperature)
        super().__init__(**kwargs)

    @property
    def labels(self) -> list[str]:
        """Label names by id."""
        names: Mapping[Any, str] = self.id2label or {}
        return [names[i] for i in range(len(names))]

    @property
    def joint_feature(self) -> int | None:
        """Index of the feature whose values a second head predicts, ``None`` without one."""
        names = [feature["name"] for feature in self.features]
        return names.index("pos") if self.pos_source == "joint" and "pos" in names else None

    def encoder_config(self) -> PretrainedConfig:
        """The encoder's configuration as an object of its own class."""
        options = {key: value for key, value in self.encoder.items() if key != "model_type"}
        config: PretrainedConfig = AutoConfig.for_model(self.encoder["model_type"], **options)
        return config
