"""From a corpus to what training needs of it: vocabularies, encoded windows, and a tagger with a fresh head."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nomina.data.corpus import Corpus
from nomina.data.shapes import SHAPE, word_shape
from nomina.data.tags import Scheme, read_spans, retag
from nomina.data.tagsets import POS, differ
from nomina.encoding.encoders import EncoderSource, resolve_encoder
from nomina.encoding.tokenizers import load_tokenizer
from nomina.encoding.vocabulary import Vocabulary
from nomina.encoding.windows import Windows
from nomina.errors import ConfigError, DataError, EncoderError
from nomina.inference import Predictor, tag_missing, tag_source
from nomina.model import Tagger
from nomina.training.checks import resolve_features
from nomina.training.config import ModelConfig, RunConfig
from nomina.training.trainer import DevPart

__all__ = ["Prepared", "assemble", "build", "prepare", "with_scheme", "with_source_tags"]

_PROBE = 100
"""Sentences that show which tag set a source writes."""


@dataclass(frozen=True)
class Prepared:
    """What training reads; the same for all settings that differ in nothing but sizes, rates and the like.

    Attributes:
        labels: Entity tags that the model learns, by id.
        features: Values of each token feature by id, the unknown one first.
        windows: The encoded training part.
        dev: The encoded dev part with its tags, ``None`` without one.
    """

    labels: tuple[str, ...]
    features: Mapping[str, tuple[str, ...]]
    windows: Windows
    dev: DevPart | None


def prepare(
    predictor: Predictor, train: Corpus, dev: Corpus | None, config: RunConfig, *, progress: bool = False
) -> Prepared:
    """Encode the parts of a run.

    Args:
        predictor: From :func:`build`.
        train: Training part, with the tags that training reads (:func:`with_source_tags`).
        dev: Dev part as it is, or ``None``.
        config: Settings.
        progress: Whether to draw a progress bar while a source tags the dev part.
    """
    windows = predictor.encode(with_scheme(train, predictor.scheme).sentences)
    if dev is not None:
        dev = with_source_tags(dev, config.model, progress=progress)
    return Prepared(
        labels=tuple(predictor.labels.values),
        features={name: tuple(vocabulary.values) for name, vocabulary in predictor.features.items()},
        windows=windows,
        dev=_dev_part(predictor, dev),
    )


def with_source_tags(corpus: Corpus, config: ModelConfig, *, progress: bool = False) -> Corpus:
    """The corpus with the part-of-speech tags that training reads.

    Those of a spaCy source replace the corpus's own, unless the settings keep them; sentences without any always get
    the source's.

    Raises:
        ConfigError: If there is no such pipeline.
        MissingExtraError: If spaCy is not installed.
    """
    source = tag_source(config.pos_source)
    if source is None:
        return corpus
    tag = source if config.trains_on_source else functools.partial(tag_missing, source)
    return replace(corpus, sentences=tuple(tag(corpus.sentences, progress=progress)))


def build(train: Corpus, config: RunConfig) -> Predictor:
    """A predictor with the pretrained encoder and fresh features and head for a training part.

    Raises:
        DataError: If the training part has no labels or no entities.
        ConfigError: If a feature was named that the corpus lacks, or a window has no room for a word.
        EncoderError: If the encoder cannot be loaded.
    """
    if not train.has_labels or train.scheme is None:
        raise DataError("expected entity tags to train on, found none", path=train.source)
    types = {span.label for s in train for span in read_spans(s.labels or (), train.scheme).spans}
    if not types:
        raise DataError("expected entities to train on, found only the tag O; check --columns", path=train.source)
    labels = Vocabulary.of_labels(types, config.model.label_scheme)
    names = resolve_features(config.model, train)
    return assemble(labels.values, {name: _values(name, train, config.model) for name in names}, config)


def assemble(labels: Sequence[str], features: Mapping[str, Sequence[str]], config: RunConfig) -> Predictor:
    """A predictor with the pretrained encoder and fresh features and head for known vocabularies.

    Args:
        labels: Entity tags by id.
        features: Values of each token feature by id, the unknown one first.
        config: Settings.

    Raises:
        ConfigError: If a window has no room for a word.
        EncoderError: If the encoder cannot be loaded.
    """
    source = resolve_encoder(config.model.encoder)
    options: dict[str, Any] = {"trust_remote_code": config.model.trust_remote_code}
    if source.is_hub_id and config.model.revision:
        options["revision"] = config.model.revision
    tokenizer = load_tokenizer(source.location, **options)
    chosen = {name: config.model.feature(name) for name in features}
    model = _load_tagger(
        source,
        encoder_options=options,
        encoder_name=source.name,
        labels=labels,
        features=[
            {"name": name, "values": list(values), "dim": chosen[name].dim, "dropout": chosen[name].dropout}
            for name, values in features.items()
        ],
        scheme=config.model.label_scheme.value,
        fusion=config.model.fusion,
        head=config.model.head,
        constrained=config.model.constrained,
        dropout=config.model.dropout,
        pos_source=config.model.pos_source,
        trained_on_source=config.model.trains_on_source,
        pos_loss_weight=config.model.pos_loss_weight,
        context=config.model.context,
        max_pieces=config.model.max_pieces,
    )
    predictor = Predictor.of(model, tokenizer)
    n_special = len(predictor.word_pieces.prefix) + len(predictor.word_pieces.suffix)
    if predictor.max_pieces <= n_special:
        raise ConfigError([f"[model] max_pieces: expected more than the {n_special} special pieces of a window"])
    return predictor


def _values(name: str, train: Corpus, config: ModelConfig) -> tuple[str, ...]:
    """Values of a token feature by id, the unknown one first."""
    if name == SHAPE:
        # Shapes that occur once teach what an unknown shape is like; they are not hidden for that as tags are.
        shapes = Counter(word_shape(word) for s in train for word in s.words)
        values = Vocabulary.of_feature([[shape] * n for shape, n in shapes.items() if n > 1])
    else:
        values = Vocabulary.of_feature(s.features[name] for s in train)
    if name == POS and config.pos_source != "none":
        _check_source(values, train, config)
    return tuple(values)


def _check_source(values: Vocabulary, train: Corpus, config: ModelConfig) -> None:
    """Refuse a source that would be of no use: tags of another kind, or none to learn from."""
    if len(values) == 1:
        raise ConfigError([f"[model] pos_source: expected tags in {train.source} to learn from, found none"])
    source = tag_source(config.pos_source)
    if source is not None and not config.trains_on_source:
        tagged = source(train.sentences[:_PROBE])
        if differ(values.values[1:], {tag for s in tagged for tag in s.features[POS]}):
            raise ConfigError(
                [
                    f"[model] train_tags: the tags of {config.pos_source} are of another tag set than those of "
                    f"{train.source}; train on the source's (--train-tags source), or choose its other kind (:coarse)"
                ]
            )


def _load_tagger(source: EncoderSource, **options: Any) -> Tagger:
    try:
        return Tagger.from_encoder(source.location, **options)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise EncoderError(f"expected an encoder in {source.location!r}, could not load it: {error}") from error


def with_scheme(corpus: Corpus, scheme: Scheme) -> Corpus:
    """The same corpus with its labels in another scheme."""
    if corpus.scheme is None or corpus.scheme is scheme:
        return corpus
    source = corpus.scheme
    sentences = (replace(s, labels=retag(s.labels, source, scheme)[0]) if s.labels is not None else s for s in corpus)
    return replace(corpus, sentences=tuple(sentences), scheme=scheme)


def _dev_part(predictor: Predictor, dev: Corpus | None) -> DevPart | None:
    if dev is None or not len(dev):
        return None
    dev = with_scheme(dev, predictor.scheme)
    return DevPart(predictor.encode(predictor.with_pos(dev.sentences)), [s.labels or () for s in dev])
