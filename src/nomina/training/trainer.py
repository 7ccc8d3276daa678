"""A thin ``transformers.Trainer``: our batches, parameter groups, checkpoints, and evaluation through ``Predictor``."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from nomina.encoding.batches import Batch, LengthBatches, collate
from nomina.encoding.decode import tags_of
from nomina.encoding.windows import Windows
from nomina.inference import Predictor
from nomina.inference.labelling import Labelled
from nomina.inference.torch_network import choose_device
from nomina.model import Tagger
from nomina.scoring import Counts, sentence_counts
from nomina.training import checkpoints
from nomina.training.averaging import WeightMean
from nomina.training.callbacks import (
    DEV_F1,
    EarlyStopping,
    EpochsAndCheckpoints,
    FiniteLoss,
    History,
    ProgressBar,
    ReturnMemory,
)
from nomina.training.compute import in_fp32, recomputing_arguments
from nomina.training.config import TrainingConfig
from nomina.training.distributed import barrier
from nomina.training.loggers import tensorboard

__all__ = ["DevPart", "TaggerTrainer", "parameter_groups", "training_arguments"]


class _Indices(Dataset[int]):
    """Window indices; the collate function does the rest."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> int:
        return index


class DevPart:
    """What training-time evaluation scores.

    Args:
        windows: The encoded dev part.
        gold: Its tags, one sequence per sentence.
    """

    def __init__(self, windows: Windows, gold: Sequence[Sequence[str]]) -> None:
        self.windows = windows
        self.gold = gold

    def counts(self, labelled: Labelled, labels: Sequence[str]) -> npt.NDArray[np.int64]:
        """Entities of each sentence (seqeval's default): correct, predicted and gold, int64 [n_sentences, 3].

        Args:
            labelled: Labels found for ``windows``.
            labels: Entity tags by id.
        """
        return sentence_counts(self.gold, tags_of(labelled.ids, labels, self.windows.sentence_offsets))


def training_arguments(config: TrainingConfig, folder: Path, *, has_dev: bool) -> TrainingArguments:
    """Translate our settings into transformers' own.

    Args:
        config: Our settings, with ``learning_rate`` given.
        folder: Where checkpoints go.
        has_dev: Whether to evaluate after each epoch.
    """
    use_cpu = choose_device(config.device).type == "cpu"
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=config.batch_size,
        gradient_accumulation_steps=config.accumulation,
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate or 0.0,
        lr_scheduler_type={"constant": "constant_with_warmup"}.get(config.schedule, config.schedule),
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        seed=config.seed,
        bf16=config.precision == "bf16" or (config.precision == "auto" and has_fast_bf16(use_cpu=use_cpu)),
        fp16=config.precision == "fp16",
        torch_compile=config.compile,
        use_cpu=use_cpu,
        logging_steps=config.log_every,
        logging_nan_inf_filter=False,
        eval_strategy="epoch" if has_dev else "no",
        save_strategy="epoch",
        save_total_limit=None,
        metric_for_best_model=DEV_F1,
        greater_is_better=True,
        report_to=[name for name in config.report_to if name != "tensorboard"],
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=not use_cpu and torch.cuda.is_available(),
        **recomputing_arguments(config.gradient_checkpointing),
    )


def has_fast_bf16(*, use_cpu: bool) -> bool:
    """Whether this machine multiplies bf16 in hardware: most GPUs, and CPUs with AVX512-BF16 or AMX."""
    if not use_cpu:
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    get_capabilities = getattr(torch.cpu, "get_capabilities", dict)  # not in every torch that we allow
    capabilities: dict[str, Any] = get_capabilities()
    return any(bool(capabilities.get(name)) for name in ("avx512_bf16", "amx_bf16"))


