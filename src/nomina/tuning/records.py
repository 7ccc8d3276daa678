"""``Record``: a trial of a search as it stands, read from Optuna's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from nomina.scoring.search import CurvePoint, Value

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["Record", "Unit", "attributes_of", "read_record"]


class Unit(NamedTuple):
    """What is trained: a cell of the search, with a seed."""

    cell: int
    seed: int

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return f"{self.cell:04d}-{self.seed}"


@dataclass(frozen=True)
class Record:
    """A trial as it stands.

    Attributes:
        unit: What it trains.
        number: Optuna's number.
        trial_id: Optuna's id.
        state: ``"waiting"``, ``"running"``, ``"finished"``, ``"beaten"``, ``"failed"`` or ``"lost"``.
        params: Its settings.
        scores: Best dev F1 at each rung it has reached.
        curve: Dev F1 along the way.
        epochs: Epochs it was trained for.
        train_s: Seconds of training and scoring.
        home: Which output folder its checkpoints are in; empty before there are any.
        worker: Who trains it.
        counts: Correct, predicted and gold entities of each dev sentence, [n_sentences][3], once it is finished.
        error: Why it failed.
        deaths: How many workers died over its present part.
        beat: Last sign of life of its worker.
        points: Dev F1 by percent of a full run, as Optuna has it.
        times: Seconds since 1970 at which it was first begun and ended, ``None`` where it was not.
    """

    unit: Unit
    number: int
    trial_id: int
    state: str
    params: Mapping[str, Value]
    scores: tuple[float, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    epochs: float = 0.0
    train_s: float = 0.0
    home: str = ""
    worker: str = ""
    counts: Sequence[Sequence[int]] | None = None
    error: str | None = None
    deaths: int = 0
    beat: int = 0
    points: Mapping[int, float] = field(default_factory=dict)
    times: tuple[float | None, float | None] = (None, None)

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in ("finished", "beaten", "failed")

    @property
    def best(self) -> float | None:
        """Best dev F1 so far; of a finished trial, that of the weights it ends with."""
        if self.state == "finished":
            return self.scores[-1]  # not that of a pause in mid-epoch, whose weights are not kept
        return max((point.f1 for point in self.curve), default=None)


def attributes_of(record: Record) -> dict[str, Any]:
    """What a fresh trial takes over from a lost one, as attributes of Optuna's trial."""
    return {
        "scores": list(record.scores),
        "curve": [list(point) for point in record.curve],
        "epochs": record.epochs,
        "train_s": record.train_s,
        "home": record.home,
        "begun": record.times[0],
    }


def read_record(trial: FrozenTrial) -> Record:
    """A trial of Optuna's as a record."""
    attributes = trial.user_attrs
    state = {"WAITING": "waiting", "RUNNING": "running", "COMPLETE": "finished", "PRUNED": "beaten", "FAIL": "failed"}[
        trial.state.name
    ]
    if state == "failed" and (attributes.get("lost") or "error" not in attributes):
        state = "lost"
    ended = trial.datetime_complete
    return Record(
        unit=Unit(*attributes["unit"]),
        number=trial.number,
        trial_id=trial._trial_id,
        state=state,
        params=trial.params,
        scores=tuple(attributes.get("scores", ())),
        curve=tuple(CurvePoint(*point) for point in attributes.get("curve", ())),
        epochs=attributes.get("epochs", 0.0),
        train_s=attributes.get("train_s", 0.0),
        home=attributes.get("home", ""),
        worker=attributes.get("worker", ""),
        counts=attributes.get("counts"),
        error=attributes.get("error"),
        deaths=attributes.get("deaths", 0),
        beat=attributes.get("beat", 0),
        points=trial.intermediate_values,
        times=(attributes.get("begun"), None if ended is None else ended.timestamp()),
    )
