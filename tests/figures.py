"""Runs without figures: drawing takes most of the time of a run that is small."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["NO_FIGURES", "without_figures"]


def _draw_none(*_: object) -> dict[str, Path]:
    return {}


NO_FIGURES = {
    f"nomina.{name}": _draw_none for name in ("runs.draw_evaluation", "runs.draw_training", "workflow.draw_search")
}
"""What to put in place of what, for runs, evaluations and searches that draw none."""


@contextmanager
def without_figures() -> Iterator[None]:
    """Within, runs, evaluations and searches in this process draw none; for tests that do not look at them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, stand_in in NO_FIGURES.items():
            patch.setattr(name, stand_in)
        yield
