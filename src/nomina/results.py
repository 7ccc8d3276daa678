"""What the functions of the workflow return: small facts, and where the files are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nomina.data.records import Note
from nomina.inference import Predictor
from nomina.judging import Judged
from nomina.scoring.comparison import Comparison
from nomina.scoring.search import Search
from nomina.training.config import RunConfig

__all__ = ["CompareResult", "TrainResult", "TuneResult"]


@dataclass(frozen=True, repr=False)
class TrainResult:
    """A finished run.

    Attributes:
        folder: The model folder.
        predictor: The model, ready to predict.
        dev: Scores and predictions on the dev part, ``None`` without one.
        test: Scores and predictions on the test part, ``None`` without one.
        notes: What reading, cleaning and splitting did.
        files: What was written, by purpose.
        history: Logged losses and evaluations, as in ``history.jsonl``.
        best_step: Optimizer step of the weights, the one with the best dev F1.
        train_s: Seconds of training.
    """

    folder: Path
    predictor: Predictor
    dev: Judged | None
    test: Judged | None
    notes: tuple[Note, ...]
    files: dict[str, Path]
    history: list[dict[str, Any]]
    best_step: int
    train_s: float

    def __repr__(self) -> str:
        return f"TrainResult(folder={str(self.folder)!r}, dev={self.dev}, test={self.test}, {self.train_s:.0f} s)"


@dataclass(frozen=True, repr=False)
class CompareResult:
    """A finished comparison.

    Attributes:
        folder: Where its runs and files are.
        comparison: Arms beside the baseline.
        files: What was written, by purpose.
    """

    folder: Path
    comparison: Comparison
    files: dict[str, Path]

    @property
    def verdict(self) -> str:
        """What the figures say, in plain words."""
        return self.comparison.verdict

    def __repr__(self) -> str:
        return f"CompareResult(folder={str(self.folder)!r}, {self.verdict})"


@dataclass(frozen=True, repr=False)
class TuneResult:
    """A finished search.

    Attributes:
        folder: Where its files are.
        search: Its trials, the winner among them.
        config: Settings of the winner, ``None`` if every trial failed.
        model: The winner's run: its folder, model and scores; ``None`` if every trial failed, or if its weights are
            with another machine of the search.
        files: What was written, by purpose.
    """

    folder: Path
    search: Search
    config: RunConfig | None
    model: TrainResult | None
    files: dict[str, Path]

    @property
    def verdict(self) -> str:
        """What the figures say, in plain words."""
        return self.search.verdict

    def __repr__(self) -> str:
        return f"TuneResult(folder={str(self.folder)!r}, {self.verdict})"