def parameter_groups(
    model: Tagger,
    *,
    learning_rate: float,
    head_learning_rate: float,
    weight_decay: float,
    crf_learning_rate: float = 1e-2,
) -> list[dict[str, Any]]:
    """AdamW's groups: the encoder at its rate, all else at its own; biases, norms, word pieces and borders without
    decay.

    The word-piece table does not decay: rows that get no gradient would shrink by nothing but how long one trains, and
    be worse for words that occur at prediction time only.

    Args:
        model: A tagger; its encoder's parameters start with ``encoder.``.
        learning_rate: Rate of the encoder.
        head_learning_rate: Rate of features, fusion and head.
        weight_decay: Decay of matrices.
        crf_learning_rate: Rate of a CRF's border scores.
    """
    undecayed = (model.get_input_embeddings().weight, getattr(model.head, "borders", None))
    rates = {"encoder": learning_rate, "head": head_learning_rate, "crf": crf_learning_rate}
    groups: dict[tuple[str, bool], list[torch.nn.Parameter]] = {
        (kind, decays): [] for kind in rates for decays in (True, False)
    }
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            kind = "encoder" if name.startswith("encoder.") else "crf" if name == "head.borders" else "head"
            decays = parameter.ndim > 1 and all(parameter is not other for other in undecayed)
            groups[kind, decays].append(parameter)
    return [
        {"params": parameters, "lr": rates[kind], "weight_decay": weight_decay if decays else 0.0}
        for (kind, decays), parameters in groups.items()
        if parameters
    ]


def _windows_per_batch(windows: Windows, n_sentences: int) -> int:
    """Windows that hold about so many sentences, 1 or more: with document context, a window holds several."""
    return max(1, round(n_sentences * min(1.0, len(windows) / max(windows.n_sentences, 1))))


