"""Fit a tagger to a training part: vocabularies, encoder, encoded windows, training, best checkpoint."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import TrainerState, set_seed

from nomina.data.corpus import Corpus
from nomina.data.shapes import SHAPE, word_shape
from nomina.data.tags import Scheme, read_spans, retag
from nomina.data.tagsets import POS, SPACY, differ
from nomina.encoding.encoders import EncoderSource, resolve_encoder
from nomina.encoding.tokenizers import load_tokenizer
from nomina.encoding.vocabulary import Vocabulary
from nomina.encoding.windows import Windows
from nomina.errors import ConfigError, DataError, EncoderError, MissingExtraError
from nomina.inference import Predictor, choose_device, tag_missing, tag_source
from nomina.model import SDPA_WITHOUT_WAITING, Tagger, cpu_kernels, used_rows
from nomina.training import checkpoints
from nomina.training.callbacks import history_row, should_stop
from nomina.training.compute import GPU_KERNELS, attention_kernel, recomputing
from nomina.training.config import ModelConfig, RunConfig, TrainingConfig
from nomina.training.distributed import barrier, is_main_process
from nomina.training.loggers import check_loggers
from nomina.training.lora import check_lora, lora
from nomina.training.trainer import DevPart, TaggerTrainer, has_fast_bf16

__all__ = [
    "FitResult",
    "build",
    "check_training",
    "default_learning_rate",
    "fit",
    "resolve_features",
    "with_scheme",
    "with_source_tags",
]

Say = Callable[[str], None]

_PROBE = 100
"""Sentences that show which tag set a source writes."""


@dataclass(frozen=True)
class FitResult:
    """A fitted tagger and how it came about.

    Attributes:
        predictor: The tagger with the best epoch's weights, ready to predict.
        best_step: Optimizer step of these weights.
        best_dev_f1: Their F1 on the dev part (seqeval's default), ``None`` without a dev part.
        n_steps: Optimizer steps in all.
        history: Logged rows, as in ``history.jsonl``.
        learning_rate: Peak rate of the encoder that was used.
        train_s: Seconds spent in training and evaluating, in this process.
        n_pieces: Word pieces of the training part, special pieces included.
        padding: Share of padding in the batches of the first epoch, in [0, 1).
    """

    predictor: Predictor
    best_step: int
    best_dev_f1: float | None
    n_steps: int
    history: list[dict[str, Any]]
    learning_rate: float
    train_s: float
    n_pieces: int
    padding: float


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


def default_learning_rate(hidden_dim: int, *, with_lora: bool = False) -> float:
    """Peak rate of the encoder by its width: small encoders take, and need, larger steps.

    3e-4 below 512 (MiniLM; chosen on dev parts, ``benchmarks/rates.json``), 5e-5 up to 1023 and 2e-5 from there on (the
    range of the BERT paper, Devlin et al. 2019, appendix A.3; not measured here).

    With LoRA 1e-3, 5e-4 and 2e-4. The latter two are ten times the rates above, and rates that Hu et al. (2021, arXiv
    2106.09685, appendix D) took for RoBERTa base and large. Ten times the rate of MiniLM is too much for it.

    Args:
        hidden_dim: Width of the encoder, 1 or more.
        with_lora: Whether low-rank additions learn in place of the encoder's own weights.
    """
    small, base, large = (1e-3, 5e-4, 2e-4) if with_lora else (3e-4, 5e-5, 2e-5)
    return small if hidden_dim < 512 else base if hidden_dim < 1024 else large


def fit(
    train: Corpus,
    dev: Corpus | None,
    config: RunConfig,
    folder: Path,
    *,
    resume: bool = False,
    progress: bool = False,
    say: Say = lambda line: None,
) -> FitResult:
    """Train, and return the weights of the epoch with the best dev F1 (of the last epoch without a dev part).

    Args:
        train: Training part, with labels.
        dev: Dev part, or ``None``.
        config: Settings.
        folder: Existing folder of the run; gets ``history.jsonl`` and ``checkpoints/``.
        resume: Continue from the newest complete checkpoint, if there is one. The result is that of a run that was
            never interrupted.
        progress: Whether to draw progress bars.
        say: Told what happens, one line at a time.

    Raises:
        DataError: If the training part has no labels or no entities.
        ConfigError: If a feature was named that the corpus lacks, or settings do not fit this machine.
        EncoderError: If the encoder cannot be loaded, or cannot do what the settings ask of it.
        TrainingError: If the loss becomes infinite, or a checkpoint is damaged.
    """
    faults = check_training(config.training, config.model)
    if faults:
        raise ConfigError(faults)
    set_seed(config.training.seed)
    train = with_source_tags(train, config.model, progress=progress)
    predictor = build(train, config)
    windows = predictor.encode(with_scheme(train, predictor.scheme).sentences)
    if windows.n_cut_words:
        say(f"{windows.n_cut_words} words are cut off at {predictor.max_pieces} pieces, the size of a window")
    if dev is not None:
        dev = with_source_tags(dev, config.model, progress=progress)
    dev_part = _dev_part(predictor, dev)
    rate = _learning_rate(config.training, predictor.model)
    settings = config.training.model_copy(update={"learning_rate": rate})
    start = time.perf_counter()
    with _set_up_for_training(predictor.model, windows, dev_part, config):
        trainer = TaggerTrainer(
            predictor=predictor,
            windows=windows,
            dev=dev_part,
            config=settings,
            folder=folder / "checkpoints",
            history=folder / "history.jsonl",
            progress=progress,
            on_message=say,
        )
        say(_announcement(trainer))
        _train(trainer, resume=resume, say=say)
        best_step = trainer.state.best_global_step or trainer.state.global_step
        _load_weights(trainer, best_step)
    train_s = time.perf_counter() - start
    n_pieces = int(windows.lengths.sum())
    return FitResult(
        predictor=predictor,
        best_step=best_step,
        best_dev_f1=trainer.state.best_metric,
        n_steps=trainer.state.global_step,
        history=[history_row(row) for row in trainer.state.log_history],
        learning_rate=rate,
        train_s=train_s,
        n_pieces=n_pieces,
        padding=1 - n_pieces / _n_computed(trainer),
    )


def build(train: Corpus, config: RunConfig) -> Predictor:
    """A predictor with the pretrained encoder and fresh features and head for a training part."""
    if not train.has_labels or train.scheme is None:
        raise DataError("expected entity tags to train on, found none", path=train.source)
    types = {span.label for s in train for span in read_spans(s.labels or (), train.scheme).spans}
    if not types:
        raise DataError("expected entities to train on, found only the tag O; check --columns", path=train.source)
    labels = Vocabulary.of_labels(types, config.model.label_scheme)
    names = resolve_features(config.model, train)
    features = [_feature(name, train, config.model) for name in names]
    source = resolve_encoder(config.model.encoder)
    options: dict[str, Any] = {"trust_remote_code": config.model.trust_remote_code}
    if source.is_hub_id and config.model.revision:
        options["revision"] = config.model.revision
    tokenizer = load_tokenizer(source.location, **options)
    model = _load_tagger(
        source,
        encoder_options=options,
        encoder_name=source.name,
        labels=labels.values,
        features=features,
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
    predictor = Predictor(model, tokenizer)
    n_special = len(predictor.word_pieces.prefix) + len(predictor.word_pieces.suffix)
    if predictor.max_pieces <= n_special:
        raise ConfigError([f"[model] max_pieces: expected more than the {n_special} special pieces of a window"])
    return predictor


def _feature(name: str, train: Corpus, config: ModelConfig) -> dict[str, Any]:
    """A token feature as :class:`TaggerConfig` describes it."""
    if name == SHAPE:
        # Shapes that occur once teach what an unknown shape is like; they are not hidden for that as tags are.
        shapes = Counter(word_shape(word) for s in train for word in s.words)
        values = Vocabulary.of_feature([[shape] * n for shape, n in shapes.items() if n > 1])
    else:
        values = Vocabulary.of_feature(s.features[name] for s in train)
    if name == POS and config.pos_source != "none":
        _check_source(values, train, config)
    setting = config.feature(name)
    return {"name": name, "values": list(values), "dim": setting.dim, "dropout": setting.dropout}


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


def _learning_rate(config: TrainingConfig, model: Tagger) -> float:
    hidden_dim: Any = model.encoder.config.hidden_size  # type: ignore[union-attr]
    return config.learning_rate or default_learning_rate(hidden_dim, with_lora=config.lora_rank > 0)


@contextmanager
def _set_up_for_training(model: Tagger, windows: Windows, dev: DevPart | None, config: RunConfig) -> Iterator[None]:
    """Within, the model learns what the settings ask for, in less time or memory; afterwards it is as before, but
    trained.
    """
    parts = [windows.used_pieces] if dev is None else [windows.used_pieces, dev.windows.used_pieces]
    used = torch.from_numpy(np.unique(np.concatenate(parts)).astype(np.int64))
    kernel: str = config.model.attention
    with ExitStack() as stack:
        stack.enter_context(lora(model, config.training.lora_rank))
        stack.enter_context(used_rows(model, used))  # leaves a table alone that LoRA has frozen
        if choose_device(config.training.device).type == "cpu":
            stack.enter_context(cpu_kernels(model))
        elif kernel == "auto" and model.encoder.config._attn_implementation == "sdpa":  # type: ignore[union-attr]
            kernel = SDPA_WITHOUT_WAITING
        stack.enter_context(attention_kernel(model, kernel))  # a wish wins over what the device likes best
        stack.enter_context(recomputing(model, config.training.gradient_checkpointing))
        yield


def _announcement(trainer: TaggerTrainer) -> str:
    n_processes = trainer.args.world_size
    processes = f" with {n_processes} processes" if n_processes > 1 else ""
    size = f"{len(trainer.windows):,} windows, {trainer.steps_per_epoch:,} steps an epoch"
    precision = "bf16" if trainer.args.bf16 else "fp16" if trainer.args.fp16 else "fp32"
    encoder = trainer.predictor.model.encoder
    n_learning = sum(weight.numel() for weight in encoder.parameters() if weight.requires_grad)
    weights = f", {n_learning:,} weights of LoRA in place of the encoder's" if trainer.config.lora_rank else ""
    return f"training on {trainer.args.device.type} in {precision}{processes}: {size}{weights}"


def _train(trainer: TaggerTrainer, *, resume: bool, say: Say) -> None:
    if is_main_process():
        cut_off = checkpoints.discard_incomplete(trainer.folder)
        if cut_off:
            say(f"removed {cut_off[-1].name}, which was cut off while it was written")
        if not resume:
            checkpoints.keep_only(trainer.folder, set())
    barrier()
    newest = checkpoints.latest(trainer.folder)
    if newest is None:
        trainer.train()
        return
    say(f"resuming from {newest.name}")
    state = _load_state(newest)
    if should_stop(state.log_history, trainer.config.patience) or state.global_step >= state.max_steps:
        # Training had ended at this checkpoint; the trainer would look only after one more step.
        trainer.state = state
        return
    trainer.train(resume_from_checkpoint=str(newest))


def _load_state(checkpoint: Path) -> TrainerState:
    with checkpoints.reading(checkpoint):
        state: TrainerState = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
    return state


def _load_weights(trainer: TaggerTrainer, step: int) -> None:
    checkpoint = trainer.folder / f"checkpoint-{step}"
    with checkpoints.reading(checkpoint):
        weights = load_file(checkpoint / "model.safetensors")
    trainer.predictor.model.load_state_dict(weights)
    # Accelerate has wrapped the forward pass for mixed precision; what is judged and shipped computes in fp32.
    trainer.accelerator.unwrap_model(trainer.predictor.model, keep_fp32_wrapper=False)
    barrier()
    trainer.predictor.model.eval()  # type: ignore[no-untyped-call]


def _n_computed(trainer: TaggerTrainer) -> int:
    lengths = trainer.windows.lengths
    trainer.batches.set_epoch(0)
    return sum(int(lengths[batch].max()) * len(batch) for batch in trainer.batches)
