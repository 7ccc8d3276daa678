"""Figures of an evaluation counted anew from ``predictions.jsonl``, by plain loops and by other people's packages.

Nothing of nomina is imported here: where two counts agree, they agree for a reason.
"""

from __future__ import annotations

import json
import math
import warnings
from base64 import b64decode
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["KINDS", "Bracket", "Counted", "Entity", "Pair", "Recount", "kind_of", "pair_up", "read_entities"]

Tags: TypeAlias = Sequence[Sequence[str]]
Floats: TypeAlias = npt.NDArray[np.float64]
Bracket: TypeAlias = tuple[float, float]
"""Between which two numbers a printed one lies."""

KINDS = ("correct", "type", "boundary", "both", "missed", "spurious")
ROUNDING = 0.5e-6
"""Of the scores in ``predictions.jsonl``."""

N_DRAWS, N_OWN_DRAWS = 10_000, 20_000
_MAX_DEVIATIONS = 4.5


class Entity(NamedTuple):
    """Type, first word, and the word after the last."""

    label: str
    start: int
    end: int


Pair: TypeAlias = tuple[Entity | None, Entity | None]
"""Gold and predicted."""


class Counted(NamedTuple):
    """Correct, predicted and gold entities."""

    n_correct: int
    n_predicted: int
    n_gold: int

    @property
    def shares(self) -> tuple[float, float, float]:
        """Precision, recall, F1."""
        p = self.n_correct / self.n_predicted if self.n_predicted else 0.0
        r = self.n_correct / self.n_gold if self.n_gold else 0.0
        return p, r, 2 * p * r / (p + r) if p + r else 0.0


def read_entities(tags: Sequence[str]) -> list[Entity]:
    """The entities of a sentence as seqeval itself reads them."""
    from seqeval.metrics.sequence_labeling import get_entities

    return [Entity(label, start, end + 1) for label, start, end in get_entities(list(tags))]


def pair_up(gold: Iterable[Entity], predicted: Iterable[Entity]) -> list[Pair]:
    """Same words, the same type first; then shared words: the same type, the most, the leftmost first; then others."""
    free_gold, free = sorted(gold, key=lambda e: e[1:]), sorted(predicted, key=lambda e: e[1:])
    pairs: list[Pair] = []
    rules: list[Callable[[Entity, Entity], bool]] = [
        lambda a, b: a == b,
        lambda a, b: a[1:] == b[1:],
        lambda a, b: a.label == b.label,
        lambda a, b: True,
    ]
    for rule in rules:
        while True:
            shared = {
                (a, b): len(set(range(*a[1:])) & set(range(*b[1:]))) for a in free_gold for b in free if rule(a, b)
            }
            most = max(shared.values(), default=0)
            if not most:
                break
            one, other = min((pair for pair, n in shared.items() if n == most), key=lambda p: (p[0].start, p[1].start))
            pairs.append((one, other))
            free_gold.remove(one)
            free.remove(other)
    return [*pairs, *((one, None) for one in free_gold), *((None, other) for other in free)]


def kind_of(pair: Pair) -> str:
    gold, predicted = pair
    if gold is None or predicted is None:
        return "missed" if predicted is None else "spurious"
    if gold[1:] == predicted[1:]:
        return "correct" if gold.label == predicted.label else "type"
    return "boundary" if gold.label == predicted.label else "both"


def draw(counts: Floats) -> Floats:
    """Sums [n_draws, ...] of as many units as there are, drawn with replacement from [n_units, ...]."""
    return np.tensordot(_times_drawn(len(counts)), counts, axes=1)


@cache
def _times_drawn(n_units: int) -> Floats:
    """How often each unit is in each draw."""
    return np.random.default_rng(97).multinomial(n_units, [1 / n_units] * n_units, size=N_OWN_DRAWS).astype(np.float64)


