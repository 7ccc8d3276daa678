"""Arms of a comparison beside their baseline: figures, and what they say in plain words."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nomina.scoring.significance import Difference, holm, micro_f1, paired_bootstrap

__all__ = ["ArmRow", "Comparison", "compare_arms"]

_LEVEL = 0.05


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
        train_s: Mean seconds of training, over the seeds that were trained at one go; ``None`` where none was.
        reference: The arm that differs from a tag-reading one in the tags alone; ``None`` where there is none.
        by_tags: Difference to the reference, ``None`` without one.
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
    train_s: float | None
    reference: str | None = None
    by_tags: Difference | None = None
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
            "train_s": None if self.train_s is None else round(self.train_s, 2),
            "reference": self.reference,
            "by_tags": None if self.by_tags is None else self.by_tags._asdict(),
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
        n_entities: Gold entities in them.
        notes: What reading and splitting did, and which arms could not be run.
    """

    baseline: str
    rows: tuple[ArmRow, ...]
    seeds: tuple[int, ...]
    n_test: int
    n_entities: int
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
        rows = self.main_rows(n_train)
        head = f"{n_train:,} training sentences, {self.n_test:,} test sentences, {self.n_seeds}."
        by_tags = [_Claim(row, row.by_tags, row.reference) for row in rows if row.by_tags and row.reference]
        others = [_Claim(row, row.difference, self.baseline) for row in rows if row.difference and not row.by_tags]
        parts = [
            (question, claims)
            for question, claims in (
                ("Do part-of-speech tags help?", by_tags),
                (f"Is anything else better than {self.baseline!r}?", others),
            )
            if claims
        ]
        return " ".join([head, *(f"{question} {self._answer(claims)}" for question, claims in parts)])

    def _answer(self, claims: Sequence[_Claim]) -> str:
        """What arms of one kind give, allowing for how many there are."""
        adjusted = holm([claim.difference.p_value for claim in claims])
        # With one seed, another training of the same arm might differ as much.
        sure = [c for c, p in zip(claims, adjusted, strict=True) if p < _LEVEL and len(self.seeds) > 1]
        helped = [claim for claim in sure if claim.difference.f1 > 0]
        best = max(helped or claims, key=lambda claim: claim.difference.f1)
        points = best.in_words(adjusted[claims.index(best)])
        text = f"Yes: {points}." if helped else f"Not beyond doubt. The best arm is {points}."
        if len(helped) > 1:
            text += f" So do {', '.join(repr(claim.row.arm) for claim in helped if claim is not best)}."
        hurt = [claim.row.arm for claim in sure if claim.difference.f1 < 0]
        if hurt:
            text += f" Worse: {', '.join(map(repr, hurt))}."
        return text + "".join(self._dependence(best.row))

    def _dependence(self, best: ArmRow) -> list[str]:
        said = {
            "none": "without any tags",
            "source": "with predicted tags",
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
            "n_entities": self.n_entities,
            "rows": [row.to_dict() for row in self.rows],
            "verdict": self.verdict,
            "notes": list(self.notes),
        }


class _Claim(NamedTuple):
    """That an arm differs from another."""

    row: ArmRow
    difference: Difference
    reference: str

    def in_words(self, p_adjusted: float) -> str:
        """The difference with its interval."""
        f1, low, high, p_value = self.difference
        return (
            f"{self.row.arm!r}, {100 * f1:+.2f} points of F1 to {self.reference!r} (95 % interval {100 * low:+.2f} to "
            f"{100 * high:+.2f}, p = {p_value:.2g}, {p_adjusted:.2g} allowing for the number of arms)"
        )


def _signed(row: ArmRow) -> str:
    return "" if row.difference is None else f"{100 * row.difference.f1:+.2f}"


def compare_arms(
    counts: Mapping[tuple[str, str, int], npt.NDArray[np.int64]],
    *,
    main_tags: Mapping[str, str],
    references: Mapping[str, str],
    train_s: Mapping[tuple[str, int], float | None],
    pos_accuracy: Mapping[tuple[str, int], float],
    seeds: Sequence[int],
    notes: Sequence[str] = (),
) -> Comparison:
    """Measure all arms by the first one.

    Args:
        counts: Of each arm, choice of tags and training size, from
            :func:`nomina.scoring.significance.sentence_counts`, int64 [n_seeds, n_sentences, 3]; the baseline first.
        main_tags: The tags that each arm was trained for.
        references: Of arms that read tags, the one that differs in the tags alone, where there is one.
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
        f1, base_f1 = (micro_f1(table.sum(1)) for table in (own, against))
        reference = references.get(arm) if is_main else None
        by_tags = None
        if reference is not None:
            by_tags = paired_bootstrap(own, counts[reference, main_tags[reference], size])
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
                reference=reference,
                by_tags=by_tags,
                pos_accuracy=pos_accuracy.get((arm, size)),
            )
        )
    order = {arm: i for i, arm in enumerate(dict.fromkeys(arm for arm, _, _ in counts))}
    rows.sort(key=lambda row: (row.n_train, order[row.arm], not row.is_main))
    first = next(iter(counts.values()))
    return Comparison(
        baseline=baseline,
        rows=tuple(_with_holm(rows)),
        seeds=tuple(seeds),
        n_test=first.shape[1],
        n_entities=int(first[0, :, 2].sum()),
        notes=tuple(notes),
    )


def _with_holm(rows: Sequence[ArmRow]) -> list[ArmRow]:
    """P-values that allow for the number of arms of one size."""
    adjusted: dict[int, float] = {}
    for size in {row.n_train for row in rows}:
        family = [i for i, row in enumerate(rows) if row.is_main and row.difference and row.n_train == size]
        p_values = [difference.p_value for i in family if (difference := rows[i].difference)]
        adjusted |= dict(zip(family, holm(p_values), strict=True))
    return [replace(row, p_holm=adjusted.get(i)) for i, row in enumerate(rows)]
