"""The mean of the weights over the last part of training so far, by which a run is judged before its end.

While the learning rate is high, weights move about what they would settle on if it fell, and a score on the way says
little about the score at the end. The mean of the weights does: it settles without a fall of the rate (Izmailov et al.
2018, arXiv 1803.05407; Sanyal et al. 2023, arXiv 2306.03241).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import get_swa_multi_avg_fn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from nomina.training import checkpoints

__all__ = ["WeightMean"]


class WeightMean(TrainerCallback):
    """Takes the mean of the learning weights after each step of a window.

    Args:
        model: The model that is trained, with the weights that the optimizer changes.
        since: Optimizer step after which the window begins, 0 or more.
    """

    def __init__(self, model: torch.nn.Module, since: int) -> None:
        self.since = since
        self.n_steps = 0
        self._names, parameters = zip(
            *(pair for pair in model.named_parameters() if pair[1].requires_grad), strict=True
        )
        self._weights: list[torch.Tensor] = list(parameters)
        self._means: list[torch.Tensor] = []
        self._update: Any = get_swa_multi_avg_fn()  # type: ignore[no-untyped-call]

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Take the weights after an optimizer step into the mean."""
        if state.global_step <= self.since:
            return
        if not self._means:
            self._means = [torch.zeros_like(weight, requires_grad=False) for weight in self._weights]
        self._update(self._means, [weight.detach() for weight in self._weights], self.n_steps)
        self.n_steps += 1

    def put(self) -> None:
        """Put the mean in place of the weights; outside the window, they stay as they are."""
        with torch.no_grad():
            for weight, mean in zip(self._weights, self._means, strict=False):
                weight.copy_(mean)

    def save(self, checkpoint: Path) -> None:
        """Write what there is so far into a checkpoint."""
        if self.n_steps:
            tensors = dict(zip(self._names, self._means, strict=True))
            checkpoints.save_mean(checkpoint, tensors, since=self.since, n_steps=self.n_steps)

    def load(self, checkpoint: Path) -> None:
        """Go on from what a checkpoint has; one without a mean over the same window leaves all as it is.

        Raises:
            CheckpointError: If the file there is damaged.
        """
        found = checkpoints.load_mean(checkpoint, since=self.since)
        if found is not None:
            tensors, self.n_steps = found
            with checkpoints.reading(checkpoint):
                self._means = [
                    tensors[name].to(weight.device) for name, weight in zip(self._names, self._weights, strict=True)
                ]