def ends_of(drawn: Floats, n_filled: int) -> tuple[Bracket, Bracket]:
    """Where the ends of a 95 % interval lie that another 10,000 draws give.

    The ends are percentiles of draws and so known up to their rank, not up to a distance: with few entities, scores
    take few values, and a percentile can jump from one to the next.

    Args:
        drawn: A figure of each draw; NaN where there is none.
        n_filled: Units that say something; with fewer than two the interval is 0 to 1.
    """
    if n_filled < 2:
        return (0.0, 0.0), (1.0, 1.0)
    drawn = drawn[~np.isnan(drawn)]
    per_draw = 1 / len(drawn) + N_OWN_DRAWS / N_DRAWS / len(drawn)
    slack = _MAX_DEVIATIONS * math.sqrt(0.025 * 0.975 * per_draw)
    ranks = [max(0.025 - slack, 0.0), 0.025 + slack, 0.975 - slack, min(0.975 + slack, 1.0)]
    low, low_end, high, high_end = np.quantile(drawn, ranks).tolist()
    return (low, low_end), (high, high_end)


def f1(sums: Floats) -> Floats:
    """F1 of sums of correct, predicted and gold; NaN without entities."""
    with np.errstate(invalid="ignore"):
        result: Floats = 2 * sums[..., 0] / (sums[..., 1] + sums[..., 2])
    return result