class TaggerTrainer(Trainer):
    """Trains a predictor's tagger.

    Args:
        predictor: Holds the tagger; evaluation goes through it.
        windows: The encoded training part.
        dev: What to evaluate after each epoch, or ``None``.
        config: Settings, with ``learning_rate`` given.
        folder: Where checkpoints go.
        history: Where ``history.jsonl`` goes.
        progress: Whether to draw a progress bar.
        on_message: Told what happens, one line at a time.
    """

    def __init__(
        self,
        *,
        predictor: Predictor,
        windows: Windows,
        dev: DevPart | None,
        config: TrainingConfig,
        folder: Path,
        history: Path,
        progress: bool = False,
        on_message: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.predictor = predictor
        self.windows = windows
        self.dev = dev
        self.config = config
        self.folder = folder
        self.on_message = on_message
        self.mean: WeightMean | None = None
        args = training_arguments(config, folder, has_dev=dev is not None)
        self.batches = LengthBatches(
            windows.lengths,
            _windows_per_batch(windows, config.batch_size),
            seed=config.seed,
            share=args.process_index,
            n_shares=args.world_size,
        )
        super().__init__(
            model=predictor.model,
            args=args,
            train_dataset=_Indices(len(windows)),
            eval_dataset=_Indices(0 if dev is None else len(dev.windows)),
            callbacks=[
                EpochsAndCheckpoints(
                    batches=self.batches, steps_per_epoch=lambda: self.steps_per_epoch, save_every=config.save_every
                ),
                History(history),
                EarlyStopping(config.patience),
                FiniteLoss(),
                ProgressBar(progress),
                ReturnMemory(),
            ],
        )
        # Ours say less: one bar, one line for each evaluation.
        self.remove_callback(PrinterCallback)
        self.remove_callback(ProgressCallback)
        if "tensorboard" in config.report_to:
            self.add_callback(tensorboard(history.parent / "tensorboard"))

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one epoch, in all processes together."""
        return math.ceil(len(self.batches) / self.config.accumulation)

    def get_train_dataloader(self) -> DataLoader[Batch]:
        """Batches of similar length; each process has its share."""
        loader: DataLoader[Any] = DataLoader(
            _Indices(len(self.windows)),
            batch_sampler=self.batches,
            collate_fn=functools.partial(collate, self.windows),
            pin_memory=self.args.dataloader_pin_memory,
            # A loader without its own generator draws from the global one, and a resumed run would differ.
            generator=torch.Generator(),
        )
        # As accelerate prepares it for one process: it would share out batches of one size only.
        prepared: DataLoader[Batch] = prepare_data_loader(
            loader, device=self.args.device, num_processes=1, process_index=0, put_on_device=True
        )
        return prepared

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) over :func:`parameter_groups`."""
        if self.optimizer is None:
            groups = parameter_groups(
                self.predictor.model,
                learning_rate=self.args.learning_rate,
                head_learning_rate=self.config.head_learning_rate,
                weight_decay=self.config.weight_decay,
                crf_learning_rate=self.config.crf_learning_rate,
            )
            self.optimizer = torch.optim.AdamW(groups, fused=self.args.device.type in ("cpu", "cuda"))
        return self.optimizer

    def score_dev(self) -> Counts:
        """Entities of the dev part (seqeval's default) with the weights as they are; nothing is logged."""
        return self._scores(self._label_dev())

    def _label_dev(self) -> Labelled:
        assert self.dev is not None
        with in_fp32(self.predictor.model):
            return self.predictor.label(self.dev.windows)

    def _scores(self, labelled: Labelled) -> Counts:
        assert self.dev is not None
        return Counts(*self.dev.counts(labelled, self.predictor.labels.values).sum(0).tolist())

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Precision, recall and F1 (seqeval's default) of the dev part, through :class:`Predictor`."""
        assert self.dev is not None
        labelled = self._label_dev()
        scores = self._scores(labelled)
        metrics = {
            f"{metric_key_prefix}_{name}": float(getattr(scores, name)) for name in ("f1", "precision", "recall")
        }
        joint = self.predictor.model.config.joint_feature
        if labelled.tag_ids is not None and joint is not None:
            gold = self.dev.windows.features[:, joint]
            if (gold > 0).any():
                metrics[f"{metric_key_prefix}_pos_accuracy"] = float((labelled.tag_ids == gold)[gold > 0].mean())
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        epoch = self.state.epoch or 0.0
        accuracy = metrics.get(f"{metric_key_prefix}_pos_accuracy")
        of_tags = "" if accuracy is None else f", POS accuracy {accuracy:.4f}"
        self.on_message(f"epoch {epoch:.4g}: dev F1 {scores.f1:.4f}{of_tags}")
        return metrics

    def judge_by_mean(self, since: int) -> WeightMean:
        """Take the mean of the weights from a step on, and write it into the checkpoints.

        Args:
            since: Optimizer step after which the window begins, 0 or more.
        """
        self.mean = WeightMean(self.predictor.model, since)
        self.add_callback(self.mean)
        return self.mean

    # Checkpoints: the same points in time as transformers' own, but complete or absent, and without pickle.

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        if self.args.should_save:
            self.predictor.save(output_dir or self.folder)

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        barrier()
        if self.args.should_save:
            step = self.state.global_step
            if self.mean is not None:
                self.mean.save(self.folder / f"checkpoint-{step}")
            checkpoints.mark_complete(self.folder / f"checkpoint-{step}", {"step": step, "epoch": self.state.epoch})
            checkpoints.keep_only(self.folder, {step, self.state.best_global_step or step})

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: torch.nn.Module | None = None) -> None:
        with checkpoints.reading(Path(resume_from_checkpoint)):
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self.args.should_save:
            checkpoints.save_optimizer(Path(output_dir), self.optimizer, self.lr_scheduler, self._scaler)  # type: ignore[arg-type]

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            checkpoints.load_optimizer(Path(checkpoint), self.optimizer, self.lr_scheduler, self._scaler)  # type: ignore[arg-type]

    @property
    def _scaler(self) -> Any:
        return getattr(self.accelerator, "scaler", None)

    def _save_scaler(self, output_dir: str) -> None:
        """The scaler's state lies with the optimizer's."""

    def _load_scaler(self, checkpoint: str | None) -> None:
        """The scaler's state lies with the optimizer's."""

    def _save_rng_state(self, output_dir: str) -> None:
        Path(output_dir).mkdir(parents=True, exist_ok=True)
        checkpoints.save_random_state(Path(output_dir), self.args.process_index)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            checkpoints.load_random_state(Path(checkpoint), self.args.process_index)
