"""Fit a tagger to a training part: training, pauses, best checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import TrainerState, set_seed

from nomina.data.corpus import Corpus
from nomina.encoding.windows import Windows
from nomina.errors import ConfigError
from nomina.inference import Predictor
from nomina.inference.torch_network import choose_device
from nomina.model import SDPA_WITHOUT_WAITING, Tagger, cpu_kernels, used_rows
from nomina.training import checkpoints
from nomina.training.callbacks import DEV_F1, PauseAt, TrainingPaused, Watch, Watching, history_row, should_stop
from nomina.training.checks import check_training
from nomina.training.compute import attention_kernel, cpu_threads, recomputing
from nomina.training.config import RunConfig, TrainingConfig
from nomina.training.distributed import barrier, is_main_process
from nomina.training.lora import lora
from nomina.training.prepare import Prepared, assemble, build, prepare, with_source_tags
from nomina.training.trainer import DevPart, TaggerTrainer

__all__ = ["FitResult", "Paused", "default_learning_rate", "fit", "fit_prepared"]

Say = Callable[[str], None]


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


class Paused(NamedTuple):
    """Training that was paused.

    Attributes:
        epochs: Passes over the training part so far.
        step: Optimizer steps so far; the checkpoint of this step is there.
        dev_f1: F1 on the dev part (seqeval's default), in [0, 1], of the mean of the weights over the last part of the
            way where that was asked for, else of the weights at this point.
        train_s: Seconds spent in training and evaluating, in this process.
    """

    epochs: float
    step: int
    dev_f1: float
    train_s: float


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
    _check(config)
    set_seed(config.training.seed)
    train = with_source_tags(train, config.model, progress=progress)
    predictor = build(train, config)
    prepared = prepare(predictor, train, dev, config, progress=progress)
    if prepared.windows.n_cut_words:
        say(f"{prepared.windows.n_cut_words} words are cut off at {predictor.max_pieces} pieces, the size of a window")
    trainer, fitted = _run(predictor, prepared, config, folder, resume=resume, progress=progress, say=say)
    assert fitted is not None, trainer
    return fitted


def fit_prepared(
    prepared: Prepared,
    config: RunConfig,
    folder: Path,
    *,
    until: float | None = None,
    since: float | None = None,
    watch: Watch | None = None,
    say: Say = lambda line: None,
) -> FitResult | Paused:
    """Train on what is encoded already, from the newest checkpoint in the folder on, to the end or a part of the way.

    The schedule of the learning rate, the batches and all that is random are those of :func:`fit` with the same
    settings: however often training is paused, its end is the same to the last bit.

    Args:
        prepared: From :func:`nomina.training.prepare.prepare`, with settings that differ in sizes and rates at most.
        config: Settings.
        folder: As for :func:`fit`.
        until: Epochs after which to pause, above 0; a checkpoint is left there. ``None`` for the end.
        since: Epochs after which a mean of the weights begins (:class:`nomina.training.averaging.WeightMean`), by which
            the pause is scored; ``None`` for the weights as they are. An earlier pause lies there or before.
        watch: Told the dev F1 of each epoch as it is known; what it raises ends training.
        say: Told what happens, one line at a time.

    Returns:
        A :class:`FitResult` where training came to its end, else where it stands.

    Raises:
        As :func:`fit` does.
    """
    _check(config)
    set_seed(config.training.seed)
    predictor = assemble(prepared.labels, prepared.features, config)
    start = time.perf_counter()
    trainer, fitted = _run(predictor, prepared, config, folder, resume=True, say=say, pause=(until, since), watch=watch)
    if fitted is not None:
        return fitted
    history = trainer.state.log_history if trainer.mean is None else []
    f1 = next((row[DEV_F1] for row in history if DEV_F1 in row and row["step"] == trainer.state.global_step), None)
    if f1 is None:
        f1 = trainer.score_dev().f1
    train_s = time.perf_counter() - start
    epochs = trainer.state.epoch or 0.0
    return Paused(epochs=epochs, step=trainer.state.global_step, dev_f1=f1, train_s=train_s)


def _check(config: RunConfig) -> None:
    faults = check_training(config.training, config.model)
    if faults:
        raise ConfigError(faults)


def _run(
    predictor: Predictor,
    prepared: Prepared,
    config: RunConfig,
    folder: Path,
    *,
    resume: bool,
    say: Say,
    progress: bool = False,
    pause: tuple[float | None, float | None] = (None, None),
    watch: Watch | None = None,
) -> tuple[TaggerTrainer, FitResult | None]:
    """Train to the end, or to a pause, of which there is no result."""
    rate = _learning_rate(config.training, predictor.model)
    settings = config.training.model_copy(update={"learning_rate": rate})
    start = time.perf_counter()
    with _set_up_for_training(predictor.model, prepared.windows, prepared.dev, config):
        trainer = TaggerTrainer(
            predictor=predictor,
            windows=prepared.windows,
            dev=prepared.dev,
            config=settings,
            folder=folder / "checkpoints",
            history=folder / "history.jsonl",
            progress=progress,
            on_message=say,
        )
        if watch is not None:
            trainer.add_callback(Watching(watch))
        say(_announcement(trainer))
        if not _train(trainer, resume=resume, pause=pause, say=say):
            if trainer.mean is not None:
                trainer.mean.put()
            return trainer, None
        best_step = trainer.state.best_global_step or trainer.state.global_step
        _load_weights(trainer, best_step)
    train_s = time.perf_counter() - start
    n_pieces = int(prepared.windows.lengths.sum())
    return trainer, FitResult(
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
        stack.enter_context(cpu_threads(config.training.threads))
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


def _train(trainer: TaggerTrainer, *, resume: bool, pause: tuple[float | None, float | None], say: Say) -> bool:
    """Train from the newest checkpoint on; returns whether the end was reached, and not a pause."""
    until, since = pause
    if is_main_process():
        cut_off = checkpoints.discard_incomplete(trainer.folder)
        if cut_off:
            say(f"removed {cut_off[-1].name}, which was cut off while it was written")
        if not resume:
            checkpoints.keep_only(trainer.folder, set())
    barrier()
    stop = None if until is None else max(1, round(until * trainer.steps_per_epoch))
    if stop is not None and stop >= math.ceil(trainer.config.epochs * trainer.steps_per_epoch):
        stop = None  # the end itself is evaluated, and may be the best
    newest = checkpoints.latest(trainer.folder)
    if stop is not None and since is not None:
        mean = trainer.judge_by_mean(min(round(since * trainer.steps_per_epoch), stop - 1))
        if newest is not None:
            mean.load(newest)
    if newest is not None:
        say(f"resuming from {newest.name}")
        state = _load_state(newest)
        if should_stop(state.log_history, trainer.config.patience) or state.global_step >= state.max_steps:
            # Training had ended at this checkpoint; the trainer would look only after one more step.
            trainer.state = state
            return True
        if stop is not None and state.global_step >= stop:
            trainer.state = state
            _load_weights(trainer, state.global_step)
            return False
    if stop is not None:
        trainer.add_callback(PauseAt(stop, ends_epoch=stop % trainer.steps_per_epoch == 0))
    try:
        trainer.train(resume_from_checkpoint=None if newest is None else str(newest))
    except TrainingPaused:
        return False
    return True


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
