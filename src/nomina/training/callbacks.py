"""What happens beside the optimizer steps: batch order, history, early stopping, a bar, checks of loss and memory."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from nomina.encoding.batches import LengthBatches
from nomina.errors import TrainingError
from nomina.inference.stream import heap_trimmer

__all__ = [
    "DEV_F1",
    "EarlyStopping",
    "EpochsAndCheckpoints",
    "FiniteLoss",
    "History",
    "PauseAt",
    "ProgressBar",
    "ReturnMemory",
    "TrainingPaused",
    "Watch",
    "Watching",
    "history_row",
    "should_stop",
]

DEV_F1 = "eval_f1"

Watch = Callable[[float, float], None]
"""Told the epochs trained so far and the dev F1 there."""


def should_stop(log_history: Sequence[dict[str, Any]], patience: int) -> bool:
    """Whether the last ``patience`` evaluations brought no better dev F1; never with a patience of 0."""
    f1s = [row[DEV_F1] for row in log_history if DEV_F1 in row]
    return bool(patience and f1s) and len(f1s) - 1 - f1s.index(max(f1s)) >= patience


def history_row(row: dict[str, Any]) -> dict[str, Any]:
    """A logged row as ``history.jsonl`` has it: the step first, scores named after the dev part."""
    named = {name.replace("eval_", "dev_", 1): value for name, value in row.items()}
    return {"step": named.pop("step", 0), **named}


class EpochsAndCheckpoints(TrainerCallback):
    """Chooses each epoch's batch order and, where asked, checkpoints within the epoch."""

    def __init__(self, *, batches: LengthBatches, steps_per_epoch: Callable[[], int], save_every: int | None) -> None:
        self.batches = batches
        self.steps_per_epoch = steps_per_epoch
        self.save_every = save_every

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        # Set on the sampler itself: wrappers that skip or share out batches do not all pass the epoch on.
        self.batches.set_epoch(state.global_step // self.steps_per_epoch())

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        every = self.save_every
        # The epoch's own checkpoint follows its last step; writing that step twice would endanger the first copy.
        ends_epoch = state.global_step % self.steps_per_epoch() == 0 or state.global_step == state.max_steps
        if every and state.global_step % every == 0 and not ends_epoch:
            control.should_save = True
            control.should_log = True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        # What is saved was logged before: so the loss was checked, and a resumed run logs the same rows.
        control.should_log = True


class History(TrainerCallback):
    """Writes every logged row to ``history.jsonl``; on resuming, first the rows up to the checkpoint."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.is_world_process_zero:
            self.path.write_text("".join(map(self._line, state.log_history)), encoding="utf-8")

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(self._line(state.log_history[-1]))

    @staticmethod
    def _line(row: dict[str, Any]) -> str:
        return json.dumps(history_row(row)) + "\n"


class EarlyStopping(TrainerCallback):
    """Stops early. Reads the logged history and keeps no state, so that a resumed run stops where it would have."""

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if should_stop(state.log_history, self.patience):
            control.should_training_stop = True


class TrainingPaused(Exception):  # noqa: N818 - it is no fault
    """Training has come to where it was to pause; its checkpoint is complete."""


class PauseAt(TrainerCallback):
    """Ends training after a step, as a killed process would right after that step's checkpoint.

    transformers' own way to stop evaluates at the end, and may take that evaluation for an epoch's; a paused run must
    go on as if there had been no pause.

    Args:
        step: Optimizer step, 1 or more.
        ends_epoch: Whether an epoch ends there; then its own checkpoint serves, which follows its evaluation.
    """

    def __init__(self, step: int, *, ends_epoch: bool) -> None:
        self.step = step
        self.ends_epoch = ends_epoch

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.global_step == self.step and not self.ends_epoch:
            control.should_save = True
            control.should_log = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.global_step >= self.step:
            raise TrainingPaused


class Watching(TrainerCallback):
    """Tells someone each evaluation."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.watch(state.epoch or 0.0, kwargs["metrics"][DEV_F1])


class ProgressBar(TrainerCallback):
    """A progress bar over all steps, with the last loss; on a terminal only."""

    def __init__(self, wanted: bool) -> None:
        self.disable = None if wanted else True
        self.bar: tqdm[Any] | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        disable = self.disable if state.is_world_process_zero else True
        self.bar = tqdm(
            total=state.max_steps, initial=state.global_step, desc="train", unit=" steps", disable=disable, leave=False
        )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        loss = state.log_history[-1].get("loss")
        if self.bar is not None and loss is not None:
            self.bar.set_postfix(loss=f"{loss:.3f}", refresh=False)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self.bar is not None:
            self.bar.close()


class FiniteLoss(TrainerCallback):
    """Stops with an error when the loss is no longer a number."""

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        loss = state.log_history[-1].get("loss", 0.0)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at step {state.global_step}; lower --learning-rate, or train in --precision fp32"
            )


class ReturnMemory(TrainerCallback):
    """On a CPU, gives freed memory back to the system from time to time.

    The holes in glibc's heap (:func:`heap_trimmer`) come to some hundred megabytes over an epoch.

    Args:
        every: Steps from one time to the next, 1 or more.
    """

    def __init__(self, every: int = 50) -> None:
        self.every = every
        self.trim = heap_trimmer()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self.trim is not None and args.device.type == "cpu" and state.global_step % self.every == 0:
            self.trim(0)
