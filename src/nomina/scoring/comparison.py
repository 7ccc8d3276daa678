"""Arms of a comparison beside their baseline: figures, and what they say in plain words."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nomina.scoring.significance import Difference, holm, mean_f1, paired_bootstrap

__all__ = ["ArmRow", "Comparison", "compare_arms"]


@dataclass(frozen=True)
class ArmRow:
    """One arm under one choice of part-of-speech tags.

    Attributes:
        arm: Its name.
        tags: What the tags were: ``"words"`` (none are read), ``"given"``, ``"source"``, ``"none"``, ``"shuffled"``.
        is_main: Whether these are the tags that the arm was trained for.
        n_train: Sentences it was trained on.
        f1: Test F1 (seqeval's default) of each seed, in [0, 1].
        difference: To the baseline of the same size; ``None`` for the baseline itself.
        p_holm: The p-value, allowing for the number of arms; ``None`` for the baseline and for rows that are not main.
        n_better: Seeds whose F1 is above the baseline's with the same seed.
        train_s: Mean seconds of training.
        pos_accuracy: Mean share of words with the right tag from the arm's source, in [0, 1]; ``None`` without one.
    """

    arm: str
    tags: str
    is_main: bool
    n_train: int
    f1: tuple[float, ...]
    difference: Difference | None
    p_holm: float | None
    n_better: int
    train_s: float
    pos_accuracy: float | None = None

    @property
    def mean(self) -> float:
        """Mean F1 over the seeds, in [0, 1]."""
        return statistics.fmean(self.f1)

    @property
    def deviation(self) -> float:
        """Standard deviation of the F1 over the seeds (n - 1); 0.0 with one seed."""
        return statistics.stdev(self.f1) if len(self.f1) > 1 else 0.0

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "arm": self.arm,
            "tags": self.tags,
            "main": self.is_main,
            "n_train": self.n_train,
            "f1": [round(f1, 6) for f1 in self.f1],
            "mean": round(self.mean, 6),
            "deviation": round(self.deviation, 6),
            "difference": None if self.difference is None else self.difference._asdict(),
            "p_holm": self.p_holm,
            "n_better": self.n_better,
            "train_s": round(self.train_s, 2),
            "pos_accuracy": self.pos_accuracy,
        }


@dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes:
        baseline: Name of the arm that the others are measured by.
        rows: Arms in their order, sizes ascending; each with its main row first.
        seeds: Seeds of each arm.
        n_test: Test sentences.
        notes: What reading and splitting did, and which arms could not be run.
    """

    baseline: str
    rows: tuple[ArmRow, ...]
    seeds: tuple[int, ...]
    n_test: int
    notes: tuple[str, ...] = field(default=())

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of training sentences, ascending."""
        return tuple(sorted({row.n_train for row in self.rows}))

    @property
    def n_seeds(self) -> str:
        """How many seeds, in words."""
        return "1 seed" if len(self.seeds) == 1 else f"{len(self.seeds)} seeds"

    def main_rows(self, n_train: int) -> list[ArmRow]:
        """Each arm under the tags that it was trained for, the baseline first."""
        return [row for row in self.rows if row.is_main and row.n_train == n_train]

    @property
    def verdict(self) -> str:
        """What the figures say, in plain words, for each size."""
        return "\n".join(self._verdict(size) for size in self.sizes)

    def _verdict(self, n_train: int) -> str:
        _, *others = self.main_rows(n_train)
        head = f"{n_train:,} training sentences, {self.n_test:,} test sentences, {self.n_seeds}. "
        with_tags = [row for row in others if row.tags != "words"]
        without = [row for row in others if row.tags == "words"]
        parts = [("Do part-of-speech tags help?", with_tags), ("Does anything else?", without)]
        return head + " ".join(f"{question} {self._answer(rows)}" for question, rows in parts if rows)

    def _answer(self, rows: Sequence[ArmRow]) -> str:
        """What arms of one kind give."""
        helped = [row for row in rows if _is_sure(row) and row.difference and row.difference.f1 > 0]
        hurt = [row for row in rows if _is_sure(row) and row.difference and row.difference.f1 < 0]
        best = max(helped or rows, key=lambda row: row.mean)
        if helped:
            text = f"Yes: {best.arm!r}, {_points(best)}."
        else:
            text = f"Not beyond doubt. The best arm is {best.arm!r}, {_points(best)}."
        if len(helped) > 1:
            text += f" So do {', '.join(repr(row.arm) for row in helped if row is not best)}."
        if hurt:
            text += f" Worse than {self.baseline!r}: {', '.join(repr(row.arm) for row in hurt)}."
        return text + "".join(self._dependence(best))

    def _dependence(self, best: ArmRow) -> list[str]:
        said = {
            "none": "without any tags",
            "source": "with the tags of its source",
            "shuffled": "with tags dealt out at random",
        }
        rows = [row for row in self.rows if (row.arm, row.n_train) == (best.arm, best.n_train) and not row.is_main]
        return [
            f" Scored {said[row.tags]}, it has {100 * row.mean:.2f} ({_signed(row)} to {self.baseline!r})."
            for row in rows
            if row.tags in said and row.difference is not None
        ]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "baseline": self.baseline,
            "seeds": list(self.seeds),
            "n_test": self.n_test,
            "rows": [row.to_dict() for row in self.rows],
            "verdict": self.verdict,
            "notes": list(self.notes),
        }


def _is_sure(row: ArmRow) -> bool:
    return row.difference is not None and row.p_holm is not None and row.p_holm < 0.05


def _signed(row: ArmRow) -> str:
    return "" if row.difference is None else f"{100 * row.difference.f1:+.2f}"


def _points(row: ArmRow) -> str:
    assert row.difference is not None
    low, high = 100 * row.difference.low, 100 * row.difference.high
    return (
        f"{_signed(row)} points of F1 (95 % interval {low:+.2f} to {high:+.2f}, p = {row.difference.p_value:.2g}, "
        f"{row.p_holm:.2g} allowing for the number of arms; better with {row.n_better} of {len(row.f1)} seeds)"
    )


def compare_arms(
    counts: Mapping[tuple[str, str, int], npt.NDArray[np.int64]],
    *,
    main_tags: Mapping[str, str],
    train_s: Mapping[tuple[str, int], float],
    pos_accuracy: Mapping[tuple[str, int], float],
    seeds: Sequence[int],
    notes: Sequence[str] = (),
) -> Comparison:
    """Measure all arms by the first one.

    Args:
        counts: Of each arm, choice of tags and training size, from
            :func:`nomina.scoring.significance.sentence_counts`, int64 [n_seeds, n_sentences, 3]; the baseline first.
        main_tags: The tags that each arm was trained for.
        train_s: Mean seconds of training, by arm and size.
        pos_accuracy: Of arms with a source of tags, by arm and size.
        seeds: Of each arm.
        notes: To keep with the result.
    """
    baseline = next(iter(counts))[0]
    rows: list[ArmRow] = []
    for (arm, tags, size), own in counts.items():
        against = counts[baseline, main_tags[baseline], size]
        is_main = tags == main_tags[arm]
        is_baseline = arm == baseline and is_main
        f1, base_f1 = (mean_f1(table.sum(1)[:, None]) for table in (own, against))
        rows.append(
            ArmRow(
                arm=arm,
                tags=tags,
                is_main=is_main,
                n_train=size,
                f1=tuple(f1.tolist()),
                difference=None if is_baseline else paired_bootstrap(own, against),
                p_holm=None,
                n_better=int((f1 > base_f1).sum()),
                train_s=train_s[arm, size],
                pos_accuracy=pos_accuracy.get((arm, size)),
            )
        )
    order = {arm: i for i, arm in enumerate(dict.fromkeys(arm for arm, _, _ in counts))}
    rows.sort(key=lambda row: (row.n_train, order[row.arm], not row.is_main))
    n_test = next(iter(counts.values())).shape[1]
    return Comparison(baseline, tuple(_with_holm(rows)), tuple(seeds), n_test, tuple(notes))


def _with_holm(rows: Sequence[ArmRow]) -> list[ArmRow]:
    """P-values that allow for the number of arms of one size."""
    from dataclasses import replace

    adjusted: dict[int, float] = {}
    for size in {row.n_train for row in rows}:
        family = [i for i, row in enumerate(rows) if row.is_main and row.difference and row.n_train == size]
        p_values = [difference.p_value for i in family if (difference := rows[i].difference)]
        adjusted |= dict(zip(family, holm(p_values), strict=True))
    return [replace(row, p_holm=adjusted.get(i)) for i, row in enumerate(rows)]
