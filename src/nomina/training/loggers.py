"""Pass loss and dev F1 on to TensorBoard, Weights & Biases or MLflow."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from transformers import TrainerCallback

from nomina.errors import MissingExtraError

__all__ = ["Logger", "check_loggers", "tensorboard"]

Logger = Literal["tensorboard", "wandb", "mlflow"]


def check_loggers(names: Sequence[Logger]) -> None:
    """Check that each logger's package is there.

    Raises:
        MissingExtraError: For the first one that is not.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError(name, name)


def tensorboard(folder: Path) -> TrainerCallback:
    """A callback that writes TensorBoard events into a folder.

    transformers' own choice lies among the checkpoints, which go when training has ended.
    """
    from torch.utils.tensorboard.writer import SummaryWriter
    from transformers.integrations.integration_utils import TensorBoardCallback

    callback: TrainerCallback = TensorBoardCallback(SummaryWriter(log_dir=str(folder)))
    return callback
