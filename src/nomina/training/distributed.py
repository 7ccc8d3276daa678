"""Several processes that train one model (``torchrun``): who writes, and when all wait for one another."""

from __future__ import annotations

import os

import torch

__all__ = ["barrier", "is_main_process"]


def is_main_process() -> bool:
    """Whether this process writes files and talks; true where there is only one."""
    return os.environ.get("RANK", "0") == "0"


def barrier() -> None:
    """Wait until every process has come here; does nothing where there is only one."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