@dataclass
class Recount:
    """An evaluation, from its file of predictions.

    Attributes:
        rows: The lines of ``predictions.jsonl``.
        scheme: Of the tags.
        temperature: Of the scores.
        seen: Hashes of the mentions in training by type; ``None`` where they are not known.
        borders: Where windows end in each sentence, which only the encoder knows.
    """

    rows: list[dict[str, Any]]
    scheme: str
    temperature: float
    seen: dict[str, set[bytes]] | None
    borders: Sequence[Sequence[int]] = field(default_factory=list)

    @classmethod
    def read(cls, predictions: Path, model: Path, borders: Sequence[Sequence[int]]) -> Recount:
        """Read the predictions of a model folder."""
        lines = predictions.read_text(encoding="utf-8").splitlines()
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
        mentions = json.loads((model / "mentions.json").read_text(encoding="utf-8"))
        seen = {}
        for label, text in mentions["types"].items():
            joined = b64decode(text)
            seen[label] = {joined[i : i + 8] for i in range(0, len(joined), 8)}
        return cls([json.loads(line) for line in lines], config["scheme"], config["span_temperature"], seen, borders)

    @cached_property
    def gold_tags(self) -> list[list[str]]:
        return [row["ner_tags"] for row in self.rows]

    @cached_property
    def tags(self) -> list[list[str]]:
        return [row["predicted_tags"] for row in self.rows]

    @cached_property
    def gold(self) -> list[list[Entity]]:
        return [read_entities(tags) for tags in self.gold_tags]

    @cached_property
    def predicted(self) -> list[list[Entity]]:
        return [read_entities(tags) for tags in self.tags]

    @cached_property
    def types(self) -> list[str]:
        return sorted({entity.label for side in (self.gold, self.predicted) for found in side for entity in found})

    @cached_property
    def pairs(self) -> list[list[Pair]]:
        return [pair_up(own, found) for own, found in zip(self.gold, self.predicted, strict=True)]

    @property
    def n_words(self) -> int:
        return sum(len(row["tokens"]) for row in self.rows)

    @property
    def n_repaired(self) -> int:
        """Predicted sequences in which something follows that must not, by the letters of the scheme."""
        return sum(not all(self._may_follow(*both) for both in pairwise(["O", *tags, "O"])) for tags in self.tags)

    def _may_follow(self, before: str, now: str) -> bool:
        if self.scheme == "IOB2":
            return now[0] != "I" or (before[0] in "BI" and before[1:] == now[1:])
        assert self.scheme == "BIOES"
        is_open = before[0] in "BI"
        return (now[0] in "IE" and before[1:] == now[1:]) if is_open else now[0] in "OBS"

    def counted(self, label: str | None = None) -> Counted:
        """Of one type, or of all."""
        found = [0, 0, 0]
        for gold, predicted in zip(self.gold, self.predicted, strict=True):
            own, other = ({e for e in side if label in (None, e.label)} for side in (gold, predicted))
            found = [found[0] + len(own & other), found[1] + len(other), found[2] + len(own)]
        return Counted(*found)

    # By seqeval and nervaluate themselves.

    def seqeval(self, *, strict: bool, average: str | None = "micro", tags: Tags | None = None) -> Any:
        """Precision, recall and F1, and with ``average=None`` one of each per type: the official figures."""
        from seqeval import scheme
        from seqeval.metrics import sequence_labeling, v1

        sides = self.gold_tags, [list(s) for s in tags or self.tags]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not strict:
                return sequence_labeling.precision_recall_fscore_support(*sides, average=average)[:3]
            rules = {"IOB2": scheme.IOB2, "BIOES": scheme.IOBES}[self.scheme]
            return v1.precision_recall_fscore_support(*sides, average=average, scheme=rules)[:3]

    def seqeval_types(self, *, strict: bool) -> dict[str, tuple[float, float, float]]:
        """The same by type."""
        from seqeval import scheme

        if strict:
            rules = {"IOB2": scheme.IOB2, "BIOES": scheme.IOBES}[self.scheme]
            sides = (scheme.Entities(tags, rules) for tags in (self.gold_tags, self.tags))
            names = sorted(set().union(*(side.unique_tags for side in sides)))
        else:
            names = self.types
        return dict(zip(names, zip(*self.seqeval(strict=strict, average=None), strict=True), strict=True))

    def nervaluate(self) -> dict[str, tuple[float, float, float]]:
        """Precision, recall and F1 by mode."""
        from nervaluate import Evaluator

        sides: list[Any] = [self.gold_tags, self.tags]
        if self.scheme != "IOB2":  # nervaluate cannot read the tags
            keys = "label", "start", "end"
            spans = (
                [[(e.label, e.start, e.end - 1) for e in found] for found in side]
                for side in (self.gold, self.predicted)
            )
            sides = [[[dict(zip(keys, span, strict=True)) for span in found] for found in side] for side in spans]
        loader = "list" if self.scheme == "IOB2" else "dict"
        overall = Evaluator(*sides, tags=self.types, loader=loader).evaluate()["overall"]
        modes = {"strict": "strict", "exact": "exact", "partial": "partial", "type": "ent_type"}
        return {name: (overall[of].precision, overall[of].recall, overall[of].f1) for name, of in modes.items()}

    # Intervals.

    @cached_property
    def units(self) -> list[int]:
        """What is drawn: ten documents or more where every sentence has one, else sentences."""
        documents = [row["document"] for row in self.rows]
        if None in documents or len(set(documents)) < 10:
            return list(range(len(self.rows)))
        return [sorted(set(documents)).index(document) for document in documents]

    def by_unit(self, cells: Mapping[tuple[int, int], Counted], n_columns: int, units: Sequence[int]) -> Floats:
        """Sum counts by sentence and column to [n_units, n_columns, 3]."""
        counts = np.zeros((max(units) + 1, n_columns, 3))
        for (sentence, column), counted in cells.items():
            counts[units[sentence], column] += counted
        return counts

    def intervals(self) -> list[tuple[Bracket, Bracket]]:
        """Of precision, recall, F1, macro F1, then of the F1 of each type."""
        cells = {}
        for i, (gold, predicted) in enumerate(zip(self.gold, self.predicted, strict=True)):
            for column, label in enumerate(self.types):
                own, other = ({e for e in side if e.label == label} for side in (gold, predicted))
                cells[i, column] = Counted(len(own & other), len(other), len(own))
        counts = self.by_unit(cells, len(self.types), self.units)

        def figures(sums: Floats) -> Floats:
            right, found, own = sums.sum(axis=1).T
            each = f1(sums)
            zero = np.zeros_like(right)
            precision, recall = (np.divide(right, of, out=zero.copy(), where=of > 0) for of in (found, own))
            return np.column_stack([precision, recall, f1(sums.sum(axis=1)), np.nanmean(each, axis=1), each])

        n_filled = [int(counts.any(axis=(1, 2)).sum())] * 4 + counts.any(axis=2).sum(axis=0).tolist()
        return [ends_of(drawn, n) for drawn, n in zip(figures(draw(counts)).T, n_filled, strict=True)]

    def difference(self, rival: Tags) -> tuple[float, tuple[Bracket, Bracket], Bracket]:
        """F1 less the F1 of another model, the ends of its interval, and the p-value."""
        cells = {}
        for i, own in enumerate(self.gold):
            for column, found in enumerate((self.predicted[i], read_entities(rival[i]))):
                cells[i, column] = Counted(len(set(own) & set(found)), len(found), len(own))
        counts = self.by_unit(cells, 2, self.units)

        def less(sums: Floats) -> Floats:
            both = f1(sums)
            return both[..., 0] - both[..., 1]

        drawn = less(draw(counts))
        share = float(min((drawn <= 0).mean(), (drawn >= 0).mean()))
        slack = _MAX_DEVIATIONS * math.sqrt(max(share, 1e-4) * (1 / N_DRAWS + 1 / N_OWN_DRAWS))
        p_value = max(0.0, 2 * (share - slack)), min(1.0, 2 * (share + slack) + 2 / N_DRAWS)
        return float(less(counts.sum(axis=0))), ends_of(drawn, len(counts)), p_value

    # Confidence.

    @cached_property
    def outcomes(self) -> list[tuple[float, bool]]:
        """Score of each predicted entity, and whether it is right."""
        return [
            (score, entity in gold)
            for row, gold, predicted in zip(self.rows, self.gold, self.predicted, strict=True)
            for score, entity in zip(row["scores"], sorted(predicted, key=lambda e: e.start), strict=True)
        ]

    def before(self, p: float) -> float:
        """The probability that the temperature made p of."""
        if self.temperature == 1:
            return p
        limit = 25 * math.log(2) / self.temperature
        odds = limit if p >= 1 else -limit if p <= 0 else min(max(math.log(p / (1 - p)), -limit), limit)
        return 1 / (1 + math.exp(-odds * self.temperature))

    def reliability(self, *, calibrated: bool) -> tuple[Bracket, Bracket]:
        """Expected calibration error and Brier score, as far as the rounded scores tell."""
        from sklearn.metrics import brier_score_loss

        change: Callable[[float], float] = (lambda p: p) if calibrated else self.before
        p = [change(score) for score, _ in self.outcomes]
        ends = [(change(max(score - ROUNDING, 0)), change(min(score + ROUNDING, 1))) for score, _ in self.outcomes]
        slack = sum(high - low for low, high in ends) / len(ends)
        # A score near the border of two bins may have been in either; the error is then one of several.
        places = [
            sorted({max(math.ceil(x * 10) - 1, 0) for x in (value, *near)}) for value, near in zip(p, ends, strict=True)
        ]
        errors = []
        for numbers in product(*places):
            bins: defaultdict[int, float] = defaultdict(float)
            for number, value, (_, is_right) in zip(numbers, p, self.outcomes, strict=True):
                bins[number] += value - is_right
            errors.append(sum(map(abs, bins.values())) / len(p))
        brier = float(brier_score_loss([is_right for _, is_right in self.outcomes], p, pos_label=True))
        return (min(errors) - slack, max(errors) + slack), (brier - 2 * slack, brier + 2 * slack)

    def above(self, threshold: float) -> Counted:
        """What is left of the predicted entities that are at least so sure."""
        kept = [is_right for score, is_right in self.outcomes if score >= threshold]
        return Counted(sum(kept), len(kept), sum(map(len, self.gold)))

    def is_clear(self, threshold: float) -> bool:
        """Whether no score may have been on its other side before it was rounded."""
        return all(abs(score - threshold) > ROUNDING for score, _ in self.outcomes)

    @property
    def best_threshold(self) -> float:
        """Of the highest F1; of equals, the lowest."""
        scores = sorted({score for score, _ in self.outcomes})
        f1_of = {score: self.above(score).shares[2] for score in scores}
        return max(scores, key=lambda score: (round(f1_of[score], 12), -score))
