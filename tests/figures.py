"""Runs without figures: drawing takes most of the time of a run that is small."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

__all__ = ["without_figures"]


@contextmanager
def without_figures() -> Iterator[None]:
    """Within, runs, evaluations and searches in this process draw none; for tests that do not look at them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("runs.draw_evaluation", "runs.draw_training", "workflow.draw_search"):
            patch.setattr(f"nomina.{name}", lambda *_: {})
        yield
